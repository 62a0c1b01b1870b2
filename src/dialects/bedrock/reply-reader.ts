import type { ChatChunk, Issuer } from '../../core/chat.ts';
import type { ReplyReader } from '../../core/dialect.ts';
import { GatewayError } from '../../core/errors.ts';
import { isException } from '../../core/eventstream.ts';
import { asNumber, asString, isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import type { Frame } from '../../core/sse.ts';
import { type Blocks, blockDelta, blockStart, blockStop, closeAll } from './blocks.ts';
import { readStreamError } from './errors.ts';
import { ID } from './fields.ts';
import { issuerOf } from './models.ts';
import { readStopReason } from './stop-reasons.ts';
import { usageOf } from './usage.ts';

type Chunks = readonly ChatChunk[];

interface Reading {
  readonly blocks: Blocks;
  started: boolean;
  finished: boolean;
  over: boolean;
}

/** `metadata` follows `messageStop`, and nothing says that it was the last: the end of the stream does. */
export class EventReader implements ReplyReader {
  readonly #reading: Reading;

  constructor(model?: string) {
    const issuer: Issuer = issuerOf(model);
    this.#reading = {
      blocks: { issuer, open: new Map(), parts: 0, calls: new Map(), owed: new Map(), lastText: undefined },
      started: false,
      finished: false,
      over: false,
    };
  }

  read(frame: Frame): Chunks {
    const { event, data } = frame;
    if (data === undefined || data === '') return [];
    const payload = parseJson(data);
    if (event !== undefined && isException(event)) return this.#fail(event, payload);
    if (!isObject(payload) || event === undefined) throw notAnEvent();
    return this.event(event, payload);
  }

  /** The chunks of one event; after an error or the end, none. */
  event(type: string, payload: JsonObject): Chunks {
    const reading = this.#reading;
    const read = reading.over ? undefined : events.get(type);
    if (read === undefined) return [];
    const chunks = read(reading, payload);
    if (reading.started) return chunks;
    reading.started = true;
    return [{ type: 'start' }, ...chunks];
  }

  close(): Chunks {
    const reading = this.#reading;
    if (reading.over || !reading.finished) return [];
    reading.over = true;
    return [{ type: 'end' }];
  }

  #fail(type: string, payload: Json | undefined): Chunks {
    if (this.#reading.over) return [];
    this.#reading.over = true;
    return [{ type: 'error', error: readStreamError(type, payload) }];
  }
}

const notAnEvent = () => new GatewayError('upstream_invalid', 'The provider sent something that is not an event of the Converse API.');

/** One small reader an event type. Source: API reference, `ConverseStreamOutput`. Unknown events say nothing. */
const events: ReadonlyMap<string, (reading: Reading, event: JsonObject) => Chunks> = new Map([
  ['messageStart', () => []],
  ['contentBlockStart', ({ blocks }: Reading, event: JsonObject) => blockStart(blocks, indexOf(event), event)],
  ['contentBlockDelta', ({ blocks }: Reading, event: JsonObject) => blockDelta(blocks, indexOf(event), event)],
  ['contentBlockStop', ({ blocks }: Reading, event: JsonObject) => blockStop(blocks, indexOf(event), event)],
  ['messageStop', messageStop],
  ['metadata', metadata],
]);

const indexOf = (event: JsonObject): number => asNumber(event.contentBlockIndex) ?? 0;

function messageStop(reading: Reading, event: JsonObject): Chunks {
  if (reading.finished) return [];
  reading.finished = true;
  const { additionalModelResponseFields: additional } = event;
  const finish = readStopReason(asString(event.stopReason) ?? '', stopSequenceOf(additional));
  return [...closeAll(reading.blocks), ...additionalRaws(additional), finish];
}

/** Claude's stop sequence, where the caller asked for it: at the top of an answer, in `delta` of a stream. */
function stopSequenceOf(additional: Json | undefined): string | undefined {
  if (!isObject(additional)) return undefined;
  return asString(additional.stop_sequence) ?? (isObject(additional.delta) ? asString(additional.delta.stop_sequence) : undefined);
}

/** Model fields that were asked for by name, save the one that has a place of its own. */
function additionalRaws(additional: Json | undefined): Chunks {
  if (!isObject(additional)) return [];
  const saysMore = ([name, value]: [string, Json | undefined]): boolean =>
    name === 'delta' && isObject(value) ? Object.entries(value).some(saysMore) : name !== 'stop_sequence';
  if (!Object.entries(additional).some(saysMore)) return [];
  const name = 'additionalModelResponseFields';
  return [{ type: 'raw', dialect: ID, name, value: { messageStop: { [name]: additional } } }];
}

/**
 * Usage, and what Bedrock says of its own work. How long that took (`metrics`) says nothing of the answer, nor does a
 * tier or latency that is the usual one.
 */
function metadata(_reading: Reading, event: JsonObject): Chunks {
  const usage = usageOf(event.usage);
  const raws = METADATA.flatMap((name): Chunks => {
    const value = event[name];
    if (value === undefined || value === null || isUsual(value)) return [];
    return [{ type: 'raw', dialect: ID, name, value: { metadata: { [name]: value } } }];
  });
  return usage === undefined ? raws : [...raws, { type: 'usage', usage }];
}

export const METADATA = ['trace', 'performanceConfig', 'serviceTier'] as const;

const isUsual = (value: Json) => isObject(value) && (value.type === 'default' || value.latency === 'standard');
