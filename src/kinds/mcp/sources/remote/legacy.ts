import { GatewayError } from '../../../../core/errors.ts';
import { isObject, type JsonObject } from '../../../../core/json.ts';
import { Wire } from '../../../../core/wire.ts';
import { codes, RpcError, UNANSWERED } from '../../wire/errors.ts';
import { errorText, type Message, notificationText, objectOf, type RpcRequest, requestText, resultText } from '../../wire/message.ts';
import { isLegacy, NEWEST_LEGACY, OLDEST } from '../../wire/versions.ts';
import type { CredentialContext } from '../credential.ts';
import type { Ask, Offer, SourceContext } from '../source.ts';
import { questionFor } from './elicitation.ts';
import { arriving, Patience } from './http.ts';
import {
  firstResult,
  type LinkSession,
  NotLegacy,
  notAccepted,
  ownMeta,
  pause,
  refused,
  SessionLost,
  sessionHeaders,
} from './link-session.ts';
import { resultOf } from './modern.ts';
import { SseChannel } from './sse.ts';
import { ACCEPT, OWN_INFO, type Upstream } from './wire.ts';

/** Milliseconds to wait before a stream is asked for again, where the server names none; and at most. */
const RETRY = 1_000;
const LONGEST_RETRY = 10_000;
/** Times a stream that broke is asked for again without anything new. */
const MOST_RESUMES = 5;
/** Milliseconds after which a stream that ends was none in vain. */
const LONG_ENOUGH = 60_000;

/** One session with a server of the old way: of one client of ours, or of all modern ones who can be asked the same things. */
export class LegacyLink {
  readonly #upstream: Upstream;
  /** Where what must outlive the object's memory is kept. */
  readonly #name: string;
  #established: Promise<LinkSession> | undefined;
  /** Who used it last: it is ended with the same credential. */
  #whose: CredentialContext | undefined;
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
    const { limits } = this.#upstream.home;
    // A task's result is waited for in silence: there is no sign of life to be had.
    const patience = new Patience(
      ask.method === 'tasks/result' ? { ...limits, timeout: limits.total } : limits,
      this.#upstream.home.ports.clock,
      context.signal,
    );
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
    const { home } = this.#upstream;
    let eventId: string | undefined;
    let wait = RETRY;
    for (let vain = 0; vain < MOST_RESUMES && !context.signal.aborted; vain++) {
      const session = await this.#session(context);
      if (session.channel !== undefined) {
        const since = home.ports.clock.now();
        await session.channel.listen(context);
        if (home.ports.clock.now() - since > LONG_ENOUGH) vain = 0;
        await pause(wait, context.signal);
        continue;
      }
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
        this.#heard(session, arrived.message, context);
      }
      await pause(wait, context.signal);
    }
  }

  /** Ends the session with the server. Never throws. */
  async close(): Promise<void> {
    const session = await this.#established?.catch(() => undefined);
    const whose = this.#whose;
    this.#lose();
    session?.channel?.close();
    if (session?.sessionId === undefined || whose === undefined) return;
    const { url } = this.#upstream;
    const { caller, principal } = whose;
    await this.#upstream
      .send({ url, method: 'DELETE', headers: sessionHeaders(session), signal: AbortSignal.timeout(5_000) }, { caller, principal })
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

  async #session(context: SourceContext): Promise<LinkSession> {
    const known = await this.#established?.catch(() => undefined);
    // The stream was the session: without it there is none.
    if (known?.channel?.isOver === true) this.#lose();
    this.#whose = context;
    this.#established ??=
      this.#restore() ??
      this.#initialize(context).catch((thrown) => {
        this.#established = undefined;
        throw thrown;
      });
    return this.#established;
  }

  #restore(): Promise<LinkSession> | undefined {
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

  async #initialize(context: SourceContext): Promise<LinkSession> {
    const { client } = context;
    const { home } = this.#upstream;
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(home.limits.timeout)]);
    const version = client.era === 'legacy' ? client.version : NEWEST_LEGACY;
    const params = { protocolVersion: version, capabilities: client.capabilities, clientInfo: client.info ?? OWN_INFO };
    const id = this.#newId();
    const text = requestText(id, 'initialize', Wire.of(params));
    const response = await this.#post(undefined, text, context, signal);
    const channel = response.ok ? undefined : await this.#openChannel(response, context, signal);
    const sessionId = response.headers.get('mcp-session-id') ?? undefined;
    const result =
      channel === undefined ? await firstResult(arriving(response, home.limits.result), id) : await this.#greet(channel, id, text, context);
    const said = result.json();
    const agreed = said.protocolVersion;
    if (typeof agreed !== 'string' || !isLegacy(agreed)) throw new NotLegacy();
    const offer = {
      capabilities: isObject(said.capabilities) ? said.capabilities : {},
      serverInfo: said.serverInfo,
      ...(typeof said.instructions === 'string' ? { instructions: said.instructions } : {}),
    };
    const session = { sessionId: channel === undefined ? sessionId : undefined, version: agreed, offer, channel };
    await this.#post(session, notificationText('notifications/initialized', {}), context, signal).then((each) => each.body?.cancel());
    this.#keep(session);
    return session;
  }

  /** A server that takes no POST where it is asked may be one of 2024-11-05. Throws why it is none. */
  async #openChannel(refusal: Response, context: SourceContext, signal: AbortSignal): Promise<SseChannel> {
    const why = await notAccepted(refusal);
    if (!(why instanceof NotLegacy) || why.isModern) throw why;
    const channel = await SseChannel.open(this.#upstream, context, signal, (message, { of, on }) =>
      this.#heard({ sessionId: undefined, version: OLDEST, offer: { capabilities: {} }, channel: on }, message, of),
    );
    if (channel === undefined) throw why;
    return channel;
  }

  /** The first request on a stream of 2024-11-05. */
  async #greet(channel: SseChannel, id: number, text: string, context: SourceContext): Promise<Wire> {
    const patience = new Patience(this.#upstream.home.limits, this.#upstream.home.ports.clock, context.signal);
    try {
      return await channel.call(id, text, context, patience);
    } catch (thrown) {
      channel.close();
      throw thrown instanceof RpcError ? new NotLegacy() : thrown;
    } finally {
      patience.end();
    }
  }

  #keep({ sessionId, version, offer, channel }: LinkSession): void {
    if (channel !== undefined) return;
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
    const id = this.#newId();
    const response = await this.#post(session, requestText(id, 'logging/setLevel', Wire.of({ level })), context, signal);
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
      ask: (question) => patience.during(context.ask(questionFor(question, context))),
    };
    const cancel = () => void this.#cancel(session, id, context);
    patience.signal.addEventListener('abort', cancel, { once: true });
    try {
      const text = requestText(id, ask.method, ownMeta(ask.params, id));
      if (session.channel !== undefined) return await session.channel.call(id, text, told, patience);
      const response = await this.#post(session, text, context, patience.signal);
      if (!response.ok) throw await refused(response, session);
      return await this.#answer(session, id, response, told, patience);
    } finally {
      patience.signal.removeEventListener('abort', cancel);
    }
  }

  /** The answer to one request, over as many streams as it takes. */
  async #answer(session: LinkSession, id: number, first: Response, context: SourceContext, patience: Patience): Promise<Wire> {
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
        this.#heard(session, arrived.message, context);
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
  #heard(session: LinkSession, message: Message | undefined, context: SourceContext): void {
    if (message?.type === 'notification') {
      // Of ids that clients of 2026-07-28 are not told.
      if (context.client.era === 'modern' && message.method === 'notifications/elicitation/complete') return;
      context.notify(message.method, message.params.json());
    } else if (message?.type === 'request') void this.#reply(session, message, context);
  }

  async #reply(session: LinkSession, { id, method, params }: RpcRequest, context: SourceContext): Promise<void> {
    let text: string;
    try {
      text = resultText(id, Wire.of(method === 'ping' ? {} : await context.ask({ method, params: params.json() })));
    } catch (thrown) {
      const error = thrown instanceof RpcError ? thrown : new RpcError(codes.internal, 'The client could not be asked.', UNANSWERED);
      text = errorText(id, error);
    }
    await this.#post(session, text, context, AbortSignal.timeout(this.#upstream.home.limits.timeout))
      .then((response) => response.body?.cancel())
      .catch(() => undefined);
  }

  async #cancel(session: LinkSession, requestId: number, context: SourceContext): Promise<void> {
    const text = notificationText('notifications/cancelled', { requestId, reason: 'The client has cancelled the request.' });
    await this.#post(session, text, context, AbortSignal.timeout(5_000))
      .then((response) => response.body?.cancel())
      .catch(() => undefined);
  }

  #post(session: LinkSession | undefined, body: string, context: CredentialContext, signal: AbortSignal): Promise<Response> {
    if (session?.channel !== undefined) return session.channel.post(body, context, signal);
    const { url } = this.#upstream;
    const headers = { 'content-type': 'application/json', accept: ACCEPT, ...sessionHeaders(session) };
    return this.#upstream.send({ url, method: 'POST', headers, body, signal }, context);
  }

  #get(session: LinkSession, eventId: string | undefined, context: SourceContext, signal: AbortSignal): Promise<Response> {
    const { url } = this.#upstream;
    const place = eventId === undefined ? {} : { 'last-event-id': eventId };
    const headers = { accept: 'text/event-stream', ...sessionHeaders(session), ...place };
    return this.#upstream.send({ url, method: 'GET', headers, signal }, context);
  }
}
