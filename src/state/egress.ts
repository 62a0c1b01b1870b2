import { checkAddress } from '../core/address.ts';
import { GatewayError } from '../core/errors.ts';
import type { Egress, EgressRequest } from '../core/ports.ts';
import { extendVia } from '../core/via.ts';

export { isLoop } from '../core/via.ts';

export interface EgressOptions {
  /** Whether loopback may be reached: local runs only. */
  readonly local: boolean;
  /** Hosts the gateway itself answers at, as `host` (every port) or `host:port`. Calls to them are refused as loops. */
  readonly selfHosts: readonly string[];
  /** Opaque name of this gateway for `Via`; must be an RFC 9110 comment's content. Empty for none. */
  readonly instance: string;
}

/** Addresses remembered as allowed: some hold a model's name, so they are bounded. */
const MAX_REMEMBERED = 256;

/**
 * The one way out: nothing else in the gateway calls `fetch` outward. Every call is checked against the address rules,
 * loses the headers that belong to a single connection, and is never redirected.
 */
export function createEgress({ local, selfHosts, instance }: EgressOptions): Egress {
  const self = new Set(selfHosts.map((host) => host.toLowerCase()));
  // A gateway calls the same few addresses all day, and the rules never change while it runs.
  const allowed = new Map<string, string>();

  /** The URL in normal form: what was judged is, letter for letter, what is called. */
  const check = (text: string): string => {
    const known = allowed.get(text);
    if (known !== undefined) return known;
    const url = parse(text);
    checkAddress(url, local);
    if (isSelf(url, self)) {
      throw new GatewayError('loop_detected', 'The address of the provider is this gateway itself. The operator corrects its base URL.');
    }
    if (allowed.size >= MAX_REMEMBERED) allowed.clear();
    allowed.set(text, url.href);
    return url.href;
  };

  return {
    async send(request) {
      request.signal.throwIfAborted();
      const url = check(request.url);
      const headers = travelling(request.headers);
      headers.via = extendVia(request.headers.via ?? null, instance);
      const response = await dispatch(url, request, headers);
      if (response.status >= 300 && response.status < 400) {
        // Following it would hand `x-api-key` to whatever it names: the runtime strips `authorization` alone across origins.
        await response.body?.cancel().catch(() => undefined);
        throw new GatewayError(
          'upstream_invalid',
          'The provider answered with a redirect, and redirects are refused. The operator corrects its base URL.',
        );
      }
      return response;
    },

    async connect(request) {
      request.signal.throwIfAborted();
      const url = check(request.url);
      const headers = travelling(request.headers);
      headers.via = extendVia(request.headers.via ?? null, instance);
      const response = await dispatch(url, request, { ...headers, upgrade: 'websocket' });
      return response.webSocket === null ? { refused: response } : { socket: response.webSocket };
    },
  };
}

function parse(text: string): URL {
  const url = URL.parse(text);
  if (url === null) throw new GatewayError('address_refused', 'The address of the provider is refused: it is not a URL.');
  return url;
}

function isSelf({ hostname, port, protocol }: URL, self: ReadonlySet<string>): boolean {
  const effectivePort = port === '' ? (protocol === 'https:' ? '443' : '80') : port;
  return self.has(hostname) || self.has(`${hostname}:${effectivePort}`);
}

async function dispatch(url: string, { method, body, stream, signal }: EgressRequest, headers: Record<string, string>): Promise<Response> {
  const bytes = body ?? stream;
  try {
    return await fetch(url, { method, headers, signal, redirect: 'manual', ...(bytes === undefined ? {} : { body: bytes }) });
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    // The runtime's text may name the address: it stays in the log.
    throw new GatewayError('upstream_unreachable', 'No connection to the provider could be made.', { cause });
  }
}

/**
 * Headers of one connection (RFC 9110 section 7.6.1), those the runtime writes itself, and who the caller was; of
 * Cloudflare's family those stay that an operator sets to pass Cloudflare's own doors upstream. One expression that
 * fails on the first letter: a request's headers are all looked at, every time.
 */
const DROPPED =
  /^(?:connection|keep-alive|te|trailer|transfer-encoding|upgrade|host|content-length|expect|forwarded|true-client-ip|x-real-ip)$|^(?:proxy-|x-forwarded-|cf-(?!aig-|access-client-))/;

/** What may travel on: all but what belongs to one connection, and what `Connection` says does. */
export function travelling(headers: EgressRequest['headers']): Record<string, string> {
  const listed = headers.connection?.split(',').map((name) => name.trim().toLowerCase());
  const kept: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined && !DROPPED.test(name) && listed?.includes(name) !== true) kept[name] = value;
  }
  return kept;
}
