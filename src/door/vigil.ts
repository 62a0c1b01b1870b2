import { GatewayError } from '../core/errors.ts';
import type { Identity } from '../core/exchange.ts';
import { runSubject } from '../core/ledger/runs.ts';
import type { Ports } from '../core/ports.ts';
import type { Vigil } from '../core/vigil.ts';

/** Milliseconds between two looks: as long may a call go on after its key was revoked, and some. */
const EVERY = 1_000;
/** Milliseconds by which clocks of two places may differ. */
const SLACK = 1_000;

export interface VigilOptions {
  readonly ports: Ports;
  readonly who: Identity;
  readonly run: string | undefined;
  /** What is watched has no end of its own: it ends with the grant of its caller, also where nobody has revoked that. */
  readonly endless?: true;
  /** Who it is now; `undefined` where the credential holds no more. */
  renewed(who: Identity): Promise<Identity | undefined>;
}

/** Looks once a second whether a call may go on; answers that are shorter cost nothing. */
export class CallVigil implements Vigil {
  readonly #options: VigilOptions;
  #who: Identity;
  #lookedAt: number;
  #isLooking = false;
  #verdict: GatewayError | undefined;
  /** When the grant of the caller's token ends by itself, once that was asked. */
  #grantEnds: number | undefined;

  constructor(options: VigilOptions) {
    this.#options = options;
    this.#who = options.who;
    this.#lookedAt = options.ports.clock.now();
  }

  verdict(): GatewayError | undefined {
    const { clock, after } = this.#options.ports;
    const now = clock.now();
    if (this.#verdict === undefined && !this.#isLooking && now - this.#lookedAt >= EVERY) {
      this.#lookedAt = now;
      this.#isLooking = true;
      after(this.look());
    }
    return this.#verdict;
  }

  /** Finds out now what the verdict is. Never rejects. */
  async look(): Promise<GatewayError | undefined> {
    try {
      // Each may not be found out for itself: then the answer goes on, since it was let through once.
      const [ended, barred] = await Promise.all([this.#ended().catch(() => undefined), this.#barred().catch(() => undefined)]);
      this.#verdict ??= ended ?? barred;
    } finally {
      this.#isLooking = false;
    }
    return this.#verdict;
  }

  /** What has become of the caller's access token, by whom it was given out. */
  async #ended(): Promise<GatewayError | undefined> {
    const { ports, who, endless } = this.#options;
    const { token } = who;
    if (token === undefined || ports.accessTokens === undefined) return undefined;
    // What was begun in time comes to its end: then there is nothing left that could be revoked.
    const isOver = (end: number) => endless !== true && ports.clock.now() >= end - SLACK;
    if (this.#grantEnds !== undefined && isOver(this.#grantEnds)) return undefined;
    const ends = await ports.accessTokens.holds(token);
    if (ends === undefined) return isOver(this.#grantEnds ?? token.expiresAt) ? undefined : revokedToken();
    this.#grantEnds = ends;
    return undefined;
  }

  async #barred(): Promise<GatewayError | undefined> {
    const { ports, run, renewed } = this.#options;
    const pulse = await ports.pulse?.(this.#who.org);
    if (pulse === undefined) return undefined;
    if (isStopped(pulse.stopped, this.#who, run)) return stoppedRun();
    if (pulse.generation <= (this.#who.generation ?? 0)) return undefined;
    const who = await renewed(this.#who);
    if (who === undefined) return new GatewayError('invalid_key', 'The gateway key was revoked while the answer came.');
    this.#who = who;
    return undefined;
  }
}

/** Throws `run_stopped` where the run of a call that is about to begin was stopped. */
export async function checkRun({ pulse }: Ports, who: Identity, run: string): Promise<void> {
  // Where it cannot be asked nobody is kept out by it: only what has limits depends on the ledger.
  const found = await Promise.resolve(pulse?.(who.org)).catch(() => undefined);
  if (found !== undefined && isStopped(found.stopped, who, run)) throw stoppedRun();
}

const isStopped = (stopped: readonly string[], who: Identity, run: string | undefined) =>
  run !== undefined && stopped.length > 0 && stopped.includes(runSubject(who.app, run));

const revokedToken = () => new GatewayError('invalid_key', 'The access token was revoked while the answer came.');
const stoppedRun = () => new GatewayError('run_stopped', 'The operator has stopped this run.');
