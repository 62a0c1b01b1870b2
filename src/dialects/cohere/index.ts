import type { Dialect } from '../../core/dialect.ts';
import { withLimit } from '../../core/output-limit.ts';
import { readError } from '../../core/vendor-error.ts';
import { errorFrame, writeError } from './errors.ts';
import { ID } from './fields.ts';
import { readCall, readHead } from './read-call.ts';
import { readReply, replyUsage, writeReply } from './reply.ts';
import { EventReader } from './reply-reader.ts';
import { FrameWriter } from './reply-writer.ts';
import { addSystem, frameTexts, replyTexts, texts } from './texts.ts';
import { writeCall } from './write-call.ts';

/** Cohere's Chat API, version 2. Source: https://docs.cohere.com/reference/chat */
export const cohere: Dialect = {
  id: ID,
  path: '/v2/chat',
  issuer: 'other',
  head: readHead,
  readCall,
  writeCall,
  limitOutput: (body, tokens) => withLimit(body, ['max_tokens'], tokens),
  patch: (_head, model) => ({ model }),
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

  notable: /"message-end"|event: ?error|"type": ?"error"/,
  frameTexts,
  isUsageOnly: () => false,
  // With the name of the field: a piece of text may be just these words.
  terminators: ['"type":"message-end"', '"type": "message-end"'],
};
