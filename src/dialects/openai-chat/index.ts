import type { Dialect } from '../../core/dialect.ts';
import { errorFrame, writeError } from '../../core/openai/errors.ts';
import { DONE, isUsageOnly, notable } from '../../core/openai/frames.ts';
import { keyed } from '../../core/openai/mark-prefix.ts';
import { withLimit } from '../../core/output-limit.ts';
import { readError } from '../../core/vendor-error.ts';
import { addSystem } from './add-system.ts';
import { ID } from './fields.ts';
import { frameTexts } from './frame-texts.ts';
import { patch, readHead } from './head.ts';
import { readCall } from './read-call.ts';
import { readReply, replyUsage, writeReply } from './reply.ts';
import { StreamReader } from './reply-reader.ts';
import { StreamWriter } from './reply-writer.ts';
import { ISSUER } from './signatures.ts';
import { spelt } from './spelt.ts';
import { replyTexts, texts } from './texts.ts';
import { writeCall } from './write-call.ts';

/** OpenAI's Chat Completions, as OpenAI and the many vendors speak it that followed. */
export const openaiChat: Dialect = {
  id: ID,
  path: '/chat/completions',
  head: readHead,
  patch,
  readCall,
  writeCall,
  spelt,
  // OpenAI takes one of the two; the older one is the one that every vendor who followed knows.
  limitOutput: (body, tokens, { maxTokensField = 'max_completion_tokens' }) =>
    withLimit(body, [body.max_tokens === undefined ? maxTokensField : 'max_tokens'], tokens),
  markPrefix: (body, marks) => keyed(body, body.messages, marks),
  texts,
  addSystem,
  replyReader: () => new StreamReader(),
  replyWriter: (options) => new StreamWriter(options),
  readReply,
  replyUsage,
  writeReply,
  replyTexts,
  readError,
  writeError,
  errorFrame,
  notable,
  frameTexts,
  isUsageOnly,
  terminators: [DONE],
  issuer: ISSUER,
};
