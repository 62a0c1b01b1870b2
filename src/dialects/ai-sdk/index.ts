import type { Dialect } from '../../core/dialect.ts';
import { withLimit } from '../../core/output-limit.ts';
import { errorFrame, readError, writeError } from './errors.ts';
import { ID } from './fields.ts';
import { headersOf, readHead } from './head.ts';
import { readCall } from './read-call.ts';
import { readReply, replyUsage, writeReply } from './reply.ts';
import { FrameReader } from './reply-reader.ts';
import { FrameWriter } from './reply-writer.ts';
import { OWN } from './seal.ts';
import { spelt } from './spelt.ts';
import { addSystem, frameTexts, replyTexts, texts } from './texts.ts';
import { writeCall } from './write-call.ts';

/**
 * The Vercel AI SDK's own form of a call, its answer and its stream, as `@ai-sdk/gateway` sends them over HTTP: model
 * and streaming stand in headers. Source: https://github.com/vercel/ai/tree/main/packages/gateway
 */
export const aiSdkGateway: Dialect = {
  id: ID,
  path: '/language-model',
  headersOf,
  issuer: OWN,
  head: readHead,
  readCall,
  writeCall,
  spelt,
  limitOutput: (body, tokens) => withLimit(body, ['maxOutputTokens'], tokens),
  patch: () => ({}),
  texts,
  addSystem,

  replyReader: () => new FrameReader(),
  replyWriter: (options) => new FrameWriter(options),
  readReply,
  replyUsage,
  writeReply,
  replyTexts,

  readError,
  writeError,
  errorFrame,

  // With their quotes: inside a text of the model they would stand escaped.
  notable: /"type": ?"(?:finish|error)"/,
  frameTexts,
  isUsageOnly: () => false,
  // Some servers of the protocol end with the word that many streams end with.
  terminators: ['"type":"finish"', '[DONE]'],
};
