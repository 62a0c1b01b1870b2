import type { Dialect } from '../../core/dialect.ts';
import { withLimit } from '../../core/output-limit.ts';
import { addSystem } from './add-system.ts';
import { errorFrame, readError, writeError } from './errors.ts';
import { ID } from './fields.ts';
import { frameTexts } from './frame-texts.ts';
import { patch } from './patch.ts';
import { countingUrl, pathOf } from './path.ts';
import { readCall, readHead } from './read-call.ts';
import { readReply, replyUsage, writeReply } from './reply.ts';
import { ResponseReader } from './reply-reader.ts';
import { FrameWriter } from './reply-writer.ts';
import { spelt } from './spelt.ts';
import { replyTexts, texts } from './texts.ts';
import { OWN } from './thought.ts';
import { writeCall } from './write-call.ts';

/** Gemini's `generateContent`, of the Gemini API and of Vertex AI. Source: https://ai.google.dev/api/generate-content */
export const gemini: Dialect = {
  id: ID,
  path: '/models',
  pathOf,
  issuer: OWN,
  head: readHead,
  readCall,
  writeCall,
  spelt,
  limitOutput: (body, tokens) => withLimit(body, ['generationConfig', 'maxOutputTokens'], tokens),
  patch,
  texts,
  addSystem,

  replyReader: () => new ResponseReader(),
  replyWriter: (options) => new FrameWriter(options),
  readReply,
  replyUsage,
  writeReply,
  replyTexts,

  readError,
  writeError,
  errorFrame,

  // With their quotes: inside a text of the model they would stand escaped.
  notable: /"usageMetadata"|"finishReason"|"functionCall"|"blockReason"|"error"/,
  frameTexts,
  isUsageOnly: () => false,
  terminators: [],
  // Google's Python library takes a comment for a piece of JSON, and passes over empty lines.
  ping: '\n\n',
  counting: { url: countingUrl, write: (tokens) => ({ totalTokens: tokens }) },
};
