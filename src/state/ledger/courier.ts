import { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Egress } from '../../core/ports.ts';
import { bodyOf, dataOf, type WebhookEvent } from '../webhooks/payload.ts';
import { markGone, type Receiver, readReceivers } from '../webhooks/receivers.ts';
import type { SigningSecrets } from '../webhooks/secrets.ts';
import { signedHeaders } from '../webhooks/signature.ts';
import type { AlertLog, Delivery, NewDelivery, NewEvent, Tried } from './alerts.ts';

const PATIENCE = 10_000;
/** Milliseconds of waiting after the first failure; doubled with each further one, up to the last. */
const FIRST_WAIT = 2_000;
const LONGEST_WAIT = 3 * 3_600_000;
/** Milliseconds after which a message is given up. */
const LIFE = 24 * 3_600_000;
/** Milliseconds for which a webhook that failed is left alone, whatever else waits for it. */
const REST = 60_000;
/** Milliseconds after which no further attempt begins in one alarm: rows for the database wait behind it. */
const ROUND = 10_000;
/** Events and deliveries of one alarm. */
const MOST = 200;

/** Milliseconds between two questions to the database at most, while it does not answer. */
const LONGEST_LOOK = 300_000;
/** The receiver wants nothing any more. */
const GONE = 410;

/** What became of one attempt. `error` says in a word why it was not taken. */
interface Answer {
  readonly at: number;
  readonly httpStatus?: number;
  readonly error?: string;
  /** Milliseconds that the receiver asks for. */
  readonly retryAfter?: number;
}

export interface CourierOptions {
  /** Where the webhooks are. Without it nobody is told. */
  readonly db: D1Database | undefined;
  readonly egress: Egress;
  readonly secrets: SigningSecrets;
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Milliseconds that a receiver has for its answer. */
  readonly patience?: number;
}

/**
 * Brings messages to webhooks: each until it is taken, or a day is over. What is sent twice, because an answer or the
 * object itself was lost, has the same id both times. No call waits for any of it.
 */
export class Courier {
  readonly #log: AlertLog;
  readonly #options: CourierOptions;
  readonly #restUntil = new Map<string, number>();
  /** While the database does not answer: until when it is not asked, and how often it has not. */
  #notBefore = 0;
  #failures = 0;

  constructor(log: AlertLog, options: CourierOptions) {
    this.#log = log;
    this.#options = options;
  }

  /** Tells what there is to tell. Returns when to come again; `undefined` where nothing waits. Never rejects. */
  async deliver(): Promise<number | undefined> {
    const { db, now } = this.#options;
    const begun = now();
    if (begun < this.#notBefore) return this.#next() === undefined ? undefined : this.#notBefore;
    const events = this.#log.events(MOST);
    const org = events[0]?.event.org ?? this.#log.due(begun, this.#resting(begun), 1)[0]?.org;
    if (org === undefined) return this.#next();
    try {
      const receivers = db === undefined ? [] : await readReceivers(db, org, this.#options.secrets, begun);
      this.#failures = 0;
      this.#address(events, receivers);
      await this.#bring(receivers, begun);
      return this.#next();
    } catch (cause) {
      this.#failures += 1;
      this.#notBefore = now() + this.#backOff(this.#failures, LONGEST_LOOK);
      console.error('Webhooks could not be looked up; what they are to be told is kept', cause);
      this.#dropExcess();
      return this.#notBefore;
    }
  }

  /** Sends one message at once, and once. `undefined` where there is no such webhook. */
  async ping(org: string, webhook: string): Promise<Delivery | undefined> {
    const { db, now, secrets } = this.#options;
    const receiver = db === undefined ? undefined : (await readReceivers(db, org, secrets, now())).find(({ id }) => id === webhook);
    if (receiver === undefined) return undefined;
    const at = now();
    const message = `msg_${crypto.randomUUID().replaceAll('-', '')}`;
    const delivery: NewDelivery = { webhook, message, type: 'ping', org, at, body: bodyOf('ping', at, { org, webhook }) };
    const { at: tried, httpStatus, error } = await this.#attempt(receiver, delivery);
    const status = error === undefined ? 'delivered' : 'failed';
    const id = this.#log.add(delivery, { at: tried, status, httpStatus, error }, 1);
    return this.#log.page(webhook, id + 1, 1)[0];
  }

  /** Puts one message on its way to those who want it. Returns to how many. */
  async announce(org: string, type: WebhookEvent, data: JsonObject): Promise<number> {
    const { db, now, secrets } = this.#options;
    const at = now();
    const receivers = db === undefined ? [] : await readReceivers(db, org, secrets, at);
    const wanting = receivers.filter(({ active, events: wanted }) => active && wanted?.includes(type) !== false);
    const message = `msg_${crypto.randomUUID().replaceAll('-', '')}`;
    const body = bodyOf(type, at, data);
    for (const { id: webhook } of wanting)
      this.#log.add({ webhook, message, type, org, body, at }, { at, status: 'waiting', nextAt: at }, 0);
    return wanting.length;
  }

  #address(events: readonly NewEvent[], receivers: readonly Receiver[]): void {
    const last = events.at(-1);
    if (last === undefined) return;
    const deliveries = events.flatMap(({ id: message, event }) => {
      const body = bodyOf(event.type, event.at, dataOf(event));
      const wanting = receivers.filter(({ active, events: wanted }) => active && wanted?.includes(event.type) !== false);
      return wanting.map(({ id: webhook }) => ({ webhook, message, type: event.type, org: event.org, body, at: event.at }));
    });
    this.#log.address(last.seq, deliveries, this.#options.now());
    this.#dropExcess();
  }

  /** Webhooks are told at the same time, and each of them one thing after another: one that is slow keeps no other waiting. */
  async #bring(receivers: readonly Receiver[], begun: number): Promise<void> {
    const now = this.#options.now();
    const byWebhook = Map.groupBy(this.#log.due(now, this.#resting(now), MOST), ({ webhook }) => webhook);
    await Promise.all(
      [...byWebhook].map(async ([webhook, deliveries]) => {
        const receiver = receivers.find(({ id, active }) => active && id === webhook);
        if (receiver === undefined) this.#log.cancel(webhook);
        else await this.#bringTo(receiver, deliveries, begun);
      }),
    );
  }

  async #bringTo(receiver: Receiver, deliveries: readonly Delivery[], begun: number): Promise<void> {
    for (const delivery of deliveries) {
      if (this.#options.now() - begun >= ROUND) return;
      const answer = await this.#attempt(receiver, delivery);
      const result = answer.error === undefined ? ({ ...answer, status: 'delivered' } as const) : this.#again(delivery, answer);
      this.#log.tried(delivery.id, result);
      if (answer.httpStatus === GONE) return this.#leave(receiver.id, answer.at);
      if (answer.error === undefined) continue;
      // What else waits for it would fail likewise.
      this.#restUntil.set(receiver.id, Math.min(result.nextAt ?? Number.POSITIVE_INFINITY, answer.at + REST));
      return;
    }
  }

  async #leave(webhook: string, at: number): Promise<void> {
    this.#log.cancel(webhook);
    try {
      if (this.#options.db !== undefined) await markGone(this.#options.db, webhook, at);
    } catch (cause) {
      // The next message finds out again.
      console.error(`That the receiver of ${webhook} is gone could not be noted`, cause);
    }
  }

  /** One request. What it answers is not read. */
  async #attempt({ url, secrets }: Receiver, { message: id, body }: NewDelivery): Promise<Answer> {
    const { egress, now, patience = PATIENCE } = this.#options;
    if (secrets.length === 0) return { at: now(), error: 'secret_unreadable' };
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'weir',
      ...(await signedHeaders({ id, at: now(), body }, secrets)),
    };
    const leaving = new AbortController();
    const timer = setTimeout(() => leaving.abort(new DOMException('no answer in time', 'TimeoutError')), patience);
    try {
      const answer = await egress.send({ url, method: 'POST', headers, body, signal: leaving.signal });
      await answer.body?.cancel().catch(() => undefined);
      return answerOf(answer, now());
    } catch (cause) {
      return { at: now(), error: wordFor(cause) };
    } finally {
      // One that goes on keeps the object awake.
      clearTimeout(timer);
    }
  }

  /** When it is tried again; given up where its day is over by then, or the receiver is gone. */
  #again({ id, at: happened, attempts, webhook }: Delivery, { at, httpStatus, error, retryAfter = 0 }: Answer): Tried {
    const wait = Math.max(this.#backOff(attempts + 1, LONGEST_WAIT), Math.min(retryAfter, LONGEST_WAIT));
    if (httpStatus !== GONE && at + wait <= happened + LIFE) return { at, status: 'waiting', nextAt: at + wait, httpStatus, error };
    console.error(`Delivery ${id} to ${webhook} was given up: ${error} ${httpStatus ?? ''}`);
    return { at, status: 'failed', httpStatus, error };
  }

  /** A third more or less by chance, so that those who failed together do not come back together. */
  #backOff(failures: number, longest: number): number {
    return Math.round(Math.min(FIRST_WAIT * 2 ** (failures - 1), longest) * (0.67 + 0.66 * this.#options.random()));
  }

  #resting(now: number): readonly string[] {
    return [...this.#restUntil].flatMap(([webhook, until]) => (now < until ? [webhook] : []));
  }

  #next(): number | undefined {
    const now = this.#options.now();
    for (const [webhook, until] of this.#restUntil) if (until <= now) this.#restUntil.delete(webhook);
    if (this.#log.events(1).length > 0) return now;
    const times = [...this.#log.nextAt()].map(([webhook, at]) => Math.max(at, this.#restUntil.get(webhook) ?? 0));
    return times.length === 0 ? undefined : Math.min(...times);
  }

  #dropExcess(): void {
    const dropped = this.#log.trim(this.#options.now());
    if (dropped > 0) console.error(`${dropped} messages to webhooks were given up: too many wait`);
  }
}

function answerOf({ status: httpStatus, ok, headers }: Response, at: number): Answer {
  if (ok) return { at, httpStatus };
  const seconds = secondsIn(headers.get('retry-after'));
  return { at, httpStatus, error: 'refused', ...(seconds === undefined ? {} : { retryAfter: seconds * 1000 }) };
}

/** Seconds, or a date (RFC 9110 section 10.2.3); of a date nothing is made. */
const secondsIn = (text: string | null): number | undefined => (text !== null && /^\d{1,6}$/.test(text) ? Number(text) : undefined);

const WORDS: { readonly [code: string]: string } = {
  upstream_invalid: 'redirect',
  upstream_unreachable: 'unreachable',
  address_refused: 'address_refused',
  loop_detected: 'address_refused',
};

function wordFor(cause: unknown): string {
  if (cause instanceof GatewayError) return WORDS[cause.code] ?? 'unreachable';
  return cause instanceof DOMException && cause.name === 'TimeoutError' ? 'timeout' : 'unreachable';
}
