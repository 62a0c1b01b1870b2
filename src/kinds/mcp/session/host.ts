import type { SessionHost, SessionInstruments } from '../../../core/session.ts';
import { discover } from '../discover.ts';
import { serveListen } from '../listening.ts';
import { Outlet, pingOfRequest } from '../outlet.ts';
import { policiesOf } from '../route-policies.ts';
import { Sealer } from '../seal.ts';
import { compileMcp, type McpSettings, mcpConfig } from '../settings.ts';
import type { Client } from '../sources/source.ts';
import { ANSWER_FOR, badState, openParked } from '../state.ts';
import { type Asked, openSources, VirtualServer } from '../virtual.ts';
import { codes, RpcError, rpcErrorOf } from '../wire/errors.ts';
import { errorText, type RpcId, type RpcRequest, readMessage } from '../wire/message.ts';
import { readAsk, type SessionAsk, WANTS_DOCUMENT } from './ask.ts';
import { contextOf } from './context.ts';
import { ClientSession } from './legacy.ts';
import { Noted } from './noted.ts';
import { ParkedCall } from './parked.ts';

/** Calls of modern clients that may wait for answers at the same time. */
const MOST_PARKED = 200;

/** One session: of a client of the old way, or the place where modern requests of one caller wait on servers of the old way. */
export class McpSession implements SessionHost {
  readonly #instruments: SessionInstruments;
  readonly #parked = new Map<string, ParkedCall>();
  readonly #noted = new Noted();
  #opened: { readonly revision: string; readonly settings: McpSettings; readonly server: VirtualServer } | undefined;
  #session: ClientSession | undefined;

  constructor(instruments: SessionInstruments) {
    this.#instruments = instruments;
  }

  async serve(request: Request): Promise<Response> {
    const ask = readAsk(await request.text());
    try {
      if (ask.op === 'noted') return Response.json(this.#noted.take(ask.requestId));
      const response = await this.#answer(ask);
      const isAnswer = (ask.op === 'post' || ask.op === 'message') && this.#opened !== undefined && mayNote(this.#opened.settings);
      return isAnswer ? this.#noted.head(response, ask.requestId) : response;
    } catch (thrown) {
      return refusal(rpcErrorOf(thrown, ask.requestId), ask);
    }
  }

  async expire(): Promise<void> {
    await this.#session?.close();
    await this.#opened?.server.close();
  }

  async #answer(ask: SessionAsk): Promise<Response> {
    const opened = this.#open(ask);
    if (opened === undefined) return new Response(null, { headers: { [WANTS_DOCUMENT]: '1' } });
    const { server, settings } = opened;
    const { storage } = this.#instruments;
    const sealer = new Sealer(this.#instruments.continuity, this.#instruments.clock, ask.principal);
    if (ask.client !== undefined) {
      storage.keepFor(settings.limits.session);
      return this.#modern(ask, ask.client, server, sealer);
    }
    if (ask.op === 'sse') {
      this.#session = new ClientSession(this.#instruments, server, sealer, this.#noted);
      storage.keepFor(settings.limits.session);
      return this.#session.open(ask);
    }
    if (ask.op === 'message' && this.#session?.isOpen !== true) throw new RpcError(-32001, 'Session not found', { status: 404 });
    this.#session ??= new ClientSession(this.#instruments, server, sealer, this.#noted);
    const messages = ask.messages.map(readMessage);
    const [first] = messages;
    if (first?.type === 'request' && first.method === 'initialize') {
      const response = await this.#session.initialize(first, ask);
      storage.keepFor(settings.limits.session);
      return response;
    }
    const { client } = this.#session;
    if (client === undefined) throw new RpcError(-32001, 'Session not found', { status: 404 });
    storage.keepFor(settings.limits.session);
    if (ask.op === 'get') return this.#session.get(client, ask);
    if (ask.op === 'post' || ask.op === 'message') return this.#session.post(messages, client, ask);
    await this.#session.close();
    this.#session = undefined;
    this.#opened = undefined;
    return new Response(null, { status: 204 });
  }

  /** A new revision of the route has its servers opened anew; what they keep of the session is found again by their names. */
  #open({ revision, document: written }: SessionAsk) {
    if (this.#opened?.revision !== revision) {
      if (written === undefined) return undefined;
      const document = mcpConfig.parse(written);
      const { settings } = compileMcp(document, { local: true }, policiesOf(document));
      const { clock, egress, secrets, storage, ports } = this.#instruments;
      const { credentials } = ports;
      const sources = openSources(settings, { ports: { clock, egress, secrets, credentials }, kept: storage });
      // One client lists once and again after a change: what is ready for many is not kept here.
      const limits = { ...settings.limits, kept: 0 };
      this.#opened = { revision, settings, server: new VirtualServer(sources, limits, clock, settings.policies, settings.showing) };
      this.#session?.use(this.#opened.server);
    }
    return this.#opened;
  }

  async #modern(ask: SessionAsk, client: Client, server: VirtualServer, sealer: Sealer): Promise<Response> {
    const [text = ''] = ask.messages;
    const message = readMessage(text);
    if (message.type === 'notification') {
      await server.notify(message.method, message.params.json(), contextOf(ask, client, AbortSignal.timeout(30_000), this.#instruments));
      return new Response(null, { status: 202 });
    }
    if (message.type === 'response')
      throw new RpcError(codes.invalidRequest, 'Revision 2026-07-28 has no answers from clients.', { status: 400 });
    if (message.method === 'subscriptions/listen') return this.#listen(server, message, ask, client, sealer);
    const asked: Asked = { method: message.method, params: message.params, ...(ask.headers === undefined ? {} : { headers: ask.headers }) };
    const park = message.params.fields.has('requestState') ? await openParked(asked, sealer) : undefined;
    return park === undefined ? this.#begin(asked, message.id, ask, client, server, sealer) : this.#resume(park, message, ask);
  }

  #begin(asked: Asked, id: RpcId, ask: SessionAsk, client: Client, server: VirtualServer, sealer: Sealer): Promise<Response> {
    if (this.#parked.size >= MOST_PARKED) throw new RpcError(codes.internal, 'Too many calls wait for their clients.', { status: 429 });
    const park = crypto.randomUUID();
    const call = new ParkedCall(park, asked, client, sealer);
    this.#parked.set(park, call);
    const outlet = this.#hear(call, id, ask);
    const context = { ...contextOf(ask, client, call.signal, this.#instruments, call.note), notify: call.notify, ask: call.ask };
    const work = () => (asked.method === 'server/discover' ? discover(server, context) : server.request(asked, context, sealer));
    void call.run(work, ask.requestId).then(() => {
      // Who has not been told yet may still come back for it.
      if (call.isOver) this.#parked.delete(park);
      else setTimeout(() => this.#parked.delete(park), ANSWER_FOR);
    });
    return outlet.response;
  }

  #resume(park: string, { id, params }: RpcRequest, ask: SessionAsk): Promise<Response> {
    const call = this.#parked.get(park);
    if (call === undefined) throw badState();
    const outlet: Outlet = new Outlet({ ping: pingOfRequest(ask.ping), left: () => call.left(outlet) });
    call.resume(params, { id, outlet, note: this.#noted.of(ask.requestId, id) });
    if (call.isOver) this.#parked.delete(park);
    return outlet.response;
  }

  #hear(call: ParkedCall, id: RpcId, ask: SessionAsk): Outlet {
    const outlet: Outlet = new Outlet({ ping: pingOfRequest(ask.ping), left: () => call.left(outlet) });
    call.hear({ id, outlet, note: this.#noted.of(ask.requestId, id) });
    return outlet;
  }

  #listen(server: VirtualServer, request: RpcRequest, ask: SessionAsk, client: Client, sealer: Sealer): Promise<Response> {
    const controller = new AbortController();
    const outlet = new Outlet({ ping: ask.ping, left: () => controller.abort(new Error('the client has left')) });
    const context = contextOf(ask, client, controller.signal, this.#instruments);
    void serveListen(server, request, context, outlet, sealer).catch((thrown: unknown) => {
      const error = rpcErrorOf(thrown, ask.requestId);
      outlet.finish(errorText(request.id, error), error.status ?? 200);
    });
    return outlet.response;
  }
}

/** What is wrong with a request before it is one of the session's. */
function refusal(error: RpcError, { messages }: SessionAsk): Response {
  const id = idOf(messages);
  return new Response(errorText(id, error), { status: error.status ?? 200, headers: { 'content-type': 'application/json' } });
}

function idOf([text]: readonly string[]): RpcId | null {
  if (text === undefined) return null;
  const message = readMessage(text);
  return message.type === 'request' ? message.id : null;
}

/** Whether there is anything on the way of a request that could note something of it. */
const mayNote = ({ policies, transforms, sources }: McpSettings): boolean =>
  policies.length + transforms.length > 0 || sources.some(({ kind, transforms: own }) => kind.kind !== 'remote' || own.length > 0);

/** Of the session in which modern requests of one caller wait: the same for all of them on a route. */
export const sharedSession = (route: string): string => `shared ${route}`;
export const clientSession = (route: string, id: string): string => `client ${route} ${id}`;
