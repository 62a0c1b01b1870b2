import type { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';

/** `{"error": "…"}`, in an answer and as a line of a stream; clients read nothing else of it. */
const errorBody = (error: GatewayError, requestId: string): JsonObject => ({
  error: error.message,
  code: error.code,
  request_id: requestId,
});

export const writeError = (error: GatewayError, requestId: string) => ({ status: error.status, body: errorBody(error, requestId) });

export const errorFrame = (error: GatewayError, requestId: string): string => `data: ${JSON.stringify(errorBody(error, requestId))}\n\n`;
