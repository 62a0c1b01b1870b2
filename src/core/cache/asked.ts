import type { LlmCall } from '../call.ts';
import type { Chat } from '../chat.ts';
import { isArray, isObject, type Json, type JsonObject } from '../json.ts';
import type { OperationCall, OperationName } from '../operation.ts';
import { holdsNumbers } from './exact-numbers.ts';
import { hasSingleMembers } from './single-members.ts';
import { saysNoMore } from './unsaid.ts';

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

/** Operations beside chat whose answers are kept: each a JSON object that its call alone decides. */
const KEPT: ReadonlySet<OperationName> = new Set(['embeddings', 'rerank', 'moderations']);

export const isKept = ({ operation, head, form }: OperationCall): boolean => KEPT.has(operation) && !head.stream && form === undefined;

/**
 * What a call asks for, as far as its answer depends on it: not how it is carried, and not whose it is. `undefined` where
 * the answer must not be given to anybody else: the call leaves something behind at its provider or here, asks for what
 * would not be kept, or says something that was not read exactly.
 */
export const askedBy = (call: LlmCall | OperationCall): Json | undefined =>
  call.dialect === undefined ? askedByOperation(call) : askedByChat(call);

/** The form that it is written in: whose words an answer is in that no other form has. */
export const formOf = (call: LlmCall | OperationCall): string => (call.dialect === undefined ? call.shape : call.dialect.id);

/** Beside chat, only these fields say nothing of what is asked: what any other means, only its provider can say. */
const OPERATION_ATTRIBUTION: ReadonlySet<string> = new Set(['user', 'safety_identifier']);

function askedByOperation(call: OperationCall): Json | undefined {
  if (!isKept(call) || !isReadAsWritten(call)) return undefined;
  const asking = Object.entries(call.wire.json()).filter(([name]) => name !== 'model' && !OPERATION_ATTRIBUTION.has(name));
  return [call.operation, call.shape, Object.fromEntries(asking)];
}

function askedByChat(call: LlmCall): Json | undefined {
  const { fields } = call.wire;
  if (call.operation !== 'chat' || UNKEPT.some((name) => isSaid(fields.get(name)))) return undefined;
  if (call.dialect.id === RESPONSES ? fields.get('store') !== false : fields.get('store') === true) return undefined;
  if (asksForSound(fields.get('modalities')) || asksForSound(modalitiesOf(fields.get('generationConfig')))) return undefined;
  if (!isReadAsWritten(call)) return undefined;
  const asked = plain(call.chat());
  return isWhollyRead(call) ? asked : [asked, call.dialect.id, carried(call.wire.json())];
}

/**
 * Whether the canonical form holds all that a body asks for. What a reader passes over its provider is handed all the
 * same: where it does, only the very same body asks for the same.
 */
export function isWhollyRead(call: LlmCall): boolean {
  const { dialect, wire } = call;
  const body = carried(wire.json());
  return saysNoMore(dialect.spelt?.(body) ?? body, carried(dialect.writeCall(call.chat(), {}).body));
}

/** Whether two texts that are read as the same are the same to everybody who reads them. */
const isReadAsWritten = ({ wire }: LlmCall | OperationCall): boolean => holdsNumbers(wire.text) && hasSingleMembers(wire.text, wire.json());

const carried = ({ stream: _, ...body }: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(body).filter(([name]) => !ATTRIBUTION.has(name)));

/** Where answers are kept unless the caller says otherwise. */
const RESPONSES = 'openai-responses';

const isSaid = (value: Json | undefined): boolean => value !== undefined && value !== null && value !== false && value !== 0;

const modalitiesOf = (value: Json | undefined): Json | undefined => (isObject(value) ? value.responseModalities : undefined);

const asksForSound = (value: Json | undefined): boolean =>
  isArray(value) && value.some((each) => typeof each === 'string' && each.toLowerCase() !== 'text');

export function plain({ stream: _stream, user: _user, store: _store, extra, ...chat }: Chat): Json {
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
