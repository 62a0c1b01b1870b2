import type { WrittenError } from '../dialect.ts';
import type { GatewayError } from '../errors.ts';
import type { JsonObject } from '../json.ts';

// How OpenAI's APIs write errors. Source: platform.openai.com, "Error codes".

export const writeError = (error: GatewayError, requestId: string): WrittenError => ({
  status: error.status,
  body: errorBody(error, requestId),
});

/** The APIs before Responses have one kind of event: an error is a `data` line whose object has `error`, and no `[DONE]` follows. */
export const errorFrame = (error: GatewayError, requestId: string): string => `data: ${JSON.stringify(errorBody(error, requestId))}\n\n`;

const errorBody = (error: GatewayError, requestId: string): JsonObject => ({ error: errorObject(error), request_id: requestId });

export const errorObject = (error: GatewayError): JsonObject => ({
  message: error.message,
  type: typeOf(error),
  param: error.details.param ?? null,
  code: error.details.vendorCode ?? error.code,
});

/** Words of other vendors that OpenAI's clients do not know. */
const FOREIGN_TYPES: ReadonlySet<string> = new Set([
  'api_error',
  'billing_error',
  'conflict_error',
  'overloaded_error',
  'request_too_large',
  'timeout_error',
]);

/** The provider's own type, else one of OpenAI's. */
function typeOf({ details, status }: GatewayError): string {
  if (details.vendorType !== undefined && !FOREIGN_TYPES.has(details.vendorType)) return details.vendorType;
  switch (status) {
    case 401:
      return 'authentication_error';
    case 403:
      return 'permission_error';
    case 404:
      return 'not_found_error';
    case 429:
      return 'rate_limit_error';
    default:
      return status < 500 ? 'invalid_request_error' : 'server_error';
  }
}
