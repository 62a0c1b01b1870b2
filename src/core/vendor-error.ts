import { type ErrorCode, GatewayError } from './errors.ts';
import { present } from './fields.ts';
import { asString, isArray, isObject, type Json } from './json.ts';
import { readRetryAfter } from './retry-after.ts';
import { refusesContent } from './routing/refusals.ts';
import { withoutKeys } from './scrub.ts';

// How the errors of OpenAI's APIs are read, and of the many vendors that answer in much the same shapes.

/** Longer texts are pages, not messages. */
const LONGEST_MESSAGE = 4000;

/** What a vendor says about an error, from whatever shape it says it in. */
interface VendorError {
  readonly message?: string;
  readonly type?: string;
  readonly code?: string;
  readonly param?: string;
}

function readVendorError(body: Json | undefined): VendorError {
  if (typeof body === 'string') return present({ message: readMessage(body) });
  // Gemini's OpenAI form wraps its errors in an array.
  if (isArray(body)) return body.length === 0 ? {} : readVendorError(body[0]);
  if (!isObject(body)) return {};
  // `errors` is how Cloudflare's API answers; `detail` is FastAPI, which many self-hosted servers are built on.
  const inner = body.error ?? body.errors;
  if (isObject(inner) || isArray(inner)) return readVendorError(inner);
  return present({
    message: readMessage(body.error) ?? readMessage(body.message) ?? readMessage(body.detail) ?? readMessage(body.msg),
    // In a flat event the type says only that it is an error.
    type: body.type === 'error' ? undefined : asString(body.type),
    code: typeof body.code === 'number' ? String(body.code) : asString(body.code),
    param: asString(body.param),
  });
}

/** Text, FastAPI's list of `{loc, msg}`, or Mistral's `{detail}`; a page of HTML is no message. */
function readMessage(value: Json | undefined): string | undefined {
  if (typeof value === 'string') {
    const text = value.trim();
    return text === '' || text.startsWith('<') ? undefined : text.slice(0, LONGEST_MESSAGE);
  }
  if (isArray(value)) return value.map(readDetail).filter(Boolean).join('; ').slice(0, LONGEST_MESSAGE) || undefined;
  return isObject(value) ? (readMessage(value.message) ?? readMessage(value.detail)) : undefined;
}

function readDetail(value: Json): string {
  if (!isObject(value)) return asString(value) ?? '';
  const where = isArray(value.loc) ? `${value.loc.join('.')}: ` : '';
  return `${where}${asString(value.msg) ?? asString(value.message) ?? ''}`;
}

/** Statuses that say more than their class. All other 4xx are the caller's, all other 5xx the provider's. */
const CODES: ReadonlyMap<number, ErrorCode> = new Map([
  [401, 'upstream_credential'],
  [402, 'upstream_rate_limited'],
  [403, 'upstream_credential'],
  [408, 'upstream_error'],
  [409, 'upstream_error'],
  [429, 'upstream_rate_limited'],
  // Groq: no capacity left in the flexible tier.
  [498, 'upstream_overloaded'],
  [503, 'upstream_overloaded'],
  [529, 'upstream_overloaded'],
]);

const codeOf = (status: number): ErrorCode => CODES.get(status) ?? (status >= 400 && status < 500 ? 'upstream_rejected' : 'upstream_error');

/** A quota that is used up does not come back within a retry, though it answers like a rate limit. */
const QUOTA = new Set(['insufficient_quota', 'billing_hard_limit_reached', 'insufficient_balance']);

export const readError = (status: number, body: Json | undefined, headers: Headers): GatewayError =>
  errorOf(status, readVendorError(body), headers, `The provider answered with status ${status}.`);

function errorOf(status: number, vendor: VendorError, headers: Headers, unsaid: string): GatewayError {
  const message = vendor.message ?? unsaid;
  // A call that was refused for what it says is no fault of the credential.
  const isContent = status === 403 && refusesContent(`${vendor.code ?? ''} ${vendor.type ?? ''} ${message}`);
  const code = isContent ? 'upstream_rejected' : codeOf(status);
  const words = present({ vendorType: vendor.type, vendorCode: vendor.code });
  switch (code) {
    case 'upstream_rejected':
      return new GatewayError(code, message, { status, ...words, ...present({ param: vendor.param }) });
    case 'upstream_credential':
      // Type and code would read as if the caller's own key had been refused.
      return new GatewayError(code, withoutKeys(message));
    case 'upstream_rate_limited': {
      const isSpent = status === 402 || QUOTA.has(vendor.code ?? '') || QUOTA.has(vendor.type ?? '');
      return new GatewayError(code, message, {
        ...words,
        ...(isSpent ? { retryable: false } : present({ retryAfter: readRetryAfter(headers) })),
      });
    }
    default:
      return new GatewayError(code, message, { ...words, ...present({ retryAfter: readRetryAfter(headers) }) });
  }
}

/**
 * An error inside a stream, and an answer with status 200 that is one, has no status of its own: OpenRouter and others
 * put one in `code`; elsewhere only its words say whose fault it is.
 */
export function readStreamError(body: Json | undefined): GatewayError {
  const vendor = readVendorError(body);
  const given = Number(vendor.code);
  const words = `${vendor.type ?? ''} ${vendor.code ?? ''}`;
  const status = given >= 400 && given <= 599 ? given : (STREAM_STATUS.find(([sign]) => words.includes(sign))?.[1] ?? 500);
  return errorOf(status, vendor, NO_HEADERS, 'The provider broke off with an error that it did not explain.');
}

const NO_HEADERS = new Headers();

const STREAM_STATUS: readonly (readonly [sign: string, status: number])[] = [
  ['rate_limit', 429],
  ['insufficient_quota', 429],
  ['overload', 503],
  ['slow_down', 503],
  ['authentication', 401],
  ['invalid_api_key', 401],
  ['context_length', 400],
  ['content_filter', 400],
  ['policy_violation', 400],
  ['invalid_', 400],
  ['image_', 400],
];
