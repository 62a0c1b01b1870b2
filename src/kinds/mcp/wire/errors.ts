import { GatewayError } from '../../../core/errors.ts';
import type { Json, JsonObject } from '../../../core/json.ts';

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

/** An error as it travels: of the protocol, not of the gateway. */
export class RpcError extends Error {
  readonly code: number;
  readonly data: Json | undefined;
  /** Of the answer, where the transport says one; absent: 200. */
  readonly status: number | undefined;

  constructor(code: number, message: string, options: { readonly data?: Json | undefined; readonly status?: number } = {}) {
    super(message);
    this.name = 'RpcError';
    this.code = code;
    this.data = options.data;
    this.status = options.status;
  }

  toJson(): JsonObject {
    return { code: this.code, message: this.message, ...(this.data === undefined ? {} : { data: this.data }) };
  }
}

/** Of the gateway's own errors, the numbers that say the same. */
const NUMBERS: { readonly [code in GatewayError['code']]?: number } = {
  invalid_json: codes.parse,
  invalid_request: codes.invalidRequest,
};

/** What an HTTP answer must say too, because clients act on it: who may ask, what is not there, what is too much. */
const TOLD = new Set([401, 403, 404, 405, 413, 414, 415, 429, 431, 503, 508]);

/** What was thrown, as it is told to a client: the stable code of `docs/errors.md` stands in `data`. */
export function rpcErrorOf(thrown: unknown, requestId: string): RpcError {
  if (thrown instanceof RpcError) return thrown;
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
