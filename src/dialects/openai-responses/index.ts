import type { Dialect } from '../../core/dialect.ts';
import { writeError } from '../../core/openai/errors.ts';
import { keyed } from '../../core/openai/mark-prefix.ts';
import { withLimit } from '../../core/output-limit.ts';
import { readError } from '../../core/vendor-error.ts';
import { addSystem } from './add-system.ts';
import { ID, ISSUER } from './fields.ts';
import { RepeatEditor } from './frame-editor.ts';
import { frameTexts } from './frame-texts.ts';
import { patch, readHead } from './head.ts';
import { plain } from './plain.ts';
import { readCall } from './read-call.ts';
import { readReply, replyUsage, writeReply } from './reply.ts';
import { EventReader } from './reply-reader.ts';
import { errorFrame, FrameWriter } from './reply-writer.ts';
import { spelt } from './spelt.ts';
import { replyTexts, texts } from './texts.ts';
import { writeCall } from './write-call.ts';

/** OpenAI's Responses API, and Open Responses, which others speak. */
export const openaiResponses: Dialect = {
  id: ID,
  path: '/responses',
  issuer: ISSUER,
  head: readHead,
  patch,
  readCall,
  writeCall,
  spelt,
  limitOutput: (body, tokens) => withLimit(body, ['max_output_tokens'], tokens),
  plain,
  markPrefix: (body, marks) => keyed(body, body.input, marks),
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
  // With their quotes: inside a text of the model they would stand escaped. Whether tools were called is told by no
  // word of the end, and not every vendor repeats the items there.
  notable: /"response\.(?:completed|incomplete|failed)"|"(?:function|custom_tool)_call"|"type": ?"error"|"error": ?["{]|event: ?error/,
  frameTexts,
  frameEditor: () => new RepeatEditor(),
  isUsageOnly: () => false,
  counting: {
    url: (answering) => (answering.endsWith('/responses') ? `${answering}/input_tokens` : undefined),
    write: (tokens) => ({ object: 'response.input_tokens', input_tokens: tokens }),
  },
  // A response that failed is none: `response.failed` is read as an error.
  terminators: ['"response.completed"', '"response.incomplete"'],
};
