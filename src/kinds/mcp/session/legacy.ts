import { isArray, isObject, type Json, type JsonObject } from '../../../core/json.ts';
import type { SessionInstruments } from '../../../core/session.ts';
import { Wire } from '../../../core/wire.ts';
import { changesOf, Together, wholeFilter } from '../listening.ts';
import { type AnswerStream, Outlet, readPlace, type StreamLog } from '../outlet.ts';
import type { Sealer } from '../seal.ts';
import type { Client, Question, SourceContext } from '../sources/source.ts';
import type { VirtualServer } from '../virtual.ts';
import { codes, RpcError, rpcErrorOf, UNANSWERED } from '../wire/errors.ts';
import { endpointText } from '../wire/events.ts';
import {
  errorText,
  isId,
  type Message,
  notificationText,
  objectOf,
  type RpcId,
  type RpcNotification,
  type RpcRequest,
  requestText,
  resultText,
  textOf,
} from '../wire/message.ts';
import { isLegacy, NEWEST_LEGACY } from '../wire/versions.ts';
import type { SessionAsk } from './ask.ts';
import { contextOf } from './context.ts';
import type { Noted } from './noted.ts';
import { checkAskable, Questions } from './questions.ts';
import { SharedStream } from './shared-stream.ts';

/** The stream that belongs to no request. */
const OWN_STREAM = 'own';
const KEPT = 'client';
const SUBSCRIBED = 'subscribed';
/** Milliseconds for which servers are listened to while nobody hears it: who lost a stream comes back for it after one second (`retry`). */
const BACK_WITHIN = 10_000;
/** Requests of one session at the same time. */
const MOST_RUNNING = 256;

interface Running {
  readonly controller: AbortController;
  readonly outlet: AnswerStream;
  readonly stream: string;
}

/** The session of one client of the old way: it lives while the client comes back, with every stream it has. */
export class ClientSession {
  readonly #instruments: SessionInstruments;
  #server: VirtualServer;
  readonly #sealer: Sealer;
  readonly #noted: Noted;
  readonly #questions = new Questions();
  /** By the client's id of the request: its type counts. */
  readonly #running = new Map<RpcId, Running>();
  readonly #streams = new Map<string, Outlet>();
  #client: Client | undefined;
  #own: Outlet | undefined;
  /** The one stream of a client of 2024-11-05. */
  #only: Outlet | undefined;
  #listening: { readonly controller: AbortController; readonly ask: SessionAsk } | undefined;
  /** Runs while nobody hears the stream that belongs to no request. */
  #absence: ReturnType<typeof setTimeout> | undefined;

  constructor(instruments: SessionInstruments, server: VirtualServer, sealer: Sealer, noted: Noted) {
    this.#instruments = instruments;
    this.#server = server;
    this.#sealer = sealer;
    this.#noted = noted;
  }

  get client(): Client | undefined {
    this.#client ??= readClient(this.#instruments.storage.get(KEPT));
    return this.#client;
  }

  /** Whether a client of 2024-11-05 reads its stream: without it there is no session. */
  get isOpen(): boolean {
    return this.#only?.isOver === false;
  }

  /** The route is another now: what is asked from here on is asked of this. */
  use(server: VirtualServer): void {
    this.#server = server;
    const { client } = this;
    if (client !== undefined && this.#listening !== undefined) this.#listen(client, this.#listening.ask);
  }

  /** The stream of a client of 2024-11-05, which is the session: when it ends, so does everything on it. */
  open({ ping, endpoint = '' }: SessionAsk): Response | Promise<Response> {
    const left = () => void this.close().catch((thrown: unknown) => console.error('A session did not end well', thrown));
    const outlet = new Outlet({ ping, stream: true, opening: endpointText(endpoint), left });
    this.#only = outlet;
    this.#own = outlet;
    return outlet.response;
  }

  /** The first request of a session, which makes it. */
  async initialize(request: RpcRequest, ask: SessionAsk): Promise<Response> {
    const { storage } = this.#instruments;
    const wanted = textOf(request.params, 'protocolVersion');
    const version = wanted !== undefined && isLegacy(wanted) ? wanted : NEWEST_LEGACY;
    const client: Client = {
      era: 'legacy',
      version,
      capabilities: objectOf(request.params, 'capabilities'),
      info: request.params.fields.get('clientInfo'),
    };
    const { offer, meta } = await this.#server.offer(this.#context(client, ask, new AbortController().signal));
    this.#client = client;
    storage.put(KEPT, { version, capabilities: client.capabilities, info: client.info });
    const { capabilities, serverInfo = { name: 'weir', version: '0.1.0' }, instructions } = offer;
    const result: JsonObject = {
      protocolVersion: version,
      capabilities,
      serverInfo,
      ...(instructions === undefined ? {} : { instructions }),
      ...(Object.keys(meta).length === 0 ? {} : { _meta: meta }),
    };
    const text = resultText(request.id, Wire.of(result));
    if (ask.op === 'message' && this.#only !== undefined) {
      const told = new SharedStream(this.#only);
      told.finish(text);
      return told.response;
    }
    return new Response(text, { headers: { 'content-type': 'application/json', 'mcp-session-id': ask.sessionId ?? '' } });
  }

  async post(messages: readonly Message[], client: Client, ask: SessionAsk): Promise<Response> {
    for (const message of messages) {
      if (message.type === 'response') this.#questions.answer(message);
      else if (message.type === 'notification') await this.#told(message, client, ask);
    }
    const requests = messages.filter((message) => message.type === 'request');
    if (requests.length === 0) return new Response(null, { status: 202 });
    if (this.#running.size + requests.length > MOST_RUNNING) {
      throw new RpcError(codes.internal, 'The session has too many requests at the same time.', { status: 429 });
    }
    const stream = `r${crypto.randomUUID().slice(0, 8)}`;
    const outlet = ask.op === 'message' && this.#only !== undefined ? new SharedStream(this.#only) : this.#answering(stream, requests, ask);
    void this.#serve(requests, outlet, stream, client, ask);
    return outlet.response;
  }

  #answering(stream: string, requests: readonly RpcRequest[], ask: SessionAsk): Outlet {
    const ids = requests.map(({ id }) => id);
    const outlet = new Outlet({ ping: ask.ping, log: this.#log(stream, ids), ...(ask.isBatch === true ? { stream: true } : {}) });
    this.#streams.set(stream, outlet);
    return outlet;
  }

  /** The stream that belongs to no request, or one that was lost. */
  get(client: Client, ask: SessionAsk): Response | Promise<Response> {
    if (ask.lastEventId !== undefined) return this.#resume(ask.lastEventId, client, ask);
    this.#own?.end();
    const outlet = this.#openOwn(ask);
    this.#listen(client, ask);
    return outlet.response;
  }

  #openOwn({ ping }: SessionAsk): Outlet {
    const outlet: Outlet = new Outlet({ ping, log: this.#log(OWN_STREAM), stream: true, left: () => this.#unheard(outlet) });
    clearTimeout(this.#absence);
    this.#own = outlet;
    this.#streams.set(OWN_STREAM, outlet);
    return outlet;
  }

  /** Servers would keep a stream open for nobody, and the session its memory. */
  #unheard(outlet: Outlet): void {
    clearTimeout(this.#absence);
    this.#absence = setTimeout(() => {
      if (this.#own !== outlet || outlet.isHeard) return;
      this.#listening?.controller.abort(new Error('nobody listens'));
      this.#listening = undefined;
    }, BACK_WITHIN);
  }

  async close(): Promise<void> {
    this.#listening?.controller.abort(new Error('the session is over'));
    for (const { controller } of this.#running.values()) controller.abort(new Error('the session is over'));
    for (const outlet of this.#streams.values()) outlet.end();
    this.#own?.end();
    this.#only?.end();
    await this.#server.close();
    this.#instruments.storage.clear();
    this.#client = undefined;
  }

  /** Only what came after the place, and only of the same stream. */
  #resume(eventId: string, client: Client, ask: SessionAsk): Response {
    const place = readPlace(eventId);
    const events = place === undefined ? [] : this.#instruments.storage.events.after(place.stream, 0);
    if (place === undefined || !events.some(({ seq }) => seq === place.seq)) {
      throw new RpcError(codes.invalidParams, 'Last-Event-ID names no event of this session.', { status: 400 });
    }
    if (place.stream === OWN_STREAM) {
      const own = this.#own ?? this.#openOwn(ask);
      if (this.#listening === undefined) this.#listen(client, ask, true);
      return own.resume(place.seq);
    }
    return (this.#streams.get(place.stream) ?? this.#ended(place.stream)).resume(place.seq);
  }

  async #serve(requests: readonly RpcRequest[], outlet: AnswerStream, stream: string, client: Client, ask: SessionAsk): Promise<void> {
    const texts = requests.map((request) => this.#run(request, outlet, stream, client, ask));
    for (const text of texts.slice(0, -1)) {
      const each = await text;
      if (each !== undefined) outlet.tell(each);
    }
    const last = await texts.at(-1);
    if (last === undefined) outlet.end();
    else outlet.finish(last);
    // Who lost a stream and comes back for it is given it from what was kept; of an answer in one document nothing was.
    if (this.#streams.get(stream)?.isStream === true) this.#instruments.storage.delete(openKey(stream));
    this.#streams.delete(stream);
  }

  /** The answer's text; nothing where the client has cancelled: it wants none then. */
  async #run(request: RpcRequest, outlet: AnswerStream, stream: string, client: Client, ask: SessionAsk): Promise<string | undefined> {
    const { id, method, params } = request;
    const controller = new AbortController();
    this.#running.set(id, { controller, outlet, stream });
    const context: SourceContext = {
      ...contextOf(ask, client, controller.signal, this.#instruments, this.#noted.of(ask.requestId, id)),
      notify: (told, said) => outlet.tell(notificationText(told, said), true),
      ask: (question) => this.#ask(question, client, controller.signal, outlet),
    };
    try {
      this.#follow(method, params, client, ask);
      const result = await this.#server.request({ method, params }, context, this.#sealer);
      return controller.signal.aborted ? undefined : resultText(id, result);
    } catch (thrown) {
      return controller.signal.aborted ? undefined : errorText(id, rpcErrorOf(thrown, ask.requestId));
    } finally {
      this.#running.delete(id);
    }
  }

  /** What the session remembers of what its client asks for, for servers that are to be told with every request. */
  #follow(method: string, params: Wire, client: Client, ask: SessionAsk): void {
    const { storage } = this.#instruments;
    if (method === 'logging/setLevel') {
      const level = textOf(params, 'level');
      this.#client = { ...client, logLevel: level };
      storage.put(KEPT, { version: client.version, capabilities: client.capabilities, info: client.info, logLevel: level });
    }
    const uri = method === 'resources/subscribe' || method === 'resources/unsubscribe' ? textOf(params, 'uri') : undefined;
    if (uri === undefined) return;
    const before = this.#subscribed().filter((each) => each !== uri);
    storage.put(SUBSCRIBED, method === 'resources/subscribe' ? [...before, uri].slice(-1_000) : before);
    if (this.#listening !== undefined) this.#listen(this.client ?? client, ask);
  }

  #subscribed(): readonly string[] {
    const kept = this.#instruments.storage.get(SUBSCRIBED);
    return Array.isArray(kept) ? kept.filter((each) => typeof each === 'string') : [];
  }

  async #told({ method, params }: RpcNotification, client: Client, ask: SessionAsk): Promise<void> {
    if (method === 'notifications/initialized') {
      if (this.#only !== undefined) this.#listen(client, ask);
      return;
    }
    if (method === 'notifications/cancelled') {
      const id = params.fields.get('requestId');
      const running = typeof id === 'string' || typeof id === 'number' ? this.#running.get(id) : undefined;
      running?.controller.abort(new Error('the client has cancelled'));
      return;
    }
    await this.#server.notify(method, params.json(), this.#context(client, ask, AbortSignal.timeout(30_000)));
  }

  #ask(question: Question, client: Client, signal: AbortSignal, outlet: AnswerStream): Promise<JsonObject> {
    checkAskable(client, question);
    return this.#questions.put((id) => outlet.tell(requestText(id, question.method, Wire.of(question.params))), signal);
  }

  /** What servers tell of themselves goes to the stream that belongs to no request. `isLate`: they may have told something meanwhile. */
  #listen(client: Client, ask: SessionAsk, isLate = false): void {
    this.#listening?.controller.abort(new Error('listening anew'));
    const controller = new AbortController();
    this.#listening = { controller, ask };
    const together = new Together((method, params) => this.#own?.tell(notificationText(method, params), true));
    const context: SourceContext = {
      ...this.#context(client, ask, controller.signal),
      notify: (method, params) => together.tell(method, params),
      ask: async (question) => {
        const own = this.#own;
        if (own === undefined) throw new RpcError(codes.internal, 'The client listens to nothing now.', UNANSWERED);
        return this.#ask(question, client, controller.signal, own);
      },
    };
    void this.#listenOn(context, isLate);
  }

  async #listenOn(context: SourceContext, isLate: boolean): Promise<void> {
    try {
      const { offer } = await this.#server.offer(context);
      const filter = wholeFilter(offer.capabilities, this.#subscribed());
      if (isLate) for (const method of changesOf(filter)) context.notify(method, {});
      await this.#server.listen(filter, context);
    } catch (thrown) {
      if (!context.signal.aborted) console.error('A session cannot listen to its servers', thrown);
    }
  }

  #context(client: Client, ask: SessionAsk, signal: AbortSignal): SourceContext {
    return contextOf(ask, client, signal, this.#instruments);
  }

  /** A stream that nobody writes any more. What was being served on it when the memory of the session went is answered: it will not be. */
  #ended(name: string): Outlet {
    const { storage } = this.#instruments;
    const log = this.#log(name);
    const open = storage.get(openKey(name));
    storage.delete(openKey(name));
    const error = new RpcError(codes.internal, 'The gateway was interrupted while it served the request: ask again.', {
      data: { code: 'upstream_interrupted' },
    });
    if (isArray(open)) for (const id of open) if (isId(id)) log.append(errorText(id, error));
    const outlet = new Outlet({ ping: 15_000, log });
    outlet.end();
    return outlet;
  }

  /** `ids`: of the requests that it answers; they are kept from its first event on. */
  #log(name: string, ids: readonly RpcId[] = []): StreamLog {
    const { storage } = this.#instruments;
    const { events } = storage;
    let isKept = ids.length === 0;
    return {
      name,
      append(text) {
        if (!isKept) storage.put(openKey(name), [...ids]);
        isKept = true;
        return events.append(name, text);
      },
      after: (seq) => events.after(name, seq).filter(({ data }) => data !== ''),
    };
  }
}

const openKey = (stream: string) => `open ${stream}`;

function readClient(kept: Json | undefined): Client | undefined {
  if (!isObject(kept) || typeof kept.version !== 'string') return undefined;
  const { version, capabilities, info, logLevel } = kept;
  return {
    era: 'legacy',
    version,
    capabilities: isObject(capabilities) ? capabilities : {},
    info,
    ...(typeof logLevel === 'string' ? { logLevel } : {}),
  };
}
