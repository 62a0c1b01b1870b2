import type { ChatChunk } from '../../core/chat.ts';
import type { ReplyReader } from '../../core/dialect.ts';
import { GatewayError } from '../../core/errors.ts';
import { present } from '../../core/fields.ts';
import { asNumber, asString, isArray, isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import { unwrapSignature } from '../../core/signature.ts';
import type { Frame } from '../../core/sse.ts';
import { readStreamError } from './errors.ts';
import { ID } from './fields.ts';
import { ISSUER } from './signatures.ts';
import { readStopReason } from './stop-reasons.ts';
import { type Tally, tallied, usageOf } from './usage.ts';

type Chunks = readonly ChatChunk[];

interface Block {
  /** The type of the content block, or of the delta that stood for a start that was left out. */
  readonly type: string;
  readonly part: number;
  /** A tool's input as it stood in the start of the block. */
  readonly input?: Json | undefined;
  /** Whether any of a tool's input has come. */
  spoken: boolean;
}

interface Reading {
  id: string | undefined;
  started: boolean;
  finished: boolean;
  over: boolean;
  tally: Tally;
  parts: number;
  /** Blocks that have begun and not stopped, by index. */
  readonly open: Map<number, Block>;
}

export class EventReader implements ReplyReader {
  readonly #reading: Reading = {
    id: undefined,
    started: false,
    finished: false,
    over: false,
    tally: {},
    parts: 0,
    open: new Map(),
  };

  read(frame: Frame): Chunks {
    const { data } = frame;
    if (data === undefined || data === '' || data === '[DONE]') return [];
    const event = parseJson(data);
    if (!isObject(event)) throw notAnEvent();
    return this.event(event);
  }

  /** The chunks of one event; after an error or the end, none. */
  event(event: JsonObject): Chunks {
    const reading = this.#reading;
    const type = asString(event.type) ?? (event.error === undefined ? undefined : 'error');
    if (type === undefined) throw notAnEvent();
    return reading.over ? [] : (events.get(type)?.(reading, event) ?? []);
  }
}

const notAnEvent = () => new GatewayError('upstream_invalid', 'The provider sent something that is not an event of the Messages API.');

/** One small reader an event type. Source: docs.claude.com, "Streaming messages". Unknown events say nothing. */
const events: ReadonlyMap<string, (reading: Reading, event: JsonObject) => Chunks> = new Map([
  ['message_start', messageStart],
  ['content_block_start', blockStart],
  ['content_block_delta', blockDelta],
  ['content_block_stop', blockStop],
  ['message_delta', messageDelta],
  ['message_stop', messageStop],
  ['error', errorEvent],
]);

function messageStart(reading: Reading, event: JsonObject): Chunks {
  const message = isObject(event.message) ? event.message : {};
  const id = asString(message.id);
  // A proxy that fell back to another answer after this one had begun: its blocks would run into each other.
  if (reading.open.size > 0 && id !== reading.id) {
    reading.over = true;
    const error = new GatewayError('upstream_invalid', 'The provider began a second answer in the middle of the first.');
    return [{ type: 'error', error }];
  }
  const isFirst = !reading.started;
  reading.id = id;
  reading.started = true;
  const usage = countUsage(reading, message.usage);
  if (!isFirst) return usage;
  return [{ type: 'start', ...present({ id, model: asString(message.model) }) }, ...usage, ...wholeMessage(reading, message)];
}

/** Fields of a message that are read from its start, or are the content itself. */
const STARTING = new Set(['id', 'type', 'role', 'model', 'content', 'usage']);
/** The one fact about the whole message that a stream puts beside `delta` rather than in it. */
const BESIDE_DELTA = 'context_management';

/**
 * What a message holds when it starts: nothing as a rule, all of it in a JSON answer and, in streams, where the API
 * only repeats calls that code of the model's has made.
 */
function wholeMessage(reading: Reading, message: JsonObject): Chunks {
  const content = isArray(message.content) ? message.content : [];
  const blocks = content.flatMap((block, index) => [
    ...blockStart(reading, { type: 'content_block_start', index, content_block: block }),
    ...blockStop(reading, { type: 'content_block_stop', index }),
  ]);
  if (typeof message.stop_reason !== 'string') return blocks;
  const delta = Object.fromEntries(Object.entries(message).filter(([name]) => !STARTING.has(name) && name !== BESIDE_DELTA));
  return [...blocks, ...messageDelta(reading, { type: 'message_delta', delta, [BESIDE_DELTA]: message[BESIDE_DELTA] })];
}

function countUsage(reading: Reading, counts: Json | undefined): Chunks {
  if (!isObject(counts)) return [];
  reading.tally = tallied(reading.tally, counts);
  const usage = usageOf(reading.tally);
  return usage === undefined ? [] : [{ type: 'usage', usage }];
}

const indexOf = (event: JsonObject): number => asNumber(event.index) ?? 0;

function begin(reading: Reading, index: number, type: string, input?: Json): Block {
  const block = { type, part: reading.parts++, input, spoken: false };
  reading.open.set(index, block);
  return block;
}

/** Content only this dialect understands: the event as it came, its index being the number of the part. */
const raw = (name: string, event: JsonObject, part: number): ChatChunk => ({
  type: 'raw',
  dialect: ID,
  name,
  value: { ...event, index: part },
});

function blockStart(reading: Reading, event: JsonObject): Chunks {
  const index = indexOf(event);
  const content = isObject(event.content_block) ? event.content_block : {};
  const type = asString(content.type) ?? '';
  const unstopped = close(reading, index);
  const block = begin(reading, index, type, content.input);
  return [...unstopped, ...(starts.get(type)?.(block, content) ?? [raw(type, event, block.part)])];
}

const text = (type: 'text' | 'thinking', part: number, value: Json | undefined): Chunks =>
  typeof value === 'string' && value !== '' ? [{ type, part, choice: 0, text: value }] : [];

const signature = (part: number, value: Json | undefined): Chunks =>
  typeof value === 'string' && value !== '' ? [{ type: 'signature', part, choice: 0, ...unwrapSignature(value, ISSUER) }] : [];

const redacted = (part: number, value: Json | undefined): Chunks => {
  const { signature: data, issuer } = unwrapSignature(asString(value) ?? '', ISSUER);
  return [{ type: 'redacted-thinking', part, choice: 0, data, issuer }];
};

const citation = (part: number, value: Json): ChatChunk =>
  raw('citations', { type: 'content_block_delta', index: part, delta: { type: 'citations_delta', citation: value } }, part);

/** What stands in the start of a block already; whole blocks of a JSON answer are read here too. */
const starts: ReadonlyMap<string, (block: Block, content: JsonObject) => Chunks> = new Map([
  [
    'text',
    ({ part }, content) => [
      ...(isArray(content.citations) ? content.citations.map((cited) => citation(part, cited)) : []),
      ...text('text', part, content.text),
    ],
  ],
  ['thinking', ({ part }, content) => [...text('thinking', part, content.thinking), ...signature(part, content.signature)]],
  ['redacted_thinking', ({ part }, content) => redacted(part, content.data)],
  [
    'tool_use',
    ({ part }, content) => [{ type: 'tool-call', part, choice: 0, id: asString(content.id) ?? '', name: asString(content.name) ?? '' }],
  ],
]);

function blockDelta(reading: Reading, event: JsonObject): Chunks {
  const index = indexOf(event);
  const delta = isObject(event.delta) ? event.delta : {};
  const type = asString(delta.type) ?? '';
  const open = reading.open.get(index);
  if (open !== undefined && !starts.has(open.type)) return [raw(open.type, event, open.part)];
  const blockType = BLOCK_OF_DELTA.get(type);
  // A delta whose block's start is missing still says what it is, save a tool's input, which lacks the name.
  const block = open ?? (blockType === undefined ? undefined : begin(reading, index, blockType));
  if (block === undefined) return [];
  return deltas.get(type)?.(block, delta) ?? [raw(type, event, block.part)];
}

const BLOCK_OF_DELTA: ReadonlyMap<string, string> = new Map([
  ['text_delta', 'text'],
  ['citations_delta', 'text'],
  ['thinking_delta', 'thinking'],
  ['signature_delta', 'thinking'],
]);

const deltas: ReadonlyMap<string, (block: Block, delta: JsonObject) => Chunks> = new Map([
  ['text_delta', ({ part }, delta) => text('text', part, delta.text)],
  ['thinking_delta', ({ part }, delta) => text('thinking', part, delta.thinking)],
  ['signature_delta', ({ part }, delta) => signature(part, delta.signature)],
  ['citations_delta', ({ part }, delta) => [citation(part, delta.citation ?? null)]],
  ['input_json_delta', toolInput],
]);

function toolInput(block: Block, delta: JsonObject): Chunks {
  const fragment = asString(delta.partial_json) ?? '';
  if (fragment === '') return [];
  block.spoken = true;
  return [{ type: 'tool-input', part: block.part, choice: 0, text: fragment }];
}

function blockStop(reading: Reading, event: JsonObject): Chunks {
  const block = reading.open.get(indexOf(event));
  if (block !== undefined && !starts.has(block.type)) {
    reading.open.delete(indexOf(event));
    return [raw(block.type, event, block.part)];
  }
  return close(reading, indexOf(event));
}

/** Ends a block. A tool whose input never streamed gets the one of its start: `{}`, or all of it from some vendors. */
function close(reading: Reading, index: number): Chunks {
  const block = reading.open.get(index);
  reading.open.delete(index);
  if (block?.type !== 'tool_use' || block.spoken) return [];
  const { part, input = {} } = block;
  return [{ type: 'tool-input', part, choice: 0, text: typeof input === 'string' ? input : JSON.stringify(input) }];
}

const closeAll = (reading: Reading): Chunks => [...reading.open.keys()].flatMap((index) => close(reading, index));

function messageDelta(reading: Reading, event: JsonObject): Chunks {
  const delta = isObject(event.delta) ? event.delta : {};
  const word = asString(delta.stop_reason);
  const usage = countUsage(reading, event.usage);
  const unknown = [...messageRaws(delta, true), ...messageRaws(event, false)];
  if (word === undefined || reading.finished) return [...unknown, ...usage];
  const unstopped = closeAll(reading);
  reading.finished = true;
  return [...unstopped, ...unknown, readStopReason(word, asString(delta.stop_sequence)), ...usage];
}

const READ_IN_DELTA = new Set(['type', 'delta', 'usage', 'stop_reason', 'stop_sequence']);

/** Facts about the whole message that only this dialect has: `stop_details`, `container`, `context_management`. */
const messageRaws = (object: JsonObject, inDelta: boolean): Chunks =>
  Object.entries(object)
    .filter(([name, value]) => !READ_IN_DELTA.has(name) && value !== null && value !== undefined)
    .map(([name, value]) => ({
      type: 'raw',
      dialect: ID,
      name,
      value: inDelta ? { type: 'message_delta', delta: { [name]: value } } : { type: 'message_delta', [name]: value },
    }));

function messageStop(reading: Reading): Chunks {
  const unstopped = closeAll(reading);
  reading.over = true;
  const finish: Chunks = reading.finished ? [] : [{ type: 'finish', choice: 0, reason: 'other' }];
  return [...unstopped, ...finish, { type: 'end' }];
}

function errorEvent(reading: Reading, event: JsonObject): Chunks {
  reading.over = true;
  return [{ type: 'error', error: readStreamError(event) }];
}
