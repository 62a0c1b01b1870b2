import type { LlmCall } from '../call.ts';
import type { Chat } from '../chat.ts';
import { isArray, isObject, type Json, type JsonObject } from '../json.ts';
import { holdsNumbers } from './exact-numbers.ts';

/** Fields of vendors that say whose a call is and how it is carried, and nothing of what is asked. */
const ATTRIBUTION: ReadonlySet<string> = new Set([
  'metadata',
  'user',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
  'stream_options',
  'store',
  'labels',
  'requestMetadata',
]);

/** Fields that ask for what the canonical form of an answer has no place for: it would be missing when given again. */
const UNKEPT: readonly string[] = [
  'logprobs',
  'top_logprobs',
  'responseLogprobs',
  'audio',
  'background',
  'previous_response_id',
  'conversation',
];

/**
 * What a call asks for, as far as its answer depends on it: not how it is carried, and not whose it is. `undefined` where
 * the answer must not be given to anybody else: the call leaves something behind at its provider or here, asks for what
 * would not be kept, or says something that was not read exactly.
 */
export function askedBy(call: LlmCall): Json | undefined {
  const { fields, text } = call.wire;
  if (call.operation !== 'chat' || UNKEPT.some((name) => isSaid(fields.get(name)))) return undefined;
  if (call.dialect.id === RESPONSES ? fields.get('store') !== false : fields.get('store') === true) return undefined;
  if (asksForSound(fields.get('modalities')) || asksForSound(modalitiesOf(fields.get('generationConfig')))) return undefined;
  if (!holdsNumbers(text)) return undefined;
  return plain(call.chat());
}

/** Where answers are kept unless the caller says otherwise. */
const RESPONSES = 'openai-responses';

const isSaid = (value: Json | undefined): boolean => value !== undefined && value !== null && value !== false && value !== 0;

const modalitiesOf = (value: Json | undefined): Json | undefined => (isObject(value) ? value.responseModalities : undefined);

const asksForSound = (value: Json | undefined): boolean =>
  isArray(value) && value.some((each) => typeof each === 'string' && each.toLowerCase() !== 'text');

function plain({ stream: _stream, user: _user, store: _store, extra, ...chat }: Chat): Json {
  const said = Object.entries(extra).flatMap(([dialect, fields]) => {
    const asking = Object.entries(fields).filter(([name]) => !ATTRIBUTION.has(name));
    return asking.length === 0 ? [] : [[dialect, Object.fromEntries(asking)] as const];
  });
  return toJson({ ...chat, extra: Object.fromEntries(said) });
}

/** The canonical chat is JSON already; this only says so to the compiler. */
function toJson(value: object): JsonObject {
  const json: unknown = value;
  if (!isObject(json)) throw new TypeError('a chat is an object');
  return json;
}
