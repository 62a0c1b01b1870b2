import { GatewayError } from '../../../../core/errors.ts';
import type { Wire } from '../../../../core/wire.ts';
import type { RpcNotification, RpcRequest } from '../../wire/message.ts';
import type { CredentialContext } from '../credential.ts';
import type { SourceContext } from '../source.ts';
import { type Patience, readEvents, readServerMessage, refusalOf, statusError } from './http.ts';
import { resultOf } from './modern.ts';
import type { Upstream } from './wire.ts';

type ServerEvents = ReturnType<typeof readEvents>;

interface Waiting {
  readonly context: SourceContext;
  readonly patience: Patience;
  readonly resolve: (result: Wire) => void;
  readonly reject: (error: unknown) => void;
}

/** What the server tells or asks of its own, and for whom. */
export type Hear = (message: RpcNotification | RpcRequest, whose: { readonly of: SourceContext; readonly on: SseChannel }) => void;

const invalid = (why: string) => new GatewayError('upstream_invalid', `The MCP server speaks over HTTP+SSE, and ${why}.`);

/**
 * A server of the transport of 2024-11-05: all it says comes on one stream, and what it is told is posted to the address
 * that the stream begins with. The stream is the session.
 */
export class SseChannel {
  readonly #upstream: Upstream;
  readonly #endpoint: string;
  readonly #stop: AbortController;
  readonly #hear: Hear;
  /** In the order in which they were asked. */
  readonly #waiting = new Map<number, Waiting>();
  readonly #listening = new Set<SourceContext>();
  readonly #over = Promise.withResolvers<void>();
  #isOver = false;

  private constructor(upstream: Upstream, endpoint: string, stop: AbortController, hear: Hear) {
    this.#upstream = upstream;
    this.#endpoint = endpoint;
    this.#stop = stop;
    this.#hear = hear;
  }

  /** `undefined` where the server has no such stream. Throws `upstream_invalid` for an address of another origin. `signal`: how long is waited for the address. */
  static async open(upstream: Upstream, context: CredentialContext, signal: AbortSignal, hear: Hear): Promise<SseChannel | undefined> {
    const stop = new AbortController();
    const late = () => stop.abort(signal.reason);
    signal.addEventListener('abort', late, { once: true });
    try {
      const { url } = upstream;
      const response = await upstream.send({ url, method: 'GET', headers: { accept: 'text/event-stream' }, signal: stop.signal }, context);
      const isStream = response.ok && /^text\/event-stream\b/i.test(response.headers.get('content-type') ?? '');
      if (!isStream || response.body === null) {
        await response.body?.cancel().catch(() => undefined);
        return undefined;
      }
      const events = readEvents(response.body, upstream.home.limits.result);
      const { value: first } = await events.next();
      signal.throwIfAborted();
      if (first?.event !== 'endpoint' || first.data === undefined) {
        await events.return(undefined);
        return undefined;
      }
      const channel = new SseChannel(upstream, endpointOf(first.data, url, stop), stop, hear);
      void channel.#read(events);
      return channel;
    } finally {
      signal.removeEventListener('abort', late);
    }
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Asks, and waits for the answer on the stream. */
  async call(id: number, text: string, context: SourceContext, patience: Patience): Promise<Wire> {
    const { promise, resolve, reject } = Promise.withResolvers<Wire>();
    const gone = () => reject(patience.signal.reason);
    patience.signal.addEventListener('abort', gone, { once: true });
    this.#waiting.set(id, { context, patience, resolve, reject });
    // Nobody may be waiting yet when the stream breaks while this is posted.
    promise.catch(() => undefined);
    try {
      const response = await this.post(text, context, patience.signal);
      if (!response.ok) throw (await refusalOf(response)) ?? statusError(response.status);
      await response.body?.cancel().catch(() => undefined);
      return await promise;
    } finally {
      patience.signal.removeEventListener('abort', gone);
      this.#waiting.delete(id);
    }
  }

  post(body: string, context: CredentialContext, signal: AbortSignal): Promise<Response> {
    const headers = { 'content-type': 'application/json' };
    return this.#upstream.send({ url: this.#endpoint, method: 'POST', headers, body, signal }, context);
  }

  /** Tells what belongs to no request, until nobody listens or the stream is over. */
  async listen(context: SourceContext): Promise<void> {
    this.#listening.add(context);
    const gone = Promise.withResolvers<void>();
    context.signal.addEventListener('abort', () => gone.resolve(), { once: true });
    if (context.signal.aborted) gone.resolve();
    await Promise.race([gone.promise, this.#over.promise]);
    this.#listening.delete(context);
  }

  close(): void {
    this.#stop.abort(new Error('the session is over'));
    this.#end(new GatewayError('upstream_interrupted', 'The session with the MCP server was ended.'));
  }

  async #read(events: ServerEvents): Promise<void> {
    try {
      for await (const { data, event } of events) if (data !== undefined && (event ?? 'message') === 'message') this.#arrived(data);
      this.#end(new GatewayError('upstream_interrupted', 'The MCP server ended its stream without an answer.'));
    } catch (thrown) {
      this.#end(thrown);
    }
  }

  #end(why: unknown): void {
    this.#isOver = true;
    for (const { reject } of this.#waiting.values()) reject(why);
    this.#waiting.clear();
    this.#over.resolve();
  }

  #arrived(text: string): void {
    const message = readServerMessage(text);
    if (message.type !== 'response') {
      this.#own(message);
      return;
    }
    const waiting = typeof message.id === 'number' ? this.#waiting.get(message.id) : undefined;
    if (waiting === undefined) return;
    try {
      waiting.resolve(resultOf(message.result, message.error));
    } catch (error) {
      waiting.reject(error);
    }
  }

  /**
   * What the server says of its own is for the request whose progress it is; what it says without naming one is for the
   * newest, since the transport does not tell: all of them are of one caller.
   */
  #own(message: RpcNotification | RpcRequest): void {
    for (const { patience } of this.#waiting.values()) patience.renew();
    const token = message.method === 'notifications/progress' ? message.params.fields.get('progressToken') : undefined;
    if (typeof token === 'number') {
      const waiting = this.#waiting.get(token);
      if (waiting !== undefined) this.#hear(message, { of: waiting.context, on: this });
      return;
    }
    const isChange = message.method.endsWith('/list_changed') || message.method === 'notifications/resources/updated';
    const newest = isChange ? undefined : [...this.#waiting.values()].at(-1)?.context;
    if (newest !== undefined) this.#hear(message, { of: newest, on: this });
    else if (message.type === 'notification') for (const of of this.#listening) this.#hear(message, { of, on: this });
    else {
      const [first] = this.#listening;
      if (first !== undefined) this.#hear(message, { of: first, on: this });
    }
  }
}

/** Where messages are posted. With the credential they go to the server that was named, and nowhere else. */
function endpointOf(said: string, url: string, stop: AbortController): string {
  const endpoint = URL.parse(said, url);
  if (endpoint !== null && endpoint.origin === new URL(url).origin) return endpoint.href;
  const error = invalid('names an address of another origin to post to');
  stop.abort(error);
  throw error;
}
