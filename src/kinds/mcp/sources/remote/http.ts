import { GatewayError, outOfTime } from '../../../../core/errors.ts';
import { parseJson } from '../../../../core/json.ts';
import type { Clock, Egress, EgressRequest } from '../../../../core/ports.ts';
import { readText } from '../../../../core/reader.ts';
import { RpcError } from '../../wire/errors.ts';
import { EventReader, type ServerEvent } from '../../wire/events.ts';
import { type Message, readMessage, readMessages } from '../../wire/message.ts';
import type { SourceLimits } from '../source.ts';

/** What of a refusal is read: an error of the protocol, never a page. */
const MOST_OF_REFUSAL = 64 * 1024;
/** Room for what stands around a result. */
const ENVELOPE = 16 * 1024;

/** One message of a server, and the place of its stream where it has one. */
export interface Arrived {
  readonly message?: Message;
  readonly eventId?: string;
  readonly retry?: number;
}

const invalid = (why: string, cause?: unknown) => new GatewayError('upstream_invalid', `The MCP server answered with ${why}.`, { cause });
export const tooLarge = (most: number) =>
  new GatewayError('event_too_large', `The MCP server answered with more than ${most} bytes, which the operator does not allow.`);

/** Sends one request to a server. Throws what the way out throws, in the words of this protocol. */
export async function send(egress: Pick<Egress, 'send'>, request: EgressRequest): Promise<Response> {
  try {
    return await egress.send(request);
  } catch (thrown) {
    request.signal.throwIfAborted();
    if (!(thrown instanceof GatewayError)) throw thrown;
    throw new GatewayError(
      thrown.code,
      thrown.message.replaceAll('The provider', 'The MCP server').replaceAll('the provider', 'the MCP server'),
      thrown.details,
    );
  }
}

/** The messages of an answer that is one document, as most are; `undefined` where it is none. */
export async function documentOf(response: Response, most: number): Promise<readonly Message[] | undefined> {
  if (!/^application\/json\b/i.test(typeOf(response))) return undefined;
  const text = await readText(response, most + ENVELOPE);
  if (text === undefined) throw tooLarge(most);
  return messagesOf(text);
}

const typeOf = ({ headers }: Response) => headers.get('content-type') ?? '';

/** The messages of an answer, one after the other as they come: of JSON or of a stream of events. */
export async function* arriving(response: Response, most: number): AsyncGenerator<Arrived> {
  const document = await documentOf(response, most);
  if (document !== undefined) {
    for (const message of document) yield { message };
    return;
  }
  const type = typeOf(response);
  if (!/^text\/event-stream\b/i.test(type)) {
    await response.body?.cancel().catch(() => undefined);
    throw invalid('something that is neither JSON nor a stream of events');
  }
  if (response.body !== null) yield* events(response.body, most);
}

async function* events(body: ReadableStream<Uint8Array>, most: number): AsyncGenerator<Arrived> {
  for await (const { data, id, retry, event } of readEvents(body, most)) {
    yield {
      ...(data === undefined || event !== undefined ? {} : { message: readServerMessage(data) }),
      ...(id === undefined ? {} : { eventId: id }),
      ...(retry === undefined ? {} : { retry }),
    };
  }
}

/** The events of a stream. It ends where the connection breaks. Throws `event_too_large`. */
export async function* readEvents(body: ReadableStream<Uint8Array>, most: number): AsyncGenerator<ServerEvent, undefined> {
  const reader = body.getReader();
  const events = new EventReader(most + ENVELOPE);
  let isOver = false;
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(broken);
      if (done) {
        isOver = true;
        return undefined;
      }
      yield* pushed(events, value, most);
    }
  } finally {
    if (!isOver) await reader.cancel().catch(() => undefined);
  }
}

function pushed(events: EventReader, bytes: Uint8Array, most: number) {
  try {
    return events.push(bytes);
  } catch {
    throw tooLarge(most);
  }
}

/** A connection that breaks ends a stream early; whoever reads it finds out that the answer is missing. */
const broken = (): { done: true; value: undefined } => ({ done: true, value: undefined });

function messagesOf(text: string): readonly Message[] {
  try {
    return readMessages(text).messages;
  } catch (cause) {
    throw invalid('JSON that is no message of its protocol', cause);
  }
}

/** A server's message. Throws `upstream_invalid` where it is none. */
export function readServerMessage(text: string): Message {
  try {
    return readMessage(text);
  } catch (cause) {
    throw invalid('an event that is no message of its protocol', cause);
  }
}

/** The error of the protocol that a refusal holds, if it does; its body is read. */
export async function refusalOf(response: Response): Promise<RpcError | undefined> {
  const text = await readText(response, MOST_OF_REFUSAL).catch(() => undefined);
  const value = text === undefined ? undefined : parseJson(text);
  if (typeof value !== 'object' || value === null || !('error' in value)) return undefined;
  const { error } = value;
  if (typeof error !== 'object' || error === null || !('code' in error) || typeof error.code !== 'number') return undefined;
  const message = 'message' in error && typeof error.message === 'string' ? error.message : '';
  return new RpcError(error.code, message, { data: 'data' in error ? error.data : undefined, status: response.status, isForeign: true });
}

/** A refusal that is none of the protocol's. */
export function statusError(status: number): GatewayError {
  if (status === 401 || status === 403) {
    return new GatewayError(
      'upstream_credential',
      "The MCP server refused the gateway's credential. The operator checks the key of this source.",
    );
  }
  if (status === 429) return new GatewayError('upstream_rate_limited', 'The MCP server is rate limiting the gateway.');
  if (status === 503) return new GatewayError('upstream_overloaded', 'The MCP server says that it is overloaded.');
  return new GatewayError('upstream_error', `The MCP server failed with status ${status}.`);
}

/**
 * The time one request has, which stands still while the client is being asked: so long from one sign of life of the server
 * to the next, and so long in all.
 */
export class Patience {
  readonly #controller = new AbortController();
  readonly #limits: Pick<SourceLimits, 'timeout' | 'total'>;
  readonly #clock: Clock;
  /** One for both times: most requests are over long before, and a timer costs more than a look at the clock. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Milliseconds that are left in all, as of `#since`. */
  #left: number;
  #since = 0;
  #aliveAt = 0;
  #waiting = 0;

  readonly #who: string;

  /** `left`: aborted when the client leaves. `who`: whose time it is, for the message. */
  constructor(limits: Pick<SourceLimits, 'timeout' | 'total'>, clock: Clock, left: AbortSignal, who = 'The MCP server') {
    this.#limits = limits;
    this.#clock = clock;
    this.#who = who;
    this.#left = limits.total;
    if (left.aborted) this.#controller.abort(left.reason);
    else left.addEventListener('abort', () => this.#controller.abort(left.reason), { once: true });
    this.#start();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** While this goes on nobody is slow but the client. */
  async during<T>(work: Promise<T>): Promise<T> {
    if (this.#waiting === 0) this.#stop();
    this.#waiting++;
    try {
      return await work;
    } finally {
      this.#waiting--;
      if (this.#waiting === 0) this.#start();
    }
  }

  /** The server is alive: it has its time again, though not more in all. */
  renew(): void {
    this.#aliveAt = this.#clock.now();
  }

  end(): void {
    this.#stop();
    this.#waiting = Number.POSITIVE_INFINITY;
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#left -= this.#clock.now() - this.#since;
  }

  #start(): void {
    this.#since = this.#clock.now();
    this.#aliveAt = this.#since;
    this.#wait();
  }

  #wait(): void {
    const now = this.#clock.now();
    const idle = this.#aliveAt + this.#limits.timeout - now;
    const total = this.#since + this.#left - now;
    if (idle < 1) this.#over(`answer within ${this.#limits.timeout} milliseconds`);
    else if (total < 1) this.#over(`have done within ${this.#limits.total} milliseconds in all`);
    else this.#timer = setTimeout(() => this.#wait(), Math.ceil(Math.min(idle, total)));
  }

  #over(what: string): void {
    this.#controller.abort(outOfTime(`${this.#who} did not ${what}.`));
  }
}
