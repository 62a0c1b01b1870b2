import type { ErrorCode } from '../errors.ts';
import type { Admission, BreakerSettings, BreakerState } from '../health.ts';
import { RollingWindow } from './window.ts';

/** Milliseconds after which a probe that nobody ended counts as lost: another one may go. */
export const PROBE_LEASE = 60_000;
/** Milliseconds for which the right to probe waits for who has it to begin. */
const UNBEGUN = 1_000;
/** Milliseconds after which to ask again while a probe is out. */
const WHILE_PROBED = 1_000;
/** Lengths of windows that are kept beside each other: models may look back on the same place by different ones. */
const WINDOWS = 4;
/** Part of a cooldown by which chance moves it either way, so that isolates do not come back at one moment. */
const JITTER = 0.1;
/** Doublings after which any cooldown has reached its bound. */
const MOST_DOUBLINGS = 30;

/** What a try carries of the breaker it began under. */
export interface Entry {
  /** How often the breaker had opened or closed: what began before says nothing of now. */
  turn: number;
  /** Which probe it is; 0 where it is none. */
  readonly probe: number;
}

/** A change that others must hear of. */
export type Change = 'opened' | 'closed' | undefined;

/** How a breaker stands, told in durations: clocks of different machines need not agree. */
export interface Standing {
  readonly open: boolean;
  /** Milliseconds until it may be tried again, where it is open. */
  readonly openFor: number;
  /** Milliseconds for which it is left alone because it asked for it. */
  readonly restFor: number;
  readonly failedProbes: number;
  readonly why?: ErrorCode;
}

/**
 * Whether one place may be asked. Closed, until it fails too often; then open for a while; then half-open, where exactly
 * one call is let through. That call's first content closes it, before its answer is whole: an answer may take minutes.
 */
export class Breaker {
  /** What it failed with last. */
  why: ErrorCode | undefined;
  /** When it came to stand as it does. */
  since: number;
  /** Failures in a row. */
  run = 0;
  #turn = 1;
  /** When it may be tried again; `undefined` where it is closed. */
  #openUntil: number | undefined;
  #restUntil = 0;
  #failedProbes = 0;
  /** The last probe, when it counts as lost, and 0 once it is over. */
  #probe = 0;
  #probeUntil = 0;
  /** The probe whose first content closed it, until an answer has been whole. */
  #closedBy = 0;
  #windows: RollingWindow[] = [];

  constructor(now: number) {
    this.since = now;
  }

  state(now: number): BreakerState {
    if (now < this.#restUntil) return 'open';
    if (this.#openUntil === undefined) return 'closed';
    return now < this.#openUntil ? 'open' : 'half-open';
  }

  get isClosed(): boolean {
    return this.#openUntil === undefined;
  }

  retryAt(now: number): number | undefined {
    const until = Math.max(this.#restUntil, this.#openUntil ?? 0);
    if (until > now) return until;
    return this.#isProbed(now) ? Math.min(this.#probeUntil, now + WHILE_PROBED) : undefined;
  }

  /** Why it is not asked, where it is not. */
  reason(now: number): ErrorCode | undefined {
    if (this.#openUntil !== undefined) return this.why;
    return now < this.#restUntil ? 'upstream_rate_limited' : undefined;
  }

  admit(now: number): Admission {
    if (now < this.#restUntil) return 'refused';
    if (this.#openUntil === undefined) return 'go';
    if (now < this.#openUntil || this.#isProbed(now)) return 'refused';
    this.#probe += 1;
    this.#probeUntil = now + UNBEGUN;
    return 'probe';
  }

  /** The probe is over, wherever it was. */
  settle(): void {
    this.#probeUntil = 0;
  }

  /** Gives back the right to probe, where somebody else has it: nobody here asks again for so many milliseconds. */
  yield(now: number, milliseconds: number): void {
    this.#probeUntil = 0;
    if (this.#openUntil !== undefined) this.#openUntil = Math.max(this.#openUntil, now + milliseconds);
  }

  /** The turn that a try belongs to; one that was not to be made belongs to none. */
  turnOf(admission: Admission): number {
    return admission === 'probe' || this.#openUntil === undefined ? this.#turn : 0;
  }

  /** Which probe begins now, if it is one. One that begins too late for its right to it is none. */
  probeOf(admission: Admission, now: number): number {
    if (admission !== 'probe' || !this.#isProbed(now)) return 0;
    this.#probeUntil = now + PROBE_LEASE;
    return this.#probe;
  }

  /** First content, in time. */
  began(entry: Entry, now: number): Change {
    if (!this.#isProbe(entry)) return undefined;
    this.#close(now);
    this.#closedBy = entry.probe;
    entry.turn = this.#turn;
    return 'closed';
  }

  /** A whole answer. */
  succeeded(entry: Entry, settings: BreakerSettings, now: number): Change {
    const change = this.began(entry, now);
    if (change === undefined && !this.#counts(entry)) return undefined;
    this.#whole();
    this.#windowOf(settings.window).add(1, 0, now);
    return change;
  }

  failed(entry: Entry, settings: BreakerSettings, why: ErrorCode, now: number, random: () => number): Change {
    if (this.#isProbe(entry) || this.#betrayed(entry)) return this.#reopen(settings, why, now, random);
    if (!this.#counts(entry)) return undefined;
    return this.count(0, 1, this.run + 1, settings, why, now, random);
  }

  /** Calls of others, or of many: so many good and failed ones, and `run` failures in a row at the end of them. */
  count(good: number, failed: number, run: number, settings: BreakerSettings, why: ErrorCode, now: number, random: () => number): Change {
    if (this.#openUntil !== undefined) return undefined;
    if (good > 0) this.#whole();
    this.run = run;
    const window = this.#windowOf(settings.window);
    window.add(good, failed, now);
    if (failed === 0) return undefined;
    this.why = why;
    if (run >= settings.failures) return this.open(settings, why, now, random);
    const { calls, failed: bad } = window.sum(now);
    return calls >= settings.least && bad / calls >= settings.rate ? this.open(settings, why, now, random) : undefined;
  }

  /** At once: for a credential that is refused, there is nothing to count. */
  refusedCredential(entry: Entry, settings: BreakerSettings, why: ErrorCode, now: number, random: () => number): Change {
    if (this.#isProbe(entry) || this.#betrayed(entry)) return this.#reopen(settings, why, now, random);
    return this.#counts(entry) ? this.open(settings, why, now, random) : undefined;
  }

  /** It answers, and wants to be left alone: neither good nor failed. */
  rest(milliseconds: number, now: number): void {
    if (now >= this.#restUntil && this.#openUntil === undefined) this.since = now;
    this.#restUntil = Math.max(this.#restUntil, now + milliseconds);
  }

  /** A call that says nothing of the place; if it was the probe, another one may go. Returns whether it was. */
  release(entry: Entry): boolean {
    if (!this.#isProbe(entry)) return false;
    this.#probeUntil = 0;
    return true;
  }

  open(settings: Pick<BreakerSettings, 'cooldown' | 'mostCooldown'>, why: ErrorCode, now: number, random: () => number): Change {
    const doublings = Math.min(this.#failedProbes, MOST_DOUBLINGS);
    const cooldown = Math.min(settings.cooldown * 2 ** doublings, Math.max(settings.cooldown, settings.mostCooldown));
    this.#openFor(cooldown * (1 - JITTER + 2 * JITTER * random()), now);
    this.why = why;
    return 'opened';
  }

  /** By an operator, or because others found that it answers. */
  reset(now: number): void {
    this.#close(now);
    this.#restUntil = 0;
    this.#failedProbes = 0;
    this.#closedBy = 0;
  }

  standing(now: number): Standing {
    return {
      open: this.#openUntil !== undefined,
      openFor: Math.max(0, (this.#openUntil ?? now) - now),
      restFor: Math.max(0, this.#restUntil - now),
      failedProbes: this.#failedProbes,
      ...(this.why === undefined ? {} : { why: this.why }),
    };
  }

  /** Comes to stand as another one does. A probe that is out here is let end: what it finds is newer. */
  adopt(told: Standing, now: number): void {
    this.#restUntil = told.restFor === 0 ? Math.min(this.#restUntil, now) : now + told.restFor;
    if (this.#isProbed(now)) return;
    if (told.why !== undefined) this.why = told.why;
    if (told.open) {
      this.#failedProbes = told.failedProbes;
      if (this.#openUntil === undefined) this.#openFor(told.openFor, now);
      else this.#openUntil = now + told.openFor;
    } else if (this.#openUntil !== undefined) this.#close(now);
  }

  #reopen(settings: BreakerSettings, why: ErrorCode, now: number, random: () => number): Change {
    this.#failedProbes += 1;
    this.run += 1;
    return this.open(settings, why, now, random);
  }

  #openFor(milliseconds: number, now: number): void {
    this.#turn += 1;
    this.#openUntil = now + milliseconds;
    this.#probeUntil = 0;
    this.#closedBy = 0;
    this.since = now;
  }

  #close(now: number): void {
    this.#turn += 1;
    this.#openUntil = undefined;
    this.#probeUntil = 0;
    this.run = 0;
    for (const window of this.#windows) window.clear();
    this.since = now;
  }

  #whole(): void {
    this.run = 0;
    this.#failedProbes = 0;
    this.#closedBy = 0;
  }

  #isProbed(now: number): boolean {
    return now < this.#probeUntil;
  }

  /** Whether it is the probe that this waits for, also where it came back after its time and no other has gone. */
  #isProbe({ probe }: Entry): boolean {
    return probe !== 0 && probe === this.#probe && this.#probeUntil !== 0 && this.#openUntil !== undefined;
  }

  /** Whether it is the probe that closed this, which has not kept what it promised. */
  #betrayed({ probe }: Entry): boolean {
    return probe !== 0 && probe === this.#closedBy && this.#openUntil === undefined;
  }

  #counts({ turn }: Entry): boolean {
    return this.#openUntil === undefined && turn === this.#turn;
  }

  #windowOf(width: number): RollingWindow {
    for (const window of this.#windows) if (window.width === width) return window;
    const window = new RollingWindow(width);
    this.#windows = [window, ...this.#windows].slice(0, WINDOWS);
    return window;
  }
}
