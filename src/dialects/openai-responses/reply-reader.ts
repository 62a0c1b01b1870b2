import type { ChatChunk } from '../../core/chat.ts';
import type { ReplyReader } from '../../core/dialect.ts';
import { GatewayError } from '../../core/errors.ts';
import { present } from '../../core/fields.ts';
import { asNumber, asString, isObject, type JsonObject, parseJson } from '../../core/json.ts';
import type { Frame } from '../../core/sse.ts';
import { readStreamError } from '../../core/vendor-error.ts';
import { ID, objectsOf } from './fields.ts';
import { readFinish } from './finish.ts';
import {
  annotationAdded,
  contentDelta,
  contentDone,
  inputDelta,
  inputDone,
  isCall,
  itemAdded,
  itemDone,
  reasoningDelta,
  reasoningDone,
} from './item-reader.ts';
import { type Chunks, newReading, partOf, type Reading, raw, textOf } from './reading.ts';
import { usageOf } from './usage.ts';

/** Reads the stream of a response. Source: https://platform.openai.com/docs/api-reference/responses-streaming. */
export class EventReader implements ReplyReader {
  readonly #reading = newReading();

  read(frame: Frame): Chunks {
    const data = frame.data?.trim() ?? '';
    // Some vendors close as Chat Completions do.
    if (data === '' || data === '[DONE]') return [];
    const event = parseJson(data);
    if (!isObject(event)) throw notAnEvent();
    const type = asString(event.type) ?? frame.event ?? (event.error === undefined ? undefined : 'error');
    if (type === undefined) throw notAnEvent();
    return this.event(event.type === type ? event : { ...event, type });
  }

  /** The chunks of one event; after an error or the end, none. */
  event(event: JsonObject): Chunks {
    const reading = this.#reading;
    if (reading.over) return [];
    return (EVENTS.get(textOf(event.type)) ?? otherEvent)(reading, event);
  }
}

const notAnEvent = () => new GatewayError('upstream_invalid', 'The provider sent something that is not an event of the Responses API.');

type EventReaderOf = (reading: Reading, event: JsonObject) => Chunks;

const nothing: EventReaderOf = () => [];

/** One small reader an event type. */
const EVENTS: ReadonlyMap<string, EventReaderOf> = new Map<string, EventReaderOf>([
  ['response.created', started],
  ['response.queued', started],
  ['response.in_progress', started],
  ['response.output_item.added', itemAdded],
  ['response.output_item.done', itemDone],
  ['response.content_part.added', nothing],
  ['response.content_part.done', nothing],
  ['response.output_text.delta', contentDelta('text')],
  ['response.output_text.done', contentDone('text', 'text')],
  ['response.output_text.annotation.added', annotationAdded],
  ['response.refusal.delta', contentDelta('refusal')],
  ['response.refusal.done', contentDone('refusal', 'refusal')],
  ['response.function_call_arguments.delta', inputDelta('function_call')],
  ['response.function_call_arguments.done', inputDone('function_call', 'arguments')],
  ['response.custom_tool_call_input.delta', inputDelta('custom_tool_call')],
  ['response.custom_tool_call_input.done', inputDone('custom_tool_call', 'input')],
  ['response.reasoning_summary_part.added', nothing],
  ['response.reasoning_summary_part.done', nothing],
  ['response.reasoning_summary_text.delta', reasoningDelta],
  ['response.reasoning_summary_text.done', reasoningDone],
  ['response.reasoning_text.delta', reasoningDelta],
  ['response.reasoning_text.done', reasoningDone],
  // What Open Responses calls the two before.
  ['response.reasoning.delta', reasoningDelta],
  ['response.reasoning.done', reasoningDone],
  ['response.completed', ended],
  ['response.incomplete', ended],
  ['response.cancelled', ended],
  ['response.failed', failed],
  ['error', failed],
  ['keepalive', nothing],
  ['ping', nothing],
]);

/** Events of hosted tools' items, of vendors' own extensions, and of what there will be. */
function otherEvent(reading: Reading, event: JsonObject): Chunks {
  const item = reading.items.get(asNumber(event.output_index) ?? -1);
  const type = textOf(event.type);
  if (item === undefined) return [{ type: 'raw', dialect: ID, name: type.replace(/^response\./, ''), value: event }];
  return [raw(item.type, event, partOf(reading, item))];
}

const responseOf = (event: JsonObject): JsonObject => (isObject(event.response) ? event.response : {});

function started(reading: Reading, event: JsonObject): Chunks {
  if (reading.started) return [];
  reading.started = true;
  const { id, model, created_at: created } = responseOf(event);
  const said = present({ id: asString(id) || undefined, model: asString(model) || undefined, created: asNumber(created) || undefined });
  return [{ type: 'start', ...said }];
}

function ended(reading: Reading, event: JsonObject): Chunks {
  const response = responseOf(event);
  const output = objectsOf(response.output);
  const start = started(reading, event);
  // A vendor that streams nothing but the end says everything there.
  const items = reading.items.size > 0 ? [] : output.flatMap((item, index) => itemDone(reading, { type: DONE, output_index: index, item }));
  const calls = reading.calls.size > 0 || output.some(({ type }) => isCall(type));
  reading.over = true;
  return [
    ...start,
    ...items,
    ...usage(response),
    readFinish(response, textOf(event.type).replace('response.', ''), calls),
    { type: 'end', ...itemsOf(output) },
  ];
}

const DONE = 'response.output_item.done';

/** The ids of an answer's items: calls to the vendor may refer to them. */
function itemsOf(output: readonly JsonObject[]): { readonly items?: readonly string[] } {
  const items = output.flatMap(({ id }) => asString(id) ?? []);
  return items.length === 0 ? {} : { items };
}

function usage(response: JsonObject): readonly ChatChunk[] {
  const counted = usageOf(response);
  return counted === undefined ? [] : [{ type: 'usage', usage: counted }];
}

/** An `error` event, before which or after which a response that failed may come: the first of them is the error. */
function failed(reading: Reading, event: JsonObject): Chunks {
  reading.over = true;
  const response = responseOf(event);
  return [
    ...usage(response),
    { type: 'error', error: readStreamError(isObject(event.response) ? { error: response.error ?? null } : event) },
  ];
}
