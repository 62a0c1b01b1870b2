import { GatewayError } from '../../../../core/errors.ts';
import { isObject, type JsonObject } from '../../../../core/json.ts';
import { Wire } from '../../../../core/wire.ts';
import { codes, RpcError } from '../../wire/errors.ts';
import { errorText, notificationText, objectOf, type RpcRequest, requestText, resultText } from '../../wire/message.ts';
import { isLegacy, LEGACY, meta, NEWEST_LEGACY } from '../../wire/versions.ts';
import type { Ask, Offer, SourceContext } from '../source.ts';
import { type Arrived, arriving, Patience, refusalOf, send, statusError } from './http.ts';
import { resultOf } from './modern.ts';
import { ACCEPT, OWN_INFO, type Upstream } from './wire.ts';

/** Milliseconds to wait before a stream is asked for again, where the server names none; and at most. */
const RETRY = 1_000;
const LONGEST_RETRY = 10_000;
/** Times a stream that broke is asked for again without anything new. */
const MOST_RESUMES = 5;
/** Keys of `_meta` that only the new way has. */
const MODERN_KEYS: readonly string[] = [meta.version, meta.capabilities, meta.clientInfo, meta.logLevel];

interface Established {
  readonly sessionId: string | undefined;
  readonly version: string;
  readonly offer: Offer;
}

/** The server knows our session no more (2025-11-25, "Session management"). */
class SessionLost extends Error {}

/** The server does not know this way of speaking, so far as its answer to `initialize` tells. */
export class NotLegacy extends Error {}

/** One session with a server of the old way: of one client of ours, or of all modern ones who can be asked the same things. */
export class LegacyLink {
  readonly #upstream: Upstream;
  /** Where what must outlive the object's memory is kept. */
  readonly #name: string;
  #established: Promise<Established> | undefined;
  #lastId = 0;
  #logLevel: string | undefined;

  constructor(upstream: Upstream, name: string) {
    this.#upstream = upstream;
    this.#name = name;
  }

  async offer(context: SourceContext): Promise<Offer> {
    return (await this.#session(context)).offer;
  }

  /** Throws `NotLegacy` where the first contact shows that the server does not speak so. */
  async request(ask: Ask, context: SourceContext): Promise<Wire> {
    const { timeout } = this.#upstream.home.limits;
    const patience = new Patience(timeout, context.signal);
    try {
      await this.#follow(context, patience.signal);
      return await this.#again(context, () => this.#call(ask, context, patience));
    } catch (thrown) {
      patience.signal.throwIfAborted();
      throw thrown;
    } finally {
      patience.end();
    }
  }

  async notify(method: string, params: JsonObject, context: SourceContext): Promise<void> {
    const session = await this.#session(context);
    await this.#post(session, notificationText(method, params), context, context.signal).then((response) => response.body?.cancel());
  }

  /** What the server tells of itself, until nobody listens any more; returns where it tells nothing. */
  async listen(context: SourceContext): Promise<void> {
    let eventId: string | undefined;
    let wait = RETRY;
    for (let vain = 0; vain < MOST_RESUMES && !context.signal.aborted; vain++) {
      const session = await this.#session(context);
      const response = await this.#get(session, eventId, context, context.signal);
      if (response.status === 404) this.#lose();
      if (!response.ok) {
        await response.body?.cancel();
        if (response.status === 404) continue;
        return;
      }
      for await (const arrived of arriving(response, this.#upstream.home.limits.result)) {
        vain = 0;
        eventId = arrived.eventId ?? eventId;
        wait = Math.min(arrived.retry ?? wait, LONGEST_RETRY);
        this.#heard(session, arrived, context);
      }
      await pause(wait, context.signal);
    }
  }

  /** Ends the session with the server. Never throws. */
  async close(context: Pick<SourceContext, 'trace'>): Promise<void> {
    const session = await this.#established?.catch(() => undefined);
    this.#lose();
    if (session?.sessionId === undefined) return;
    const { url, home } = this.#upstream;
    const headers = { ...this.#upstream.headers(context), ...sessionHeaders(session) };
    await send(home.ports.egress, { url, method: 'DELETE', headers, signal: AbortSignal.timeout(5_000) })
      .then((response) => response.body?.cancel())
      .catch(() => undefined);
  }

  /** Once more with a new session where the server has lost the old one. */
  async #again<T>(context: SourceContext, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      if (!(thrown instanceof SessionLost)) throw thrown;
      this.#lose();
      await this.#session(context);
      return work().catch((second: unknown) => {
        if (!(second instanceof SessionLost)) throw second;
        throw new GatewayError('upstream_error', 'The MCP server forgets its sessions: it lost a new one at once.');
      });
    }
  }

  #lose(): void {
    this.#established = undefined;
    this.#upstream.home.kept?.delete(this.#name);
  }

  #session(context: SourceContext): Promise<Established> {
    this.#established ??=
      this.#restore() ??
      this.#initialize(context).catch((thrown) => {
        this.#established = undefined;
        throw thrown;
      });
    return this.#established;
  }

  #restore(): Promise<Established> | undefined {
    const kept = this.#upstream.home.kept?.get(this.#name);
    if (!isObject(kept) || typeof kept.version !== 'string' || !isObject(kept.offer)) return undefined;
    const { sessionId, version, offer, lastId } = kept;
    this.#lastId = typeof lastId === 'number' ? lastId : 0;
    const capabilities = isObject(offer.capabilities) ? offer.capabilities : {};
    const instructions = typeof offer.instructions === 'string' ? { instructions: offer.instructions } : {};
    return Promise.resolve({
      sessionId: typeof sessionId === 'string' ? sessionId : undefined,
      version,
      offer: { capabilities, serverInfo: offer.serverInfo, ...instructions },
    });
  }

  async #initialize(context: SourceContext): Promise<Established> {
    const { client } = context;
    const { home } = this.#upstream;
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(home.limits.timeout)]);
    const version = client.era === 'legacy' ? client.version : NEWEST_LEGACY;
    const params = { protocolVersion: version, capabilities: client.capabilities, clientInfo: client.info ?? OWN_INFO };
    const id = this.#newId();
    const response = await this.#post(undefined, requestText(id, 'initialize', Wire.of(params)), context, signal);
    if (!response.ok) throw await notAccepted(response);
    const sessionId = response.headers.get('mcp-session-id') ?? undefined;
    const result = await firstResult(arriving(response, home.limits.result), id);
    const said = result.json();
    const agreed = said.protocolVersion;
    if (typeof agreed !== 'string' || !isLegacy(agreed)) throw new NotLegacy();
    const offer = {
      capabilities: isObject(said.capabilities) ? said.capabilities : {},
      serverInfo: said.serverInfo,
      ...(typeof said.instructions === 'string' ? { instructions: said.instructions } : {}),
    };
    const session = { sessionId, version: agreed, offer };
    await this.#post(session, notificationText('notifications/initialized', {}), context, signal).then((each) => each.body?.cancel());
    this.#keep(session);
    return session;
  }

  #keep({ sessionId, version, offer }: Established): void {
    const { capabilities, serverInfo, instructions } = offer;
    this.#upstream.home.kept?.put(this.#name, {
      sessionId,
      version,
      offer: { capabilities, serverInfo, instructions },
      lastId: this.#lastId + 1_000,
    });
  }

  /** What a modern client wants to be told it says with every request; an old server is told when it changes. */
  async #follow(context: SourceContext, signal: AbortSignal): Promise<void> {
    const { era, logLevel: level } = context.client;
    if (era !== 'modern' || level === undefined || level === this.#logLevel) return;
    const session = await this.#session(context);
    if (!Object.hasOwn(session.offer.capabilities, 'logging')) return;
    this.#logLevel = level;
    const response = await this.#post(session, requestText(this.#newId(), 'logging/setLevel', Wire.of({ level })), context, signal);
    await response.body?.cancel();
  }

  #newId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  async #call(ask: Ask, context: SourceContext, patience: Patience): Promise<Wire> {
    const session = await this.#session(context);
    const id = this.#newId();
    const asked = objectOf(ask.params, '_meta');
    const { progressToken } = asked;
    const told: SourceContext = {
      ...context,
      notify: (method, params) => {
        if (method !== 'notifications/progress') context.notify(method, params);
        else if (params.progressToken === id && progressToken !== undefined) context.notify(method, { ...params, progressToken });
      },
      ask: (question) => patience.during(context.ask(question)),
    };
    const cancel = () => void this.#cancel(session, id, context);
    context.signal.addEventListener('abort', cancel, { once: true });
    try {
      const response = await this.#post(session, requestText(id, ask.method, ownMeta(ask.params, id)), context, patience.signal);
      if (!response.ok) throw await refused(response, session);
      return await this.#answer(session, id, response, told, patience);
    } finally {
      context.signal.removeEventListener('abort', cancel);
    }
  }

  /** The answer to one request, over as many streams as it takes. */
  async #answer(session: Established, id: number, first: Response, context: SourceContext, patience: Patience): Promise<Wire> {
    let response = first;
    let eventId: string | undefined;
    let wait = RETRY;
    for (let vain = 0; vain < MOST_RESUMES; vain++) {
      for await (const arrived of arriving(response, this.#upstream.home.limits.result)) {
        patience.renew();
        if (arrived.eventId !== undefined && arrived.eventId !== eventId) vain = 0;
        eventId = arrived.eventId ?? eventId;
        wait = Math.min(arrived.retry ?? wait, LONGEST_RETRY);
        const { message } = arrived;
        if (message?.type === 'response' && message.id === id) return resultOf(message.result, message.error);
        this.#heard(session, arrived, context);
      }
      patience.signal.throwIfAborted();
      if (eventId === undefined) break;
      await pause(wait, patience.signal);
      response = await this.#get(session, eventId, context, patience.signal);
      if (!response.ok) throw await refused(response, session);
    }
    throw new GatewayError('upstream_interrupted', 'The MCP server ended its stream without an answer.');
  }

  /** What came beside an answer: told or asked on, without keeping the stream waiting. */
  #heard(session: Established, { message }: Arrived, context: SourceContext): void {
    if (message?.type === 'notification') context.notify(message.method, message.params.json());
    else if (message?.type === 'request') void this.#reply(session, message, context);
  }

  async #reply(session: Established, { id, method, params }: RpcRequest, context: SourceContext): Promise<void> {
    let text: string;
    try {
      text = resultText(id, Wire.of(method === 'ping' ? {} : await context.ask({ method, params: params.json() })));
    } catch (thrown) {
      const error = thrown instanceof RpcError ? thrown : new RpcError(codes.internal, 'The client could not be asked.');
      text = errorText(id, error);
    }
    await this.#post(session, text, context, AbortSignal.timeout(this.#upstream.home.limits.timeout))
      .then((response) => response.body?.cancel())
      .catch(() => undefined);
  }

  async #cancel(session: Established, requestId: number, context: SourceContext): Promise<void> {
    const text = notificationText('notifications/cancelled', { requestId, reason: 'The client has cancelled the request.' });
    await this.#post(session, text, context, AbortSignal.timeout(5_000))
      .then((response) => response.body?.cancel())
      .catch(() => undefined);
  }

  #post(session: Established | undefined, body: string, context: Pick<SourceContext, 'trace'>, signal: AbortSignal): Promise<Response> {
    const { url, home } = this.#upstream;
    const headers = { ...this.#upstream.headers(context), 'content-type': 'application/json', accept: ACCEPT, ...sessionHeaders(session) };
    return send(home.ports.egress, { url, method: 'POST', headers, body, signal });
  }

  #get(session: Established, eventId: string | undefined, context: SourceContext, signal: AbortSignal): Promise<Response> {
    const { url, home } = this.#upstream;
    const place = eventId === undefined ? {} : { 'last-event-id': eventId };
    const headers = { ...this.#upstream.headers(context), accept: 'text/event-stream', ...sessionHeaders(session), ...place };
    return send(home.ports.egress, { url, method: 'GET', headers, signal });
  }
}

const sessionHeaders = (session: Established | undefined): { readonly [name: string]: string } => ({
  ...(session?.sessionId === undefined ? {} : { 'mcp-session-id': session.sessionId }),
  ...(session === undefined || session.version === LEGACY.at(-1) ? {} : { 'mcp-protocol-version': session.version }),
});

/** The request's own metadata, with a progress token that no other request of the session has. */
function ownMeta(params: Wire, id: number): Wire {
  if (!params.fields.has('_meta')) return params;
  const asked = objectOf(params, '_meta');
  const own: { [key: string]: JsonObject[string] } = {};
  for (const [key, value] of Object.entries(asked)) if (!MODERN_KEYS.includes(key)) own[key] = value;
  if (own.progressToken !== undefined) own.progressToken = id;
  return params.with({ _meta: Object.keys(own).length === 0 ? undefined : own });
}

async function firstResult(messages: AsyncIterable<Arrived>, id: number): Promise<Wire> {
  for await (const { message } of messages) {
    if (message?.type !== 'response' || message.id !== id) continue;
    if (message.error !== undefined) throw new NotLegacy();
    return resultOf(message.result, undefined);
  }
  throw new GatewayError('upstream_invalid', 'The MCP server did not answer `initialize`.');
}

/** A refusal of `initialize`: what is wrong with us says nothing of how the server speaks. */
async function notAccepted(response: Response): Promise<Error> {
  const refusal = await refusalOf(response);
  const { status } = response;
  return status >= 400 && status < 500 && ![401, 403, 408, 429].includes(status) ? new NotLegacy() : (refusal ?? statusError(status));
}

async function refused(response: Response, { sessionId }: Established): Promise<Error> {
  const refusal = await refusalOf(response);
  if (response.status === 404 && sessionId !== undefined) return new SessionLost();
  return refusal === undefined ? statusError(response.status) : new RpcError(refusal.code, refusal.message, { data: refusal.data });
}

const pause = (ms: number, signal: AbortSignal) =>
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
