import type { ErrorCode, GatewayError } from '../core/errors.ts';

/** An error as RFC 9457 problem details. */
export interface ProblemDetails {
  /** `urn:weir:error:<code>`. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly requestId: string;
  /** The query parameter or field at fault. */
  readonly param?: string;
  /** Every fault of a refused document. */
  readonly problems?: readonly { readonly path: string; readonly message: string }[];
}

export function problemResponse(error: GatewayError, requestId: string): Response {
  const { param, problems, allow, retryAfter } = error.details;
  const body: ProblemDetails = {
    type: `urn:weir:error:${error.code}`,
    title: titleOf(error.code),
    status: error.status,
    detail: error.message,
    code: error.code,
    requestId,
    ...(param === undefined ? {} : { param }),
    ...(problems === undefined ? {} : { problems }),
  };
  const headers = new Headers({ 'content-type': 'application/problem+json' });
  if (allow !== undefined) headers.set('allow', allow);
  if (retryAfter !== undefined) headers.set('retry-after', String(retryAfter));
  if (error.status === 401) headers.set('www-authenticate', 'Bearer');
  return new Response(JSON.stringify(body), { status: error.status, headers });
}

/** `config_invalid` → `Config invalid`. */
function titleOf(code: ErrorCode): string {
  const words = code.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
