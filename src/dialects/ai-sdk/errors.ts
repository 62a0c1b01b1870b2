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

/** `{error: {message, type, param, code}, generationId}`, and what proxies make of it; inside a stream the error alone. */
function vendorError(body: Json | undefined): VendorError {
  if (typeof body === 'string') return body === '' ? {} : { message: body };
  if (!isObject(body)) return {};
  const error = isObject(body.error) ? body.error : body;
  return present({
    type: asString(error.type),
    code: asString(error.code),
    message: asString(error.message) || asString(body.error) || undefined,
  });
}

const CODE_OF_TYPE: ReadonlyMap<string, ErrorCode> = new Map([
  ['authentication_error', 'upstream_credential'],
  ['rate_limit_exceeded', 'upstream_rate_limited'],
]);

const CODE_OF_STATUS: ReadonlyMap<number, ErrorCode> = new Map([
  [401, 'upstream_credential'],
  [402, 'upstream_credential'],
  [403, 'upstream_credential'],
  [408, 'upstream_timeout'],
  [429, 'upstream_rate_limited'],
  [503, 'upstream_overloaded'],
  [504, 'upstream_timeout'],
]);

function codeOf(status: number, type: string | undefined): ErrorCode {
  const known = CODE_OF_TYPE.get(type ?? '') ?? CODE_OF_STATUS.get(status);
  if (known !== undefined) return known;
  if (status >= 500) return 'upstream_error';
  return status >= 400 ? 'upstream_rejected' : 'upstream_invalid';
}

export const readError = (status: number, body: Json | undefined, headers: Headers): GatewayError =>
  errorOf(status, vendorError(body), readRetryAfter(headers), `The provider answered with status ${status}.`);

function errorOf(status: number, vendor: VendorError, retryAfter: number | undefined, unsaid: string): GatewayError {
  const code = codeOf(status, vendor.type);
  const message = vendor.message ?? unsaid;
  if (code === 'upstream_credential') return new GatewayError(code, withoutKeys(message));
  const details: ErrorDetails = present({
    status: code === 'upstream_rejected' ? status : undefined,
    retryAfter,
    vendorType: vendor.type,
    vendorCode: vendor.code,
  });
  return new GatewayError(code, message, details);
}

/** An error inside a stream: its type stands for the status. */
export function readStreamError(body: Json): GatewayError {
  const vendor = vendorError(body);
  const status = [...TYPES].find(([, type]) => type === vendor.type)?.[0] ?? 502;
  return errorOf(status, vendor, undefined, 'The provider broke off with an error.');
}

/** The types that the SDK has a class of errors for. Source: `createGatewayErrorFromResponse` of `@ai-sdk/gateway`. */
const TYPES: ReadonlyMap<number, string> = new Map([
  [401, 'authentication_error'],
  [403, 'forbidden'],
  [404, 'not_found'],
  [424, 'failed_dependency'],
  [429, 'rate_limit_exceeded'],
]);

function typeOf({ code, status, details, message }: GatewayError): string {
  if (code === 'model_not_found' || (status === 404 && (details.param === 'model' || /model/i.test(message)))) return 'model_not_found';
  return TYPES.get(status) ?? (status < 500 ? 'invalid_request_error' : 'internal_server_error');
}

const errorJson = (error: GatewayError): JsonObject => ({
  message: error.message,
  type: typeOf(error),
  code: error.code,
  ...(error.details.param !== undefined && { param: error.details.param }),
});

export const writeError = (error: GatewayError, requestId: string) => ({
  status: error.status,
  body: { error: errorJson(error), generationId: requestId },
});

export const errorFrame = (error: GatewayError, requestId: string): string =>
  `data: ${JSON.stringify({ type: 'error', error: { ...errorJson(error), generationId: requestId } })}\n\n`;
