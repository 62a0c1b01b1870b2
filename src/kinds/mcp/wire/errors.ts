import { type ErrorCode, GatewayError } from '../../../core/errors.ts';
import { isObject, type Json, type JsonObject } from '../../../core/json.ts';

/** Codes of JSON-RPC 2.0 section 5.1, and those of the protocol's own (2026-07-28, "Error codes"). */
export const codes = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  headerMismatch: -32020,
  missingCapability: -32021,
  unsupportedVersion: -32022,
} as const;

export interface RpcErrorOptions {
  readonly data?: Json | undefined;
  readonly status?: number;
  readonly isForeign?: boolean;
}

/** An error as it travels: of the protocol, not of the gateway. */
export class RpcError extends Error {
  readonly code: number;
  readonly data: Json | undefined;
  /** Of the answer, where the transport says one; absent: 200. */
  readonly status: number | undefined;
  /** A server's or a client's, told word for word: then nothing is added to it. */
  readonly isForeign: boolean;

  constructor(code: number, message: string, options: RpcErrorOptions = {}) {
    super(message);
    this.name = 'RpcError';
    this.code = code;
    this.data = options.data;
    this.status = options.status;
    this.isForeign = options.isForeign === true;
  }

  toJson(): JsonObject {
    return { code: this.code, message: this.message, ...(this.data === undefined ? {} : { data: this.data }) };
  }
}

/** Of an error about a client that was asked something. */
export const UNANSWERED: RpcErrorOptions = { data: { code: 'client_unanswered' } };

/** Of the gateway's own errors, the numbers that say the same. */
const NUMBERS: { readonly [code in GatewayError['code']]?: number } = {
  invalid_json: codes.parse,
  invalid_request: codes.invalidRequest,
  content_refused: codes.invalidRequest,
};

/** What an HTTP answer must say too, because clients act on it: who may ask, what is not there, what is too much. */
const TOLD = new Set([401, 403, 404, 405, 413, 414, 415, 429, 431, 503, 508]);

/** What was thrown, as it is told to a client: the stable code of `docs/errors.md` stands in `data`. */
export function rpcErrorOf(thrown: unknown, requestId: string): RpcError {
  if (thrown instanceof RpcError) return thrown.isForeign ? thrown : withCode(thrown, requestId);
  const error = GatewayError.from(thrown);
  if (error.code === 'internal') console.error('unhandled', requestId, error.cause);
  const { retryAfter } = error.details;
  const data = { code: error.code, requestId, ...(retryAfter === undefined ? {} : { retryAfter }) };
  const isMalformed = error.code === 'invalid_json' || error.code === 'invalid_request';
  return new RpcError(NUMBERS[error.code] ?? codes.internal, error.message, {
    data,
    ...(TOLD.has(error.status) ? { status: error.status } : isMalformed ? { status: 400 } : {}),
  });
}

/** Of the protocol's own errors that the gateway finds, the codes of the table that say the same. */
const CODES: { readonly [number: number]: ErrorCode } = {
  [codes.parse]: 'invalid_json',
  [codes.invalidRequest]: 'invalid_request',
  [codes.methodNotFound]: 'not_supported',
  [codes.invalidParams]: 'invalid_request',
  [codes.headerMismatch]: 'invalid_request',
  [codes.missingCapability]: 'invalid_request',
  [codes.unsupportedVersion]: 'invalid_request',
  // Of the SDKs: a session that is not there.
  [-32001]: 'not_found',
  // 2025-11-25, URL elicitation: the user opens an address first.
  [-32042]: 'connection_needed',
};

function withCode(error: RpcError, requestId: string): RpcError {
  const { code, message, data, status } = error;
  const said = data === undefined ? {} : data;
  if (!isObject(said)) return error;
  const own = typeof said.code === 'string' ? said.code : status === 429 ? 'overloaded' : (CODES[code] ?? 'internal');
  return new RpcError(code, message, { data: { ...said, code: own, requestId }, ...(status === undefined ? {} : { status }) });
}
