import { type ErrorCode, type ErrorDetails, GatewayError } from '../../core/errors.ts';
import { present } from '../../core/fields.ts';
import { asString, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { readRetryAfter } from '../../core/retry-after.ts';
import { withoutKeys } from '../../core/scrub.ts';

interface VendorError {
  readonly type?: string;
  readonly code?: string;
  readonly message?: string;
}

/** `{type: 'error', error: {type, message, details: {error_code}}}`, and what proxies and lookalikes make of it. */
function vendorError(body: Json | undefined): VendorError {
  if (typeof body === 'string') return body === '' ? {} : { message: body };
  if (!isObject(body)) return {};
  const error = isObject(body.error) ? body.error : {};
  const details = isObject(error.details) ? error.details : {};
  return present({
    type: asString(error.type),
    code: asString(details.error_code) ?? asString(error.code),
    message: asString(error.message) ?? asString(body.error) ?? asString(body.message) ?? asString(body.detail),
  });
}

/** Types that mean the same at whatever status they come. */
const CODE_OF_TYPE: ReadonlyMap<string, ErrorCode> = new Map([
  ['overloaded_error', 'upstream_overloaded'],
  ['rate_limit_error', 'upstream_rate_limited'],
]);

const CODE_OF_STATUS: ReadonlyMap<number, ErrorCode> = new Map([
  [401, 'upstream_credential'],
  [402, 'upstream_credential'],
  [403, 'upstream_credential'],
  [408, 'upstream_timeout'],
  [429, 'upstream_rate_limited'],
  [503, 'upstream_overloaded'],
  [529, 'upstream_overloaded'],
]);

function codeOf(status: number, type: string | undefined): ErrorCode {
  const known = CODE_OF_TYPE.get(type ?? '') ?? CODE_OF_STATUS.get(status);
  if (known !== undefined) return known;
  if (status >= 500) return 'upstream_error';
  return status >= 400 ? 'upstream_rejected' : 'upstream_invalid';
}

/** Source: docs.claude.com, "Errors". */
export function readError(status: number, body: Json | undefined, headers: Headers): GatewayError {
  const vendor = vendorError(body);
  const code = codeOf(status, vendor.type);
  const details: ErrorDetails = present({
    status: code === 'upstream_rejected' ? status : undefined,
    retryAfter: readRetryAfter(headers),
    vendorType: vendor.type,
    vendorCode: vendor.code,
  });
  const message = vendor.message ?? `The provider answered with status ${status}.`;
  return new GatewayError(code, code === 'upstream_credential' ? withoutKeys(message) : message, details);
}

/** The error event of a stream that had begun. */
export function readStreamError(event: JsonObject): GatewayError {
  const vendor = vendorError(event);
  const code = CODE_OF_TYPE.get(vendor.type ?? '') ?? 'upstream_error';
  const details = present({ vendorType: vendor.type, vendorCode: vendor.code });
  return new GatewayError(code, vendor.message ?? 'The provider broke off with an error.', details);
}

const TYPE_OF_STATUS: ReadonlyMap<number, string> = new Map([
  [400, 'invalid_request_error'],
  [401, 'authentication_error'],
  [402, 'billing_error'],
  [403, 'permission_error'],
  [404, 'not_found_error'],
  [413, 'request_too_large'],
  [429, 'rate_limit_error'],
  [503, 'overloaded_error'],
  [504, 'timeout_error'],
  [529, 'overloaded_error'],
]);

/** What a provider may say of the request itself, in this dialect's words. */
const REQUEST_TYPES: ReadonlySet<string> = new Set([
  'invalid_request_error',
  'billing_error',
  'permission_error',
  'not_found_error',
  'request_too_large',
  'conflict_error',
]);

function typeOf(error: GatewayError): string {
  const { vendorType } = error.details;
  if (error.fault === 'client' && vendorType !== undefined && REQUEST_TYPES.has(vendorType)) return vendorType;
  if (mustStop(error)) return 'billing_error';
  // Clients wait and try again when they read "overloaded": only where that can help.
  if (error.status === 503 && !error.retryable) return 'api_error';
  return TYPE_OF_STATUS.get(error.status) ?? (error.status < 500 ? 'invalid_request_error' : 'api_error');
}

const errorJson = (error: GatewayError, requestId: string): JsonObject => ({
  type: 'error',
  error: { type: typeOf(error), message: error.message, code: error.code },
  request_id: requestId,
});

const mustStop = ({ code }: GatewayError): boolean => code === 'budget_exceeded' || code === 'run_stopped';

/**
 * A billing error has 402 in this API. Clients of this family stop at it; 403 they word as a failed login, and at 429 only
 * those stop that heed `x-should-retry: false`: the official SDKs do, the AI SDK asks again and again.
 */
export const writeError = (error: GatewayError, requestId: string) => ({
  status: mustStop(error) ? 402 : error.status,
  body: errorJson(error, requestId),
});

export const errorFrame = (error: GatewayError, requestId: string): string =>
  `event: error\ndata: ${JSON.stringify(errorJson(error, requestId))}\n\n`;
