import type { Dialect } from '../../core/dialect.ts';
import { addSystem } from './add-system.ts';
import { errorFrame, readError, writeError } from './errors.ts';
import { ID } from './fields.ts';
import { frameTexts } from './frame-texts.ts';
import { limitOutput } from './limit-output.ts';
import { markPrefix } from './mark-prefix.ts';
import { patch } from './patch.ts';
import { readCall, readHead } from './read-call.ts';
import { readReply, replyUsage, writeReply } from './reply.ts';
import { EventReader } from './reply-reader.ts';
import { FrameWriter } from './reply-writer.ts';
import { ISSUER } from './signatures.ts';
import { replyTexts, texts } from './texts.ts';
import { writeCall } from './write-call.ts';

/** Anthropic's Messages API. Source: docs.claude.com/en/api/messages. */
export const anthropic: Dialect = {
  id: ID,
  path: '/v1/messages',
  head: readHead,
  readCall,
  writeCall,
  patch: (head, model, _quirks, fields) => patch(head, model, fields),
  limitOutput,
  markPrefix,
  texts,
  addSystem,

  replyReader: () => new EventReader(),
  replyWriter: (options) => new FrameWriter(options),
  readReply,
  replyUsage,
  writeReply,
  replyTexts,

  readError,
  writeError,
  errorFrame,

  // With their quotes: inside a text of the model they would stand escaped.
  notable: /"message_(?:start|delta|stop)"|"error"|event: ?error/,
  frameTexts,
  isUsageOnly: () => false,
  // With the name of the field: a piece of text may be just these words.
  terminators: ['"type":"message_stop"', '"type": "message_stop"'],
  issuer: ISSUER,
  counting: {
    url: (answering) => (answering.endsWith('/messages') ? `${answering}/count_tokens` : undefined),
    write: (tokens) => ({ input_tokens: tokens }),
  },
};
