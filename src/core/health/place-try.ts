import type { ErrorCode, GatewayError } from '../errors.ts';
import type { Admission, BreakerSettings, Try } from '../health.ts';
import type { Clock } from '../ports.ts';
import type { Change, Entry } from './breaker.ts';
import { bearingOf, restFor } from './counts.ts';
import type { PlaceRecord } from './place-record.ts';

export interface TryTools {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Called when a try is over, and before that where it has changed how the place stands. */
  readonly noted?: (() => void) | undefined;
}

/** What a call may take of a place's limits: all of it, and how much of that its answer. */
export interface Estimate {
  readonly tokens: number;
  readonly output: number;
}

/** One try, and all that it tells of its place: it is the breaker's entry itself, so that a call costs one object. */
export class PlaceTry implements Try, Entry {
  turn: number;
  readonly probe: number;
  readonly #record: PlaceRecord;
  readonly #settings: BreakerSettings;
  readonly #tools: TryTools;
  readonly #startedAt: number;
  readonly #tokens: number;
  readonly #output: number | undefined;
  #beganAt: number | undefined;
  /** Too slow: it has counted as failed, and so can neither fail nor succeed again. */
  #counted = false;
  #over = false;

  constructor(
    record: PlaceRecord,
    settings: BreakerSettings,
    admission: Admission,
    tools: TryTools,
    tokens: number,
    output: number | undefined,
  ) {
    const now = tools.clock.now();
    this.#record = record;
    this.#settings = settings;
    this.#tools = tools;
    this.#startedAt = now;
    this.#tokens = tokens;
    this.#output = output;
    this.turn = record.breaker.turnOf(admission);
    this.probe = record.breaker.probeOf(admission, now);
    record.settings = settings;
    record.seenAt = now;
    record.inFlight += 1;
    record.limits.sent(tokens, now);
  }

  heard(headers: Headers): void {
    if (!this.#over) this.#record.limits.heard(headers, this.#tools.clock.now());
  }

  began(): void {
    if (this.#over || this.#beganAt !== undefined) return;
    this.#began(this.#tools.clock.now());
    // The rest of an answer may take minutes.
    if (this.#record.change !== undefined) this.#tools.noted?.();
  }

  ended(outputTokens: number | undefined): void {
    const now = this.#end();
    if (now === undefined) return;
    const { latency, breaker } = this.#record;
    const tokens = outputTokens !== undefined && outputTokens >= 0 && Number.isFinite(outputTokens) ? outputTokens : undefined;
    if (this.#beganAt === undefined) latency.noteWhole(now - this.#startedAt, tokens, now);
    if (tokens !== undefined) {
      if (this.#beganAt !== undefined) latency.notePace(tokens, now - this.#startedAt, now - this.#beganAt);
      if (this.#output !== undefined) this.#record.limits.corrected(tokens - this.#output, this.#startedAt);
    }
    if (!this.#counted) {
      this.#record.good += 1;
      this.#note(breaker.succeeded(this, this.#settings, now));
    }
    this.#tools.noted?.();
  }

  failed(error: GatewayError): void {
    const now = this.#end();
    if (now === undefined) return;
    const { breaker, limits, isOwn } = this.#record;
    // What was refused was not worked on.
    if (this.#beganAt === undefined) limits.corrected(-this.#tokens, this.#startedAt);
    switch (this.#counted ? 'nothing' : bearingOf(error, isOwn)) {
      case 'failure':
        this.#fail(error.code, now);
        break;
      case 'credential':
        this.#note(breaker.refusedCredential(this, this.#settings, error.code, now, this.#tools.random));
        break;
      case 'rest':
        this.#release();
        breaker.rest(restFor(error.details.retryAfter), now);
        this.#record.hasRested = true;
        break;
      default:
        this.#release();
    }
    this.#tools.noted?.();
  }

  left(): void {
    if (this.#end() === undefined) return;
    this.#release();
    this.#tools.noted?.();
  }

  #began(now: number): void {
    this.#beganAt = now;
    const waited = now - this.#startedAt;
    this.#record.latency.note(waited, now);
    if (waited > (this.#settings.slow ?? Number.POSITIVE_INFINITY)) {
      this.#counted = true;
      this.#fail('upstream_timeout', now);
    } else if (this.probe !== 0) this.#note(this.#record.breaker.began(this, now));
  }

  #fail(code: ErrorCode, now: number): void {
    this.#record.failed += 1;
    this.#note(this.#record.breaker.failed(this, this.#settings, code, now, this.#tools.random));
  }

  #release(): void {
    if (this.#record.breaker.release(this)) this.#record.hasReleased = true;
  }

  #note(change: Change): void {
    if (change !== undefined) this.#record.change = change;
  }

  /** When it ended; `undefined` where it had before. */
  #end(): number | undefined {
    if (this.#over) return undefined;
    this.#over = true;
    this.#record.inFlight -= 1;
    return this.#tools.clock.now();
  }
}
