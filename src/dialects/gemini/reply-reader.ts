import type { ChatChunk } from '../../core/chat.ts';
import type { ReplyReader } from '../../core/dialect.ts';
import { GatewayError } from '../../core/errors.ts';
import { present } from '../../core/fields.ts';
import { asNumber, asString, isArray, isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import type { Frame } from '../../core/sse.ts';
import { endCandidate, newCandidate, readCandidate } from './candidate-reader.ts';
import { readStreamError } from './errors.ts';
import { readBlocked, readFinish } from './finish.ts';
import { type Reading, raws } from './reading.ts';
import { readUsage } from './usage.ts';

type Chunks = readonly ChatChunk[];

/** Every event is a whole `GenerateContentResponse` with what is new. Source: https://ai.google.dev/api/generate-content */
export class ResponseReader implements ReplyReader {
  readonly #reading: Reading = {
    started: false,
    over: false,
    seed: '',
    parts: 0,
    calls: 0,
    searches: 0,
    blocked: undefined,
    candidates: new Map(),
    said: new Map(),
  };

  read(frame: Frame): Chunks {
    const { data } = frame;
    if (data === '' || data === '[DONE]') return [];
    if (data === undefined) return this.#bare(frame.text);
    const event = parseJson(data);
    if (!isObject(event) && !isArray(event)) throw notAResponse();
    return this.event(event);
  }

  /** The chunks of one event; after an error or the end, none. */
  event(event: Json): Chunks {
    if (this.#reading.over) return [];
    if (isArray(event)) return event.flatMap((each) => this.event(each));
    if (!isObject(event)) throw notAResponse();
    if (event.error !== undefined && event.error !== null) return this.#fail(event);
    return readResponse(this.#reading, event);
  }

  /** Nothing but the end of the stream says that an answer is over; it is complete where every candidate said why it ended. */
  close(): Chunks {
    const reading = this.#reading;
    if (reading.over) return [];
    const candidates = [...reading.candidates];
    const isComplete = candidates.length > 0 ? candidates.every(([, { word }]) => word !== undefined) : reading.blocked !== undefined;
    if (!isComplete) return [];
    reading.over = true;
    const ends = candidates.flatMap(([choice, candidate]) => [
      ...endCandidate(choice, candidate),
      readFinish(choice, candidate.word ?? '', candidate.hasCalls),
    ]);
    const blocked = candidates.length === 0 && reading.blocked !== undefined ? [readBlocked(reading.blocked)] : [];
    return [...ends, ...blocked, { type: 'end' }];
  }

  /** A fault in the middle of a stream may come as bare JSON, without being an event. */
  #bare(text: string): Chunks {
    const body = /^\s*[[{]/.test(text) ? parseJson(text) : undefined;
    const first = isArray(body) ? body[0] : body;
    return !this.#reading.over && isObject(first) && isObject(first.error) ? this.#fail(first) : [];
  }

  #fail(event: JsonObject): Chunks {
    this.#reading.over = true;
    return [{ type: 'error', error: readStreamError(event) }];
  }
}

export const notAResponse = () =>
  new GatewayError('upstream_invalid', 'The provider sent something that is not an answer of the Gemini API.');

/** Fields with a place in the canonical chunks; all others are handed on raw. */
const READ = new Set(['candidates', 'usageMetadata', 'modelVersion', 'responseId', 'createTime']);
const COUNTED = new Set([
  'promptTokenCount',
  'candidatesTokenCount',
  'totalTokenCount',
  'thoughtsTokenCount',
  'cachedContentTokenCount',
  'toolUsePromptTokenCount',
  'promptTokensDetails',
  'candidatesTokensDetails',
  'cacheTokensDetails',
  'toolUsePromptTokensDetails',
]);

function readResponse(reading: Reading, event: JsonObject): Chunks {
  const start = begin(reading, event);
  const feedback = isObject(event.promptFeedback) ? event.promptFeedback : {};
  reading.blocked = asString(feedback.blockReason) ?? reading.blocked;
  const candidates = isArray(event.candidates) ? event.candidates.filter(isObject) : [];
  const content = candidates.flatMap((candidate) => {
    const choice = asNumber(candidate.index) ?? 0;
    const known = reading.candidates.get(choice) ?? newCandidate();
    reading.candidates.set(choice, known);
    return readCandidate(reading, choice, known, candidate);
  });
  const counts = isObject(event.usageMetadata) ? event.usageMetadata : undefined;
  const usage = readUsage(counts, reading.searches);
  return [
    ...start,
    ...content,
    ...raws(reading, event, READ, [], ''),
    ...raws(reading, counts ?? {}, COUNTED, ['usageMetadata'], 'usageMetadata.'),
    ...(usage === undefined ? [] : [{ type: 'usage' as const, usage }]),
  ];
}

function begin(reading: Reading, event: JsonObject): Chunks {
  if (reading.started) return [];
  reading.started = true;
  const id = asString(event.responseId);
  reading.seed = id?.replace(/[^a-zA-Z0-9_-]/g, '').slice(0, 24) || checksum(JSON.stringify(event));
  const created = Date.parse(asString(event.createTime) ?? '');
  return [
    {
      type: 'start',
      ...present({ id, model: asString(event.modelVersion), created: Number.isNaN(created) ? undefined : Math.floor(created / 1000) }),
    },
  ];
}

/** FNV-1a of 32 bits: for answers without an id, so that ids made of it differ from one answer to the next. */
function checksum(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 0).toString(36);
}
