import { type ErrorCode, type ErrorDetails, GatewayError } from '../../core/errors.ts';
import { present } from '../../core/fields.ts';
import { asNumber, asString, isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { readRetryAfter } from '../../core/retry-after.ts';
import { withoutKeys } from '../../core/scrub.ts';

/** `google.rpc.Status` as JSON. Source: https://cloud.google.com/apis/design/errors */
interface VendorError {
  readonly code?: number;
  readonly status?: string;
  readonly message?: string;
  readonly reason?: string;
  /** Seconds. */
  readonly retryDelay?: number;
}

function vendorError(body: Json | undefined): VendorError {
  if (typeof body === 'string') return body === '' ? {} : { message: body };
  // A stream that was asked for as a JSON array fails in one.
  if (isArray(body)) return body.length === 0 ? {} : vendorError(body[0]);
  if (!isObject(body)) return {};
  const error = isObject(body.error) ? body.error : {};
  const details = isArray(error.details) ? error.details.filter(isObject) : [];
  const detail = (type: string) => details.find((each) => asString(each['@type'])?.endsWith(`google.rpc.${type}`));
  return present({
    code: asNumber(error.code),
    status: asString(error.status),
    message: asString(error.message) || asString(body.error) || asString(body.message),
    reason: asString(detail('ErrorInfo')?.reason),
    retryDelay: readDelay(detail('RetryInfo')?.retryDelay),
  });
}

const LONGEST = 3600;

/** A `google.protobuf.Duration`: `"34.4s"`. */
function readDelay(value: Json | undefined): number | undefined {
  const seconds = Number(/^(\d+(?:\.\d+)?)s$/.exec(asString(value) ?? '')?.[1] ?? Number.NaN);
  return seconds <= LONGEST ? seconds : undefined;
}

const CODE_OF_STATUS: ReadonlyMap<number, ErrorCode> = new Map([
  [401, 'upstream_credential'],
  [402, 'upstream_credential'],
  [403, 'upstream_credential'],
  [408, 'upstream_timeout'],
  [429, 'upstream_rate_limited'],
  [499, 'upstream_error'],
  [503, 'upstream_overloaded'],
  [504, 'upstream_timeout'],
]);

/** A key that is not valid is answered like a bad request. */
const BAD_KEY = new Set(['API_KEY_INVALID', 'API_KEY_EXPIRED', 'API_KEY_SERVICE_BLOCKED']);

function codeOf(status: number, { reason }: VendorError): ErrorCode {
  if (BAD_KEY.has(reason ?? '')) return 'upstream_credential';
  const known = CODE_OF_STATUS.get(status);
  if (known !== undefined) return known;
  if (status >= 500) return 'upstream_error';
  return status >= 400 ? 'upstream_rejected' : 'upstream_invalid';
}

export function readError(status: number, body: Json | undefined, headers: Headers): GatewayError {
  const vendor = vendorError(body);
  return errorOf(status, vendor, readRetryAfter(headers), `The provider answered with status ${status}.`);
}

function errorOf(status: number, vendor: VendorError, retryAfter: number | undefined, unsaid: string): GatewayError {
  const code = codeOf(status, vendor);
  const message = vendor.message ?? unsaid;
  if (code === 'upstream_credential') return new GatewayError(code, withoutKeys(message));
  const details: ErrorDetails = present({
    status: code === 'upstream_rejected' ? status : undefined,
    retryAfter: retryAfter ?? vendor.retryDelay,
    vendorType: vendor.status,
    vendorCode: vendor.reason,
  });
  return new GatewayError(code, message, details);
}

/** An error inside a stream: its own code stands for the status. */
export function readStreamError(body: Json): GatewayError {
  const vendor = vendorError(body);
  const named = [...STATUS_WORDS].find(([, word]) => word === vendor.status)?.[0];
  const status = vendor.code !== undefined && vendor.code >= 400 && vendor.code <= 599 ? vendor.code : (named ?? 500);
  return errorOf(status, vendor, undefined, 'The provider broke off with an error.');
}

/** Source: https://cloud.google.com/apis/design/errors#handling_errors, `google.rpc.Code` and its HTTP status. */
const STATUS_WORDS: ReadonlyMap<number, string> = new Map([
  [400, 'INVALID_ARGUMENT'],
  [401, 'UNAUTHENTICATED'],
  [403, 'PERMISSION_DENIED'],
  [404, 'NOT_FOUND'],
  [409, 'ABORTED'],
  [412, 'FAILED_PRECONDITION'],
  [429, 'RESOURCE_EXHAUSTED'],
  [499, 'CANCELLED'],
  [500, 'INTERNAL'],
  [501, 'UNIMPLEMENTED'],
  [502, 'UNAVAILABLE'],
  [503, 'UNAVAILABLE'],
  [504, 'DEADLINE_EXCEEDED'],
]);

/** What a provider may say of the request itself, in this API's words. */
const REQUEST_WORDS: ReadonlySet<string> = new Set([
  'INVALID_ARGUMENT',
  'FAILED_PRECONDITION',
  'OUT_OF_RANGE',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'UNIMPLEMENTED',
]);

function wordOf({ fault, status, details }: GatewayError): string {
  if (fault === 'client' && REQUEST_WORDS.has(details.vendorType ?? '')) return details.vendorType ?? '';
  return STATUS_WORDS.get(status) ?? (status < 500 ? 'INVALID_ARGUMENT' : 'INTERNAL');
}

const TYPE = 'type.googleapis.com/google.rpc.';

/** The code of the gateway's own table, the request id and the wait stand where this API's clients look for such things. */
function errorJson(error: GatewayError, requestId: string): JsonObject {
  const { retryAfter, param } = error.details;
  const details: JsonObject[] = [
    { '@type': `${TYPE}ErrorInfo`, reason: error.code, domain: 'weir' },
    { '@type': `${TYPE}RequestInfo`, requestId },
  ];
  if (param !== undefined) details.push({ '@type': `${TYPE}BadRequest`, fieldViolations: [{ field: param, description: error.message }] });
  if (retryAfter !== undefined) details.push({ '@type': `${TYPE}RetryInfo`, retryDelay: `${retryAfter}s` });
  return { error: { code: error.status, message: error.message, status: wordOf(error), details } };
}

export const writeError = (error: GatewayError, requestId: string) => ({ status: error.status, body: errorJson(error, requestId) });

/**
 * The error as an event, and behind it a comment without its blank line: some versions of Google's libraries take the
 * event for an empty answer, and see only by what stands unfinished at the end that the stream was broken off.
 */
export const errorFrame = (error: GatewayError, requestId: string): string =>
  `data: ${JSON.stringify(errorJson(error, requestId))}\n\n: broken off\n`;
