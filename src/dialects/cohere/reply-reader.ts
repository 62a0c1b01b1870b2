import type { ChatChunk } from '../../core/chat.ts';
import type { ReplyReader } from '../../core/dialect.ts';
import { GatewayError } from '../../core/errors.ts';
import { present } from '../../core/fields.ts';
import { asNumber, asString, isArray, isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import type { Frame } from '../../core/sse.ts';
import { readStreamError } from '../../core/vendor-error.ts';
import { ID } from './fields.ts';
import { readFinish } from './finish.ts';
import { argumentsText } from './read-messages.ts';
import { readUsage } from './usage.ts';

type Chunks = readonly ChatChunk[];

interface Reading {
  started: boolean;
  over: boolean;
  parts: number;
  plan: number | undefined;
  /** The parts by the vendor's own numbers, which content and calls each begin at 0. */
  readonly content: Map<number, number>;
  readonly calls: Map<number, number>;
  /** Calls whose input has begun. */
  readonly spoken: Set<number>;
}

export const notAnAnswer = () =>
  new GatewayError('upstream_invalid', 'The provider sent something that is not part of an answer of the chat API.');

export class EventReader implements ReplyReader {
  readonly #reading: Reading = {
    started: false,
    over: false,
    parts: 0,
    plan: undefined,
    content: new Map(),
    calls: new Map(),
    spoken: new Set(),
  };

  read(frame: Frame): Chunks {
    const { data } = frame;
    if (data === undefined || data === '' || data === '[DONE]') return [];
    const event = parseJson(data);
    if (!isObject(event)) throw notAnAnswer();
    return this.event(event);
  }

  /** The chunks of one event; after an error or the end, none. Events of unknown types say nothing. */
  event(event: JsonObject): Chunks {
    if (this.#reading.over) return [];
    const type = asString(event.type);
    if (type === undefined || type === 'error') return failed(this.#reading, event);
    return events.get(type)?.(this.#reading, event) ?? [];
  }
}

/** An error has no event type of its own: it comes as the object that an error answer is. */
function failed(reading: Reading, event: JsonObject): Chunks {
  if (asString(event.message) === undefined && event.error === undefined) throw notAnAnswer();
  reading.over = true;
  return [{ type: 'error', error: readStreamError(event) }];
}

const events: ReadonlyMap<string, (reading: Reading, event: JsonObject) => Chunks> = new Map([
  ['message-start', messageStart],
  ['content-start', content],
  ['content-delta', content],
  ['tool-plan-delta', planDelta],
  ['tool-call-start', toolCall],
  ['tool-call-delta', toolCall],
  ['citation-start', citation],
  ['message-end', messageEnd],
]);

const messageOf = (event: JsonObject): JsonObject => {
  const message = isObject(event.delta) ? event.delta.message : undefined;
  return isObject(message) ? message : {};
};

const indexOf = (event: JsonObject): number => asNumber(event.index) ?? 0;

function messageStart(reading: Reading, event: JsonObject): Chunks {
  if (reading.started) return [];
  reading.started = true;
  return [{ type: 'start', ...present({ id: asString(event.id) }) }];
}

function content(reading: Reading, event: JsonObject): Chunks {
  const { content: block } = messageOf(event);
  if (!isObject(block)) return [];
  const part = reading.content.get(indexOf(event)) ?? reading.parts++;
  reading.content.set(indexOf(event), part);
  return [...say('thinking', part, block.thinking), ...say('text', part, block.text)];
}

const say = (type: 'text' | 'thinking', part: number, value: Json | undefined): Chunks =>
  typeof value === 'string' && value !== '' ? [{ type, part, choice: 0, text: value }] : [];

function planDelta(reading: Reading, event: JsonObject): Chunks {
  const { tool_plan: text } = messageOf(event);
  if (typeof text !== 'string' || text === '') return [];
  reading.plan ??= reading.parts++;
  return say('text', reading.plan, text);
}

function toolCall(reading: Reading, event: JsonObject): Chunks {
  const { tool_calls: call } = messageOf(event);
  const called = isObject(call) && isObject(call.function) ? call.function : undefined;
  if (!isObject(call) || called === undefined) return [];
  const known = reading.calls.get(indexOf(event));
  if (known !== undefined && event.type === 'tool-call-delta') return input(reading, known, called.arguments);
  const part = reading.parts++;
  reading.calls.set(indexOf(event), part);
  const begun: ChatChunk = { type: 'tool-call', part, choice: 0, id: asString(call.id) ?? '', name: asString(called.name) ?? '' };
  return [begun, ...input(reading, part, called.arguments)];
}

/** The first piece alone may be `null`, for a call without arguments. */
function input(reading: Reading, part: number, value: Json | undefined): Chunks {
  const text = reading.spoken.has(part) && typeof value === 'string' ? value : argumentsText(value);
  if (text === '') return [];
  reading.spoken.add(part);
  return [{ type: 'tool-input', part, choice: 0, text }];
}

function citation(_reading: Reading, event: JsonObject): Chunks {
  const { citations } = messageOf(event);
  return citations === undefined
    ? []
    : [{ type: 'raw', dialect: ID, name: 'citations', value: isArray(citations) ? citations : [citations] }];
}

function messageEnd(reading: Reading, event: JsonObject): Chunks {
  const delta = isObject(event.delta) ? event.delta : {};
  reading.over = true;
  const usage = readUsage(delta.usage);
  const counted: Chunks = usage === undefined ? [] : [{ type: 'usage', usage }];
  const fault = asString(delta.error);
  if (fault !== undefined && fault !== '') return [...counted, { type: 'error', error: readStreamError({ message: fault }) }];
  return [...counted, readFinish(asString(delta.finish_reason)), { type: 'end' }];
}
