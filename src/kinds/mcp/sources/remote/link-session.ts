import { GatewayError } from '../../../../core/errors.ts';
import type { JsonObject } from '../../../../core/json.ts';
import type { Wire } from '../../../../core/wire.ts';
import { codes, RpcError } from '../../wire/errors.ts';
import { objectOf } from '../../wire/message.ts';
import { hasNoVersionHeader, meta } from '../../wire/versions.ts';
import type { Offer } from '../source.ts';
import { type Arrived, refusalOf, statusError } from './http.ts';
import { resultOf } from './modern.ts';
import type { SseChannel } from './sse.ts';

/** Keys of `_meta` that only the new way has. */
const MODERN_KEYS: readonly string[] = [meta.version, meta.capabilities, meta.clientInfo, meta.logLevel];
/** Errors that only a server of the new way answers with. */
export const MODERN_ERRORS: readonly number[] = [codes.headerMismatch, codes.missingCapability, codes.unsupportedVersion];

/** What was agreed on with a server of the old way. */
export interface LinkSession {
  readonly sessionId: string | undefined;
  readonly version: string;
  readonly offer: Offer;
  /** Of a server of 2024-11-05, whose stream is the session. */
  readonly channel?: SseChannel | undefined;
}

/** The server knows our session no more (2025-11-25, "Session management"). */
export class SessionLost extends Error {}

/** The server does not know this way of speaking, so far as its answer to `initialize` tells. */
export class NotLegacy extends Error {
  /** `isModern`: the refusal is one that only the new way has. */
  constructor(readonly isModern = false) {
    super('the server does not know `initialize`');
  }
}

export const sessionHeaders = (session: LinkSession | undefined): { readonly [name: string]: string } => ({
  ...(session?.sessionId === undefined ? {} : { 'mcp-session-id': session.sessionId }),
  ...(session === undefined || hasNoVersionHeader(session.version) ? {} : { 'mcp-protocol-version': session.version }),
});

/** The request's own metadata, with a progress token that no other request of the session has. */
export function ownMeta(params: Wire, id: number): Wire {
  if (!params.fields.has('_meta')) return params;
  const asked = objectOf(params, '_meta');
  const own: { [key: string]: JsonObject[string] } = {};
  for (const [key, value] of Object.entries(asked)) if (!MODERN_KEYS.includes(key)) own[key] = value;
  if (own.progressToken !== undefined) own.progressToken = id;
  return params.with({ _meta: Object.keys(own).length === 0 ? undefined : own });
}

/** The result of `initialize`. Throws `NotLegacy` for an error in its place. */
export async function firstResult(messages: AsyncIterable<Arrived>, id: number): Promise<Wire> {
  for await (const { message } of messages) {
    if (message?.type !== 'response' || message.id !== id) continue;
    if (message.error !== undefined) throw new NotLegacy(MODERN_ERRORS.some((code) => code === message.error?.code));
    return resultOf(message.result, undefined);
  }
  throw new GatewayError('upstream_invalid', 'The MCP server did not answer `initialize`.');
}

/** A refusal of `initialize`: what is wrong with us says nothing of how the server speaks. */
export async function notAccepted(response: Response): Promise<Error> {
  const refusal = await refusalOf(response);
  const { status } = response;
  if (status < 400 || status >= 500 || [401, 403, 408, 429].includes(status)) return refusal ?? statusError(status);
  return new NotLegacy(refusal !== undefined && MODERN_ERRORS.includes(refusal.code));
}

/** What a refusal of a request within a session says. */
export async function refused(response: Response, { sessionId }: LinkSession): Promise<Error> {
  const refusal = await refusalOf(response);
  if (response.status === 404 && sessionId !== undefined) return new SessionLost();
  return refusal === undefined
    ? statusError(response.status)
    : new RpcError(refusal.code, refusal.message, { data: refusal.data, isForeign: true });
}

export const pause = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
