import { GatewayError } from '../core/errors.ts';
import { ownOrigin } from './own-url.ts';

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * Throws `not_allowed` where a page of another origin asks, or, on somebody's own machine, a name that was made to point
 * there (DNS rebinding; 2025-11-25, "Streamable HTTP", security warning). `allowed`: origins the operator lets in, `*` all.
 */
export function checkCallerOrigin(request: Request, local: boolean, allowed: readonly string[]): void {
  const own = ownOrigin(request);
  if (local && (own === null || !LOOPBACK.test(own.hostname))) {
    throw new GatewayError('not_allowed', "A gateway on somebody's own machine is asked under the name of that machine alone.");
  }
  const origin = request.headers.get('origin');
  if (origin === null || allowed.includes('*') || allowed.includes(origin)) return;
  const from = URL.parse(origin);
  const isOwn = from !== null && own !== null && (from.origin === own.origin || (local && LOOPBACK.test(from.hostname)));
  if (!isOwn)
    throw new GatewayError(
      'not_allowed',
      'Pages of this origin may not use this MCP server. The operator lists it in `origins` of the route.',
    );
}
