import type { WrittenError } from '../../core/dialect.ts';
import { type ErrorCode, GatewayError } from '../../core/errors.ts';
import { present } from '../../core/fields.ts';
import { asString, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { readRetryAfter } from '../../core/retry-after.ts';
import { withoutKeys } from '../../core/scrub.ts';

/** Types that mean the same at whatever status they come. Source: API reference, Converse, "Errors"; "Common error types". */
const CODE_OF_TYPE: ReadonlyMap<string, ErrorCode> = new Map([
  ['ThrottlingException', 'upstream_rate_limited'],
  ['TooManyRequestsException', 'upstream_rate_limited'],
  ['ServiceQuotaExceededException', 'upstream_rate_limited'],
  ['ServiceUnavailableException', 'upstream_overloaded'],
  ['ModelNotReadyException', 'upstream_overloaded'],
  ['ModelTimeoutException', 'upstream_timeout'],
  ['InternalServerException', 'upstream_error'],
  ['InternalFailureException', 'upstream_error'],
  ['ModelErrorException', 'upstream_error'],
  ['ModelStreamErrorException', 'upstream_error'],
  ['AccessDeniedException', 'upstream_credential'],
  ['UnrecognizedClientException', 'upstream_credential'],
  ['ExpiredTokenException', 'upstream_credential'],
  ['InvalidSignatureException', 'upstream_credential'],
  ['IncompleteSignatureException', 'upstream_credential'],
  ['MissingAuthenticationTokenException', 'upstream_credential'],
  ['NotAuthorizedException', 'upstream_credential'],
]);

const CODE_OF_STATUS: ReadonlyMap<number, ErrorCode> = new Map([
  [401, 'upstream_credential'],
  [403, 'upstream_credential'],
  [408, 'upstream_timeout'],
  [424, 'upstream_error'],
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

/** `namespace#Type:http://…` → `Type`: the header appends an address, the body a namespace. */
const bareType = (type: string | undefined) => type?.split(':', 1)[0]?.split('#').at(-1);

/** The type stands in the head, or in `__type` of the body; the message in the body. */
export function readError(status: number, body: Json | undefined, headers: Headers): GatewayError {
  const fields = isObject(body) ? body : {};
  const type = bareType(headers.get('x-amzn-errortype') ?? asString(fields.__type));
  const code = codeOf(status, type);
  const said = asString(fields.message) ?? asString(fields.Message) ?? (typeof body === 'string' ? body : undefined);
  const message = said === undefined || said === '' ? `The provider answered with status ${status}.` : said;
  return new GatewayError(
    code,
    code === 'upstream_credential' ? withoutKeys(message) : message,
    present({ status: code === 'upstream_rejected' ? status : undefined, retryAfter: readRetryAfter(headers), vendorType: type }),
  );
}

/** The exception message of a stream that had begun, by its type, `throttlingException`. */
export function readStreamError(type: string, payload: Json | undefined): GatewayError {
  const vendorType = type.charAt(0).toUpperCase() + type.slice(1);
  const fields = isObject(payload) ? payload : {};
  const message = asString(fields.message) ?? asString(fields.originalMessage) ?? 'The provider broke off with an error.';
  return new GatewayError(CODE_OF_TYPE.get(vendorType) ?? 'upstream_error', message, { vendorType });
}

const TYPE_OF_STATUS: ReadonlyMap<number, string> = new Map([
  [401, 'UnrecognizedClientException'],
  [403, 'AccessDeniedException'],
  [404, 'ResourceNotFoundException'],
  [429, 'ThrottlingException'],
  [503, 'ServiceUnavailableException'],
  [504, 'ModelTimeoutException'],
]);

/** What a provider may say of the request itself, in this dialect's words. */
const REQUEST_TYPES: ReadonlySet<string> = new Set(['ValidationException', 'ResourceNotFoundException', 'ConflictException']);

function typeOf(error: GatewayError): string {
  const { vendorType } = error.details;
  if (error.fault === 'client' && vendorType !== undefined && REQUEST_TYPES.has(vendorType)) return vendorType;
  return TYPE_OF_STATUS.get(error.status) ?? (error.status < 500 ? 'ValidationException' : 'InternalServerException');
}

/** SDKs read the type from the head before the body. The gateway's own code stands beside the message, where they look for nothing. */
export function writeError(error: GatewayError, requestId: string): WrittenError {
  const type = typeOf(error);
  return {
    status: error.status,
    body: { message: error.message, __type: type, weirCode: error.code, requestId },
    headers: { 'x-amzn-errortype': type, 'x-amzn-requestid': requestId },
  };
}

/** The exceptions that a stream may hold. Source: API reference, `ConverseStreamOutput`. */
const STREAM_TYPES: ReadonlyMap<ErrorCode, string> = new Map([
  ['upstream_rate_limited', 'throttlingException'],
  ['rate_limited', 'throttlingException'],
  ['upstream_overloaded', 'serviceUnavailableException'],
  ['overloaded', 'serviceUnavailableException'],
  ['internal', 'internalServerException'],
]);

function streamTypeOf({ code, fault }: GatewayError): string {
  return STREAM_TYPES.get(code) ?? (fault === 'client' ? 'validationException' : 'modelStreamErrorException');
}

export function errorFrame(error: GatewayError, requestId: string): string {
  const payload: JsonObject = { message: error.message, weirCode: error.code, requestId };
  return `event: ${streamTypeOf(error)}\ndata: ${JSON.stringify(payload)}\n\n`;
}
