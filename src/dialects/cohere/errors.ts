import type { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';

/** Source: https://docs.cohere.com/reference/errors */
const errorBody = (error: GatewayError, requestId: string): JsonObject => ({ id: requestId, message: error.message, code: error.code });

export const writeError = (error: GatewayError, requestId: string) => ({ status: error.status, body: errorBody(error, requestId) });

export const errorFrame = (error: GatewayError, requestId: string): string =>
  `event: error\ndata: ${JSON.stringify({ type: 'error', ...errorBody(error, requestId) })}\n\n`;
