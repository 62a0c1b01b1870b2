import type { ChatChunk } from '../../../core/chat.ts';
import type { Dialect } from '../../../core/dialect.ts';
import type { GatewayError } from '../../../core/errors.ts';
import { isObject, type JsonObject, parseJson } from '../../../core/json.ts';
import { FrameSplitter } from '../../../core/sse.ts';
import { Wire } from '../../../core/wire.ts';

const EMPTY: readonly ChatChunk[] = [{ type: 'start' }, { type: 'finish', choice: 0, reason: 'stop' }, { type: 'end' }];

/** The events of an answer without content. `created` in seconds since the epoch. */
export const preparedEvents = (dialect: Dialect, body: JsonObject, id: string, created: number): readonly JsonObject[] =>
  eventsOf(dialect, body, EMPTY, id, created);

/** The event of a response that failed before it had anything to say. */
export function failedEvent(dialect: Dialect, body: JsonObject, error: GatewayError, id: string, created: number): JsonObject {
  return eventsOf(dialect, body, [{ type: 'start' }, { type: 'error', error }], id, created).at(-1) ?? {};
}

function eventsOf(dialect: Dialect, body: JsonObject, chunks: readonly ChatChunk[], id: string, created: number): readonly JsonObject[] {
  const { fields } = Wire.of(body);
  const { model } = dialect.head(fields);
  const writer = dialect.replyWriter({ id, model, created, wantsUsage: true, call: fields });
  const text = chunks.map((chunk) => writer.write(chunk)).join('');
  return new FrameSplitter(Number.POSITIVE_INFINITY).push(new TextEncoder().encode(text)).flatMap(({ data }) => {
    const event = data === undefined ? undefined : parseJson(data);
    return isObject(event) ? [event] : [];
  });
}
