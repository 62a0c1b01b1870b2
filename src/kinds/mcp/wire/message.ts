import { hasSingleMembers } from '../../../core/cache/single-members.ts';
import { isArray, isObject, type Json, type JsonObject, parseJson } from '../../../core/json.ts';
import { Wire } from '../../../core/wire.ts';
import { codes, RpcError } from './errors.ts';

/** JSON-RPC 2.0 section 4; the protocol allows texts and whole numbers, and never null. `0` is one as good as another. */
export type RpcId = string | number;

export interface RpcRequest {
  readonly type: 'request';
  readonly id: RpcId;
  readonly method: string;
  readonly params: Wire;
}

export interface RpcNotification {
  readonly type: 'notification';
  readonly method: string;
  readonly params: Wire;
}

export interface RpcResponse {
  readonly type: 'response';
  readonly id: RpcId | null;
  readonly result?: Wire;
  readonly error?: JsonObject;
}

export type Message = RpcRequest | RpcNotification | RpcResponse;

/** Characters of an id: what no client comes near, and no memory minds. */
const LONGEST_ID = 1024;
/** Messages of one batch (2025-03-26 alone has batches). */
export const MOST_IN_BATCH = 50;

const EMPTY = Wire.read('{}');

const malformed = (why: string) => new RpcError(codes.invalidRequest, `The message is not JSON-RPC 2.0: ${why}.`, { status: 400 });

export const isId = (value: Json | undefined): value is RpcId =>
  (typeof value === 'string' && value.length <= LONGEST_ID) || (typeof value === 'number' && Number.isSafeInteger(value));

/** One message. Throws `RpcError` -32700 and -32600. */
export function readMessage(text: string): Message {
  const wire = readWire(text);
  const { fields } = wire;
  if (fields.get('jsonrpc') !== '2.0') throw malformed('`jsonrpc` must be "2.0"');
  if (!fields.has('method')) return readResponse(wire);
  const method = fields.get('method');
  if (typeof method !== 'string' || method === '' || method.length > 256) throw malformed('`method` must be a text');
  const params = fields.has('params') ? part(wire, 'params') : EMPTY;
  if (!fields.has('id')) return { type: 'notification', method, params };
  const id = fields.get('id');
  if (!isId(id)) throw malformed('`id` must be a text or a whole number');
  return { type: 'request', id, method, params };
}

function readResponse(wire: Wire): RpcResponse {
  const { fields } = wire;
  const id = fields.get('id') ?? null;
  if (id !== null && !isId(id)) throw malformed('`id` must be a text or a whole number');
  if (fields.has('result') === fields.has('error')) throw malformed('it has neither or both of `result` and `error`');
  if (fields.has('result')) return { type: 'response', id, result: part(wire, 'result') };
  const error = fields.get('error');
  if (!isObject(error)) throw malformed('`error` must be an object');
  return { type: 'response', id, error };
}

/** A body that may be a batch. Throws as `readMessage`, and for an empty batch or one of too many. */
export function readMessages(text: string): { readonly messages: readonly Message[]; readonly isBatch: boolean } {
  if (!/^[\s\ufeff]*\[/.test(text)) return { messages: [readMessage(text)], isBatch: false };
  const all = parseJson(text);
  if (all === undefined || !isArray(all)) throw new RpcError(codes.parse, 'The body is not JSON.', { status: 400 });
  if (all.length === 0 || all.length > MOST_IN_BATCH) throw malformed(`a batch holds 1 to ${MOST_IN_BATCH} messages`);
  return { messages: all.map((each) => readMessage(JSON.stringify(each))), isBatch: true };
}

/**
 * A client's message must say everything once (I-JSON, RFC 7493 section 2.3): of a member that stands twice, who decides about
 * the call might take the one, and who makes it the other. Throws -32600.
 */
export function checkMembers(message: Message): void {
  const said = message.type === 'response' ? message.result : message.params;
  if (said === undefined || hasSingleMembers(said.text, said.json())) return;
  throw malformed('it has an object in which a member stands twice: leave one of them out');
}

function readWire(text: string): Wire {
  try {
    const wire = Wire.read(text);
    // What looks sound may still hold a text or a number that is none: whoever gets it would trip over it.
    wire.json();
    return wire;
  } catch (cause) {
    throw new RpcError(parseJson(text) === undefined ? codes.parse : codes.invalidRequest, messageOf(cause), { status: 400 });
  }
}

const messageOf = (cause: unknown) => (cause instanceof Error ? cause.message : 'The body is not JSON.');

/** An object within another, as it was written. Throws -32600 where it is none. */
function part(wire: Wire, name: string): Wire {
  const found = wire.within(name);
  if (found === undefined) throw malformed(`\`${name}\` must be an object`);
  return found;
}

export const requestText = (id: RpcId, method: string, params: Wire): string =>
  `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"method":${JSON.stringify(method)},"params":${params.text}}`;

export const notificationText = (method: string, params: JsonObject): string => JSON.stringify({ jsonrpc: '2.0', method, params });

export const resultText = (id: RpcId | null, result: Wire): string =>
  `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result.text}}`;

export const errorText = (id: RpcId | null, error: RpcError): string => JSON.stringify({ jsonrpc: '2.0', id, error: error.toJson() });

/** An object within `params` or a result; empty where there is none. */
export function objectOf(wire: Wire, name: string): JsonObject {
  const value = wire.fields.get(name);
  return isObject(value) ? value : {};
}

export function textOf(wire: Wire, name: string): string | undefined {
  const value = wire.fields.get(name);
  return typeof value === 'string' ? value : undefined;
}
