import type { ChatChunk, Usage } from '../../core/chat.ts';
import type { ReplyWriterOptions } from '../../core/dialect.ts';
import { GatewayError } from '../../core/errors.ts';
import { asString, isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { readStreamError } from '../../core/vendor-error.ts';
import { EventReader } from './reply-reader.ts';
import { EventWriter } from './reply-writer.ts';
import { usageOf } from './usage.ts';

/** A JSON answer is a stream that holds nothing but its end. */
export function readReply(body: Json): readonly ChatChunk[] {
  const response = checked(body);
  return new EventReader().event({ type: `response.${ENDED.get(response.status) ?? 'cancelled'}`, response });
}

/** A response that is still being made has ended for who reads it now. */
const ENDED: ReadonlyMap<Json | undefined, string> = new Map<Json | undefined, string>([
  [undefined, 'completed'],
  ['completed', 'completed'],
  ['incomplete', 'incomplete'],
]);

export const replyUsage = (body: Json): Usage | undefined => usageOf(checked(body));

/** Throws what an answer is that is none: an error with status 200, or a response that failed. */
function checked(body: Json): JsonObject {
  if (isObject(body) && (isObject(body.error) || asString(body.error) || body.status === 'failed')) {
    throw readStreamError({ error: body.error ?? null });
  }
  if (isObject(body) && isArray(body.output)) return body;
  throw new GatewayError('upstream_invalid', 'The provider answered with something that is not a response of the Responses API.');
}

/** Throws the error of an answer that broke off: there is no JSON form of half an answer. */
export function writeReply(
  chunks: readonly ChatChunk[],
  options: ReplyWriterOptions,
): { readonly body: JsonObject; readonly loss: readonly string[] } {
  const writer = new EventWriter(options);
  let body: JsonObject = {};
  for (const chunk of chunks) {
    if (chunk.type === 'error') throw chunk.error;
    for (const event of writer.events(chunk)) if (isObject(event.response)) body = event.response;
  }
  return { body, loss: [...writer.loss] };
}
