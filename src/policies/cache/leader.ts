import type { Collector } from '../../core/cache/collector.ts';
import { type Flight, interruptedFlight, type Landing, SIGN_EVERY } from '../../core/cache/flight.ts';
import type { AnswerCache } from '../../core/cache/port.ts';
import type { StoredAnswer } from '../../core/cache/stored-answer.ts';
import type { ErrorCode } from '../../core/errors.ts';
import type { Chunk, Exchange } from '../../core/exchange.ts';
import type { Outcome } from '../../core/policy.ts';
import type { CacheSettings } from './settings.ts';

export interface Leading {
  readonly settings: CacheSettings;
  readonly exchange: Exchange;
  readonly answers: AnswerCache;
  readonly key: string;
  readonly flightKey: string;
  readonly flight: Flight;
  /** Whom the key names: an answer of anybody else is not kept under it. */
  readonly model: string;
  /** The model's name as the caller says it. */
  readonly asked: string;
  readonly dialect: string;
  readonly isStream: boolean;
  /** Whether the caller has said how long it waits. */
  readonly hasOwnTime: boolean;
  readonly collector: Collector;
}

/** Failures that are the caller's own, and say nothing of others who ask for the same. */
const OWN: ReadonlySet<ErrorCode> = new Set([
  'rate_limited',
  'budget_exceeded',
  'run_stopped',
  'invalid_key',
  'not_allowed',
  'overloaded',
  'internal',
]);

/** The one call that is sent to its provider, and what it leaves for the others. */
export class Leader {
  readonly #leading: Leading;
  readonly #askedAt: number;
  readonly #signing: ReturnType<typeof setInterval>;
  readonly #over = Promise.withResolvers<void>();
  #hasEnded = false;
  /** Its answer, where that was kept. */
  kept: StoredAnswer | undefined;

  constructor(leading: Leading) {
    const { exchange, flight } = leading;
    this.#leading = leading;
    this.#askedAt = exchange.ports.clock.now();
    this.#signing = setInterval(() => flight.sign(), SIGN_EVERY);
    // Where the platform ends a call whose caller has left, those that follow must still be told.
    exchange.ports.after(this.#over.promise);
  }

  get isWanted(): boolean {
    const { flight } = this.#leading;
    return !this.#hasEnded && flight.hasContent && flight.followers > 0;
  }

  served(model: string): void {
    this.#leading.flight.servedModel = model;
  }

  add(chunk: Chunk): void {
    const { collector, flight, isStream, answers, flightKey } = this.#leading;
    collector.add(chunk);
    if (collector.isTooLarge) answers.flights.close(flightKey, flight);
    if (!isStream) return;
    // What nobody may join is gathered for those who have joined, and for nobody else.
    if (!collector.isTooLarge || flight.followers > 0) flight.add(chunk);
  }

  end(outcome: Outcome): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearInterval(this.#signing);
    const { answers, flightKey, flight } = this.#leading;
    this.#keep(outcome);
    answers.flights.close(flightKey, flight);
    flight.servedModel ??= outcome.servedModel;
    flight.land(this.#landing(outcome));
    this.#over.resolve();
  }

  /** What its own target has said to the end may be given again. */
  #keep({ status, servedModel, usage, cost, loss = [] }: Outcome): void {
    const { collector, settings, exchange, answers, key, model, asked, dialect } = this.#leading;
    if (status !== 'complete' || !collector.isWhole || servedModel !== model) return;
    const { who, ports } = exchange;
    const at = ports.clock.now();
    this.kept = {
      of: { org: who.org, app: who.app, model: asked, tags: settings.tags },
      askedAt: this.#askedAt,
      at,
      until: at + (settings.ttl + settings.stale) * 1_000,
      chunks: [...collector.chunks],
      bytes: collector.bytes,
      servedModel,
      ...(usage === undefined ? {} : { usage }),
      ...(cost === undefined ? {} : { cost }),
      loss,
      ...(collector.isOfOneDialect ? { dialect } : {}),
    };
    answers.put(key, this.kept);
  }

  #landing({ status, error }: Outcome): Landing {
    const { collector, flight, isStream, exchange, hasOwnTime } = this.#leading;
    if (status === 'complete' && isStream) return 'whole';
    // An answer that this caller's limits may have cut short is not the others'.
    const isOthers = !collector.isSpoiled && !collector.isTooLarge && !(collector.isCut && exchange.hold !== undefined);
    if (status === 'complete') {
      if (!isOthers) return 'left';
      for (const chunk of collector.chunks) flight.add(chunk);
      return 'whole';
    }
    if (flight.hasContent) return { error: error ?? interruptedFlight() };
    const isOwn = error === undefined || status === 'aborted' || OWN.has(error.code) || (hasOwnTime && error.code === 'upstream_timeout');
    return isOwn ? 'left' : { error };
  }
}
