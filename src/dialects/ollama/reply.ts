import type { ChatChunk, Usage } from '../../core/chat.ts';
import type { ReplyWriterOptions } from '../../core/dialect.ts';
import { asString, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { readStreamError } from '../../core/vendor-error.ts';
import { BodyReader, notAnAnswer, readUsage } from './reply-reader.ts';
import { LineBuilder } from './reply-writer.ts';

/** An answer that does not stream is one line that says everything, and is over whether or not it says so. */
export const readReply = (body: Json): readonly ChatChunk[] => new BodyReader().read({ ...answer(body), done: true });

export const replyUsage = (body: Json): Usage | undefined => readUsage(answer(body));

/** Throws what an answer is that is none. */
function answer(body: Json): JsonObject {
  if (isObject(body) && asString(body.error) !== undefined) throw readStreamError(body);
  if (isObject(body) && isObject(body.message)) return body;
  throw notAnAnswer();
}

/** The chunks as a JSON answer. Throws the error that stands among them: half an answer is none. */
export function writeReply(
  chunks: readonly ChatChunk[],
  options: ReplyWriterOptions,
): { readonly body: JsonObject; readonly loss: readonly string[] } {
  const builder = new LineBuilder(options);
  let content = '';
  let thinking = '';
  for (const chunk of chunks) {
    if (chunk.type === 'error') throw chunk.error;
    const said = builder.message(chunk);
    content += asString(said?.content) ?? '';
    thinking += asString(said?.thinking) ?? '';
  }
  const calls = builder.calls();
  const body = builder.last({ content, ...(thinking !== '' && { thinking }), ...(calls.length > 0 && { tool_calls: calls }) });
  return { body, loss: [...builder.loss] };
}
