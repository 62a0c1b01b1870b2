import type { Dialect } from '../../core/dialect.ts';
import { errorFrame, writeError } from '../../core/openai/errors.ts';
import { DONE, isUsageOnly, notable } from '../../core/openai/frames.ts';
import { withLimit } from '../../core/output-limit.ts';
import { readError } from '../../core/vendor-error.ts';
import { readCall, writeCall } from './call.ts';
import { ID } from './fields.ts';
import { patch, readHead } from './head.ts';
import { readReply, replyUsage, writeReply } from './reply.ts';
import { StreamReader } from './reply-reader.ts';
import { StreamWriter } from './reply-writer.ts';
import { frameTexts, replyTexts, texts } from './texts.ts';

/**
 * OpenAI's first API, which completes a text: still what engines serve for models that were not taught to chat. It has
 * no place for an operator's instructions.
 */
export const openaiCompletions: Dialect = {
  id: ID,
  path: '/completions',
  issuer: 'other',
  head: readHead,
  patch,
  readCall,
  writeCall,
  limitOutput: (body, tokens) => withLimit(body, ['max_tokens'], tokens),
  texts,

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
};
