import type { Dialect } from '../../core/dialect.ts';
import { ndjson } from '../../core/framing.ts';
import { withLimit } from '../../core/output-limit.ts';
import { readError } from '../../core/vendor-error.ts';
import { errorFrame, writeError } from './errors.ts';
import { ID } from './fields.ts';
import { readCall, readHead } from './read-call.ts';
import { readReply, replyUsage, writeReply } from './reply.ts';
import { LineReader } from './reply-reader.ts';
import { StreamWriter } from './reply-writer.ts';
import { addSystem, frameTexts, replyTexts, texts } from './texts.ts';
import { writeCall } from './write-call.ts';

/** Ollama's own chat API. Source: https://docs.ollama.com/api/chat */
export const ollama: Dialect = {
  id: ID,
  path: '/api/chat',
  framing: ndjson,
  issuer: 'other',
  head: readHead,
  readCall,
  writeCall,
  limitOutput: (body, tokens) => withLimit(body, ['options', 'num_predict'], tokens),
  patch: (_head, model) => ({ model }),
  texts,
  addSystem,

  replyReader: () => new LineReader(),
  replyWriter: (options) => new StreamWriter(options),
  readReply,
  replyUsage,
  writeReply,
  replyTexts,

  readError,
  writeError,
  errorFrame,

  // Whether tools were called decides what `stop` means.
  notable: /"done": ?true|"error"|"tool_calls"/,
  frameTexts,
  isUsageOnly: () => false,
  // A tool's arguments may hold anything that could be looked for: only a parsed line tells that it is the last.
  terminators: [],
};
