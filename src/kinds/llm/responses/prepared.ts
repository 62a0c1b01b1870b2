import type { ChatChunk } from '../../../core/chat.ts';
import type { Dialect } from '../../../core/dialect.ts';
import { isObject, type JsonObject, parseJson } from '../../../core/json.ts';
import { FrameSplitter } from '../../../core/sse.ts';
import { Wire } from '../../../core/wire.ts';

const EMPTY: readonly ChatChunk[] = [{ type: 'start' }, { type: 'finish', choice: 0, reason: 'stop' }, { type: 'end' }];

/** The events of an answer without content. `created` in seconds since the epoch. */
export function preparedEvents(dialect: Dialect, body: JsonObject, id: string, created: number): readonly JsonObject[] {
  const { fields } = Wire.of(body);
  const { model } = dialect.head(fields);
  const writer = dialect.replyWriter({ id, model, created, wantsUsage: true, call: fields });
  const text = EMPTY.map((chunk) => writer.write(chunk)).join('');
  return new FrameSplitter(Number.POSITIVE_INFINITY).push(new TextEncoder().encode(text)).flatMap(({ data }) => {
    const event = data === undefined ? undefined : parseJson(data);
    return isObject(event) ? [event] : [];
  });
}
