import { formOf } from '../../core/cache/asked.ts';
import { Collector } from '../../core/cache/collector.ts';
import { fingerprintOf } from '../../core/cache/fingerprint.ts';
import type { Flight } from '../../core/cache/flight.ts';
import type { AnswerCache } from '../../core/cache/port.ts';
import type { StoredAnswer } from '../../core/cache/stored-answer.ts';
import type { LlmCall } from '../../core/call.ts';
import type { Call, Chunk, Destination, Exchange } from '../../core/exchange.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { formatUsd, nanoUsd } from '../../core/money.ts';
import type { OperationCall } from '../../core/operation.ts';
import type { Given, Outcome, PolicyRun, Verdict } from '../../core/policy.ts';
import { Follower } from './follower.ts';
import { Leader } from './leader.ts';
import { paced } from './paced.ts';
import { type Meant, Semantic } from './semantic/semantic.ts';
import type { CacheSettings } from './settings.ts';
import { type Wish, wishOf } from './wish.ts';

/** Of the encoding: what was kept under another one is not found. */
const VERSION = 3;
const SECOND = 1_000;

/** A call whose answer may be kept, and what it is kept by. */
interface Asking {
  readonly call: LlmCall | OperationCall;
  readonly answers: AnswerCache;
  readonly destination: Destination;
  readonly key: string;
  /** What the key holds beside what is asked. */
  readonly under: Json;
  /** Who speaks another dialect may be given what is whole, but does not follow: what is still to come may be for one dialect only. */
  readonly flightKey: string;
  readonly wish: Wish;
}

/** One call before the cache: given an answer that is there, or one that is on its way, or led to its provider. */
export class CacheRun implements PolicyRun {
  readonly #settings: CacheSettings;
  readonly #exchange: Exchange;
  #leader: Leader | undefined;
  #follower: Follower | undefined;
  #semantic: Semantic | undefined;
  /** What is given, where it was made for another question. */
  #meant: Meant | undefined;

  constructor(settings: CacheSettings, exchange: Exchange) {
    this.#settings = settings;
    this.#exchange = exchange;
  }

  async request(call: Call): Promise<Verdict> {
    const asking = await this.#asking(call);
    if (asking === undefined) return { go: call };
    this.#exchange.tell?.('x-weir-cache', 'miss');
    const given = await this.#given(asking);
    if (given === undefined) return { go: call };
    await this.#take(asking);
    this.#exchange.tell?.('x-weir-cache', this.#meant === undefined ? 'hit' : 'semantic');
    if (this.#meant !== undefined) this.#semantic?.served();
    return given;
  }

  chunk(chunk: Chunk): readonly Chunk[] {
    this.#leader?.add(chunk);
    return [chunk];
  }

  served(model: string): void {
    this.#leader?.served(model);
  }

  isWanted(): boolean {
    return this.#leader?.isWanted ?? false;
  }

  end(outcome: Outcome): Promise<void> | undefined {
    this.#leader?.end(outcome);
    this.#follower?.end();
    return this.#semantic?.end(this.#leader?.kept);
  }

  /** `undefined` where the answer must not be given to others, or the caller wants it so. */
  async #asking(call: Call): Promise<Asking | undefined> {
    const exchange = this.#exchange;
    const { answers } = exchange.ports;
    if (answers === undefined || exchange.destination === undefined || call.kind !== 'llm') return undefined;
    const wish = wishOf(call.headers);
    if (wish.isOff || call.headers.get('x-weir-resume') === '1') return undefined;
    const partition = this.#partition();
    const asked = await answers.digests.of(call);
    if (asked === undefined || partition === undefined || !this.#isCool(call)) return undefined;
    const destination = await exchange.destination(call);
    if (destination === undefined) return undefined;
    const under = [VERSION, partition, exchange.route.name, call.head.model, destination.model, destination.under];
    const key = await fingerprintOf([...under, asked]);
    return { call, answers, destination, key, under, flightKey: `${key} ${formOf(call)}`, wish };
  }

  #partition(): Json | undefined {
    const { who } = this.#exchange;
    const { share } = this.#settings;
    if (share === 'org') return ['org', who.org];
    if (share === 'app') return ['app', who.org, who.app];
    // The user whom a credential names: one whom the caller names could be anybody.
    return who.user === undefined ? undefined : ['user', who.org, who.app, who.user];
  }

  #isCool(call: LlmCall | OperationCall): boolean {
    const { temperature } = this.#settings;
    // Nothing beside chat is drawn by lot.
    return call.dialect === undefined || temperature === undefined || (call.chat().temperature ?? 1) <= temperature;
  }

  async #given(asking: Asking): Promise<Given | undefined> {
    const { answers, flightKey, wish } = asking;
    for (;;) {
      const flight = wish.isFresh ? undefined : answers.flights.get(flightKey);
      // One that is over has lost its leader, who would have taken it away.
      if (flight === undefined || flight.landing !== undefined) return this.#lead(asking);
      const given = await this.#follow(flight, asking);
      if (given !== undefined) return given;
    }
  }

  /** Whoever comes after this one follows it, also while it only looks. */
  async #lead(asking: Asking): Promise<Given | undefined> {
    const { call, answers, key, flightKey, wish, destination } = asking;
    const exchange = this.#exchange;
    const flight = wish.isFresh ? answers.flights.alone() : answers.flights.lead(flightKey);
    const leave = () => {
      answers.flights.close(flightKey, flight);
      flight.land('left');
    };
    const given = await this.#found(asking);
    if (exchange.signal.aborted) leave();
    if (given !== undefined) {
      leave();
      return given;
    }
    this.#leader = new Leader({
      settings: this.#settings,
      exchange,
      answers,
      key,
      flightKey,
      flight,
      model: destination.model,
      asked: call.head.model,
      dialect: formOf(call),
      isStream: call.head.stream,
      hasOwnTime: call.headers.has('x-weir-timeout'),
      collector: new Collector(this.#settings.maxBytes),
    });
    exchange.note('cache', { hit: false, key, ...this.#semantic?.missed });
    return undefined;
  }

  /** The answer of an equal call, or else of one that means the same. */
  async #found(asking: Asking): Promise<Given | undefined> {
    const { call, answers, key, under, wish } = asking;
    const stored = wish.isFresh ? undefined : await this.#stored(asking).catch(() => undefined);
    if (stored !== undefined) return this.#again(stored, asking);
    const { semantic: settings, ttl } = this.#settings;
    if (settings === undefined || call.dialect === undefined) return undefined;
    this.#semantic = new Semantic({ settings, ttl, maxAge: wish.maxAge, exchange: this.#exchange, answers, call, key, under });
    if (wish.isFresh) return undefined;
    this.#meant = await this.#semantic.find();
    return this.#meant === undefined ? undefined : this.#again(this.#meant.answer, { ...asking, key: this.#meant.key }, this.#meant.said);
  }

  async #stored({ call, answers, key, wish }: Asking): Promise<StoredAnswer | undefined> {
    const { who, ports } = this.#exchange;
    const stored = await answers.get(key, who);
    if (stored === undefined || (stored.dialect !== undefined && stored.dialect !== formOf(call))) return undefined;
    const age = (ports.clock.now() - stored.at) / SECOND;
    const { ttl, stale } = this.#settings;
    if (age >= Math.min(ttl + stale, wish.maxAge ?? Number.POSITIVE_INFINITY)) return undefined;
    if (age >= ttl) this.#makeAnew(answers, key);
    return stored;
  }

  /** Behind the answer, and once at a time. */
  #makeAnew({ flights }: AnswerCache, key: string): void {
    const exchange = this.#exchange;
    if (exchange.again === undefined || !flights.begins(key)) return;
    exchange.ports.after(exchange.again().finally(() => flights.done(key)));
  }

  #again({ chunks, at, servedModel, loss, cost, usage }: StoredAnswer, { call, key }: Asking, said?: JsonObject): Given {
    const age = Math.max(0, Math.floor((this.#exchange.ports.clock.now() - at) / SECOND));
    this.#exchange.tell?.('age', String(age));
    this.#exchange.note('cache', {
      hit: true,
      key,
      age,
      ...(cost === undefined ? {} : { saved: formatUsd(cost) }),
      ...(usage === undefined ? {} : { input: usage.input, output: usage.output }),
      ...said,
    });
    const { pace } = this.#settings;
    const isPaced = pace !== undefined && call.dialect !== undefined && call.head.stream;
    return { answer: isPaced ? paced(chunks, pace, this.#exchange.signal) : chunks, made: { servedModel, loss } };
  }

  async #follow(flight: Flight, { call, destination, key }: Asking): Promise<Given | undefined> {
    const follower = new Follower(flight, this.#exchange);
    this.#follower = follower;
    const answer = await (call.head.stream ? follower.live() : follower.whole());
    if (answer === undefined) {
      follower.end();
      return undefined;
    }
    this.#exchange.note('cache', { hit: true, key, age: 0, together: true });
    return { answer, made: { servedModel: flight.servedModel ?? destination.model, loss: [] } };
  }

  /** An answer that costs nothing is one request of its caller's limits, and no more. */
  async #take({ destination: { provider, model } }: Asking): Promise<void> {
    await this.#exchange.hold?.take({ provider, model, usage: { input: 0, output: 0 }, cost: nanoUsd(0), isFree: true });
  }
}
