import type { ChatChunk, Usage } from '../../core/chat.ts';
import type { ReplyReader } from '../../core/dialect.ts';
import { GatewayError } from '../../core/errors.ts';
import { present } from '../../core/fields.ts';
import { asString, isObject, type JsonObject, parseJson } from '../../core/json.ts';
import type { Frame } from '../../core/sse.ts';
import { readStreamError } from './errors.ts';
import { ID } from './fields.ts';
import { readFinish } from './finish.ts';
import { takeSeal } from './seal.ts';
import { readUsage } from './usage.ts';

/** What is known of an answer while it is read. */
interface Reading {
  parts: number;
  over: boolean;
  /** The numbers of parts by kind and id: ids are unique within a kind alone. */
  readonly known: Map<string, number>;
  /** The signatures that were told, by part: some come with every event of theirs. */
  readonly seals: Map<number, string>;
  /** Calls whose input came in pieces. */
  readonly streamed: Set<number>;
}

type Kind = 'text' | 'reasoning' | 'tool';

export const notAnAnswer = () =>
  new GatewayError('upstream_invalid', 'The provider sent something that is not an answer of the gateway protocol.');

export class FrameReader implements ReplyReader {
  readonly #parts = new PartReader();

  read(frame: Frame): readonly ChatChunk[] {
    const { data } = frame;
    if (data === undefined || data === '' || data === '[DONE]') return [];
    const part = parseJson(data);
    if (!isObject(part)) throw notAnAnswer();
    return this.#parts.read(part);
  }
}

/** Reads the parts of a stream; an answer that does not stream is told as one. */
export class PartReader {
  readonly #reading: Reading = { parts: 0, over: false, known: new Map(), seals: new Map(), streamed: new Set() };

  read(part: JsonObject): readonly ChatChunk[] {
    if (this.#reading.over) return [];
    const read = READERS.get(asString(part.type) ?? '');
    return read === undefined
      ? [{ type: 'raw', dialect: ID, name: asString(part.type) ?? 'part', value: part }]
      : read(part, this.#reading);
  }
}

type Read = (part: JsonObject, reading: Reading) => readonly ChatChunk[];

const nothing: Read = () => [];

const READERS: ReadonlyMap<string, Read> = new Map<string, Read>([
  ['stream-start', readStart],
  ['response-metadata', readMetadata],
  ['text-start', (part, reading) => [...openText(part, reading), ...readSeal(part, 'text', reading)]],
  ['text-delta', (part, reading) => [...readDelta(part, 'text', reading), ...readSeal(part, 'text', reading)]],
  ['text-end', (part, reading) => readSeal(part, 'text', reading)],
  ['reasoning-start', (part, reading) => readSeal(part, 'reasoning', reading)],
  ['reasoning-delta', (part, reading) => [...readDelta(part, 'reasoning', reading), ...readSeal(part, 'reasoning', reading)]],
  ['reasoning-end', (part, reading) => readSeal(part, 'reasoning', reading)],
  ['tool-input-start', (part, reading) => openCall(part, asString(part.id) ?? '', reading)],
  ['tool-input-delta', readInput],
  ['tool-input-end', nothing],
  ['tool-call', readCall],
  ['finish', readEnd],
  ['error', readError],
  ['ping', nothing],
  ['raw', nothing],
]);

/** Warnings of the call; most answers have none. */
function readStart(part: JsonObject): readonly ChatChunk[] {
  const { warnings } = part;
  const isEmpty = !Array.isArray(warnings) || warnings.length === 0;
  return isEmpty ? [] : [{ type: 'raw', dialect: ID, name: 'warnings', value: part }];
}

function readMetadata(part: JsonObject): readonly ChatChunk[] {
  const seconds = Math.floor(Date.parse(asString(part.timestamp) ?? '') / 1000);
  const created = Number.isNaN(seconds) ? undefined : seconds;
  return [{ type: 'start', ...present({ id: asString(part.id), model: asString(part.modelId), created }) }];
}

function numberOf(kind: Kind, id: string, reading: Reading): number {
  const key = `${kind} ${id}`;
  const part = reading.known.get(key) ?? reading.parts++;
  reading.known.set(key, part);
  return part;
}

/** Nothing is said yet, and parts are numbered as they begin. */
function openText(part: JsonObject, reading: Reading): readonly ChatChunk[] {
  numberOf('text', asString(part.id) ?? '', reading);
  return [];
}

function readDelta(part: JsonObject, kind: 'text' | 'reasoning', reading: Reading): readonly ChatChunk[] {
  const number = numberOf(kind, asString(part.id) ?? '', reading);
  const text = asString(part.delta) ?? asString(part.text) ?? '';
  return text === '' ? [] : [{ type: kind === 'text' ? 'text' : 'thinking', part: number, choice: 0, text }];
}

/** The signature of a part, wherever among its events it stands. */
function readSeal(part: JsonObject, kind: Kind, reading: Reading): readonly ChatChunk[] {
  const number = numberOf(kind, asString(part.id) ?? asString(part.toolCallId) ?? '', reading);
  const { seal } = takeSeal(part.providerMetadata);
  const value = seal?.redacted ?? seal?.signature;
  if (seal === undefined || value === undefined || reading.seals.get(number) === value) return [];
  reading.seals.set(number, value);
  const { issuer, redacted } = seal;
  return redacted !== undefined && kind === 'reasoning'
    ? [{ type: 'redacted-thinking', part: number, choice: 0, data: redacted, issuer }]
    : [{ type: 'signature', part: number, choice: 0, signature: value, issuer }];
}

function openCall(part: JsonObject, id: string, reading: Reading): readonly ChatChunk[] {
  if (part.providerExecuted === true || reading.known.has(`tool ${id}`)) return [];
  return [{ type: 'tool-call', part: numberOf('tool', id, reading), choice: 0, id, name: asString(part.toolName) ?? '' }];
}

function readInput(part: JsonObject, reading: Reading): readonly ChatChunk[] {
  const number = reading.known.get(`tool ${asString(part.id) ?? ''}`);
  const text = asString(part.delta) ?? '';
  if (number === undefined || text === '') return [];
  reading.streamed.add(number);
  return [{ type: 'tool-input', part: number, choice: 0, text }];
}

/** The whole call, behind its pieces or without any. */
function readCall(part: JsonObject, reading: Reading): readonly ChatChunk[] {
  if (part.providerExecuted === true) return [{ type: 'raw', dialect: ID, name: 'tool-call', value: part }];
  const id = asString(part.toolCallId) ?? '';
  const opened = openCall(part, id, reading);
  const number = numberOf('tool', id, reading);
  const text = asString(part.input) ?? '';
  const input: readonly ChatChunk[] =
    text === '' || reading.streamed.has(number) ? [] : [{ type: 'tool-input', part: number, choice: 0, text }];
  return [...opened, ...readSeal(part, 'tool', reading), ...input];
}

function readEnd(part: JsonObject, reading: Reading): readonly ChatChunk[] {
  reading.over = true;
  const usage: Usage | undefined = readUsage(part.usage);
  return [
    ...(usage === undefined ? [] : [{ type: 'usage' as const, usage }]),
    readFinish(part.finishReason, part.providerMetadata),
    { type: 'end' },
  ];
}

function readError(part: JsonObject, reading: Reading): readonly ChatChunk[] {
  reading.over = true;
  return [{ type: 'error', error: readStreamError(part.error ?? null) }];
}
