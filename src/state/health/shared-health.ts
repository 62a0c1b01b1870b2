import { GatewayError } from '../../core/errors.ts';
import type { BoardPlace, ProbeAnswer } from '../../core/health/board.ts';
import type { Standing } from '../../core/health/breaker.ts';
import type { Capacity } from '../../core/health/headroom.ts';
import { hasChanged, learn, type News, type Told, tell, tellAnew, untell } from '../../core/health/news.ts';
import type { PlaceFilter, Places } from '../../core/health/places.ts';
import type { Admission, BreakerSettings, Headroom, Health, Place, TargetHealth, Try } from '../../core/health.ts';
import type { Clock } from '../../core/ports.ts';
import type { HealthBoard, HealthMessage } from './board-object.ts';

type After = (work: Promise<unknown>) => void;

/** What is asked of the board. */
export interface BoardStub {
  exchange(message: HealthMessage): Promise<News>;
  probe(isolate: string, place: Place, standing: Standing): Promise<ProbeAnswer>;
  reset(filter: PlaceFilter): Promise<void>;
  list(): Promise<readonly BoardPlace[]>;
}

export interface SharedHealthOptions {
  readonly places: Places;
  readonly clock: Clock;
  /** A name that no other isolate has. */
  readonly isolate: string;
  /** A new stub each time: one that has failed stays broken. */
  readonly board: () => BoardStub;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

/** Milliseconds between two messages while nothing changes; what others found is known here as soon after. */
const EVERY = 1_000;
/** Milliseconds between two messages at least, where a place has opened, closed or asked for rest. */
const CHANGES = 100;
/** Milliseconds that a call waits to hear whether it may probe. */
const PATIENCE = 100;
/** Milliseconds that a message behind an answer may take. Nobody waits for it, and the object may be a continent away. */
const DEADLINE = 1_000;
/** Milliseconds after which a message that is neither answered nor given up is lost. */
const LOST = 2 * DEADLINE;
/** Milliseconds for which a place is left to who probes it, before it is asked again who may. */
const WHILE_PROBED = 1_000;

/**
 * What this isolate knows of places, shared with the others by way of one object. While calls come there is one message
 * a second behind them, with what was seen here, and one at once where a place opens or closes; back comes what others
 * saw. A call itself waits for the object
 * only where a place was open and may be tried again, a tenth of a second at most: then this isolate decides alone.
 */
export class SharedHealth {
  readonly #options: SharedHealthOptions;
  /** When the last message left. */
  #sentAt = Number.NEGATIVE_INFINITY;
  /** When the message that waits for its time is to leave; one that has left by then leaves nothing to do. */
  #dueAt = Number.NEGATIVE_INFINITY;
  #board: string | undefined;
  #version = 0;
  /** The message that left last, until it is known whether it arrived. */
  #sent: { readonly told: readonly Told[]; readonly lostAt: number } | undefined;

  constructor(options: SharedHealthOptions) {
    this.#options = options;
  }

  get places(): Places {
    return this.#options.places;
  }

  /** The health as one request sees it: what is to be told goes behind that request's answer. */
  for(after: After): Health {
    return new RequestHealth(this, after);
  }

  /** A call comes: asks for news where the last are a second old. */
  ask(after: After): void {
    if (this.#options.clock.now() - this.#sentAt >= EVERY) this.#send(after);
  }

  /** Something has come of a try. What others would do otherwise for is told at once, failures when the second is over, what is usual with them. */
  noted(place: Place, after: After): void {
    const now = this.#options.clock.now();
    const record = this.places.known(place);
    const isChange = record !== undefined && hasChanged(record);
    const dueAt = this.#sentAt + (isChange ? CHANGES : EVERY);
    if (now >= dueAt) this.#send(after);
    else if (isChange || (record !== undefined && record.failed > 0)) this.#sendAt(dueAt, now, after);
  }

  /** Whether a place that was open may be tried, where this isolate alone would let a call through as its probe. */
  async mayProbe(place: Place): Promise<Admission> {
    const { clock, isolate, board } = this.#options;
    const { breaker } = this.places.record(place);
    const answer = await this.#within(PATIENCE, () => board().probe(isolate, place, breaker.standing(clock.now())));
    if (answer === undefined || answer.admission === 'probe') return 'probe';
    const now = clock.now();
    if (answer.admission === 'go') {
      breaker.settle();
      breaker.adopt(answer.standing, now);
    } else breaker.yield(now, answer.standing.openFor || WHILE_PROBED);
    return answer.admission;
  }

  /** Throws `overloaded` where the object cannot be told: then nothing is reset here, nor as far as is known elsewhere. */
  async reset(filter: PlaceFilter): Promise<void> {
    const told = await this.#within(DEADLINE, () =>
      this.#options
        .board()
        .reset(filter)
        .then(() => true),
    );
    if (told === undefined) throw new GatewayError('overloaded', 'The other isolates cannot be told now. Try again in a moment.');
    this.places.reset(filter);
  }

  /** What all isolates have told; `undefined` where that cannot be heard in so many milliseconds. */
  list(patience: number): Promise<readonly BoardPlace[] | undefined> {
    return this.#within(patience, () => this.#options.board().list());
  }

  #send(after: After): void {
    this.#sentAt = this.#options.clock.now();
    this.#dueAt = Number.NEGATIVE_INFINITY;
    after(this.#exchange());
  }

  /** Unless one is to leave before that. One that should have left long ago was behind a request that was cancelled. */
  #sendAt(dueAt: number, now: number, after: After): void {
    if (this.#dueAt > Number.NEGATIVE_INFINITY && this.#dueAt <= dueAt && now < this.#dueAt + EVERY) return;
    this.#dueAt = dueAt;
    const sent = this.#options.sleep(dueAt - now).then(() => {
      if (this.#dueAt !== dueAt) return undefined;
      this.#dueAt = Number.NEGATIVE_INFINITY;
      this.#sentAt = this.#options.clock.now();
      return this.#exchange();
    });
    after(sent);
  }

  async #exchange(): Promise<void> {
    const { places, clock, isolate, board } = this.#options;
    const now = clock.now();
    // Behind a request that was cancelled: nobody waits for its answer any more.
    if (this.#sent !== undefined && now >= this.#sent.lostAt) untell(places, this.#sent.told);
    const sent = { told: tell(places, now), lostAt: now + LOST };
    this.#sent = sent;
    const message = { isolate, told: sent.told, board: this.#board, version: this.#version };
    const news = await this.#within(DEADLINE, () => board().exchange(message));
    if (this.#sent === sent) this.#sent = undefined;
    if (news === undefined) untell(places, sent.told);
    // What it says of times is as old as the question.
    else this.#learn(news, now);
  }

  #learn(news: News, now: number): void {
    if (news.board !== this.#board) {
      if (this.#board !== undefined) tellAnew(this.places, now);
    } else if (news.version <= this.#version) return;
    this.#board = news.board;
    this.#version = news.version;
    learn(this.places, news, now);
  }

  /** What is answered in time; `undefined` where it fails or is late. */
  async #within<T>(milliseconds: number, ask: () => Promise<T>): Promise<T | undefined> {
    const answer = (async () => ask())().catch(() => undefined);
    return Promise.race([answer, this.#options.sleep(milliseconds).then(() => undefined)]);
  }
}

/** One object for the deployment: a message a second of each isolate is little, and there is one truth about who may probe. */
export const sharedBy = (namespace: DurableObjectNamespace<HealthBoard>, options: Omit<SharedHealthOptions, 'board'>): SharedHealth =>
  new SharedHealth({ ...options, board: () => namespace.getByName('board') });

/** The shared health with the place behind one request's answer. */
class RequestHealth implements Health {
  readonly #shared: SharedHealth;
  readonly #after: After;

  constructor(shared: SharedHealth, after: After) {
    this.#shared = shared;
    this.#after = after;
  }

  of(place: Place): TargetHealth {
    return this.#shared.places.of(place);
  }

  headroom(place: Place, capacity?: Capacity): Headroom | undefined {
    return this.#shared.places.headroom(place, capacity);
  }

  admit(place: Place): Admission | Promise<Admission> {
    this.#shared.ask(this.#after);
    const admission = this.#shared.places.admit(place);
    return admission === 'probe' ? this.#shared.mayProbe(place) : admission;
  }

  begin(place: Place, settings: BreakerSettings, admission: Admission, tokens?: number, output?: number): Try {
    return this.#shared.places.begin(place, settings, admission, tokens, output, () => this.#shared.noted(place, this.#after));
  }

  retryAt(place: Place): number | undefined {
    return this.#shared.places.retryAt(place);
  }

  lastError(place: Place) {
    return this.#shared.places.lastError(place);
  }

  takeRetry(model: string): boolean {
    return this.#shared.places.takeRetry(model);
  }

  call(model: string): void {
    this.#shared.places.call(model);
  }
}
