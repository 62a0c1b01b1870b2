import type { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { errorObject } from '../../core/openai/errors.ts';

/** The event of an error. Source: OpenAI's API reference; its servers, and Open Responses, nest what its reference has flat. */
export function errorEvent(error: GatewayError, sequence: number): JsonObject {
  const { message, param, code, type } = errorObject(error);
  return { type: 'error', sequence_number: sequence, code, message, param, error: { type, code, message, param } };
}

/** How a response says that it failed: the codes of OpenAI's reference, or the provider's own. */
export function responseError(error: GatewayError): JsonObject {
  return { code: error.details.vendorCode ?? failureCode(error), message: error.message };
}

function failureCode({ status }: GatewayError): string {
  if (status === 429) return 'rate_limit_exceeded';
  return status < 500 ? 'invalid_prompt' : 'server_error';
}
