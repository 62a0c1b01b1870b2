import { GatewayError } from '../core/errors.ts';
import type { Plan } from '../core/plan.ts';
import type { Clock, Secrets } from '../core/ports.ts';
import { compile } from './compile.ts';
import type { Rolls } from './rolls.ts';

/** Where published revisions are read. Implemented in `state/`. */
export interface RevisionReader {
  /** The revision to serve now; 0 is the bundled document. One row. */
  pointer(): Promise<number>;
  /** A revision's document; `undefined` where there is none. */
  document(revision: number): Promise<unknown>;
}

export interface PlanSourceOptions {
  /** Revision 0. */
  readonly bundled: unknown;
  readonly local: boolean;
  readonly rolls: Rolls;
  readonly clock: Clock;
  readonly secrets?: Secrets;
  /** Absent: revision 0 is all there is. */
  readonly revisions?: RevisionReader;
  /** Told once of every revision that is not fit to serve, and of look-ups that fail. */
  readonly log?: (message: string, cause: unknown) => void;
}

/** Keeps work alive after the response: `ports.after`. */
export type After = (work: Promise<unknown>) => void;

/** Milliseconds between two look-ups of an isolate. */
const REFRESH_EVERY = 2_000;
/** Milliseconds a request waits for the first look-up of its isolate. */
const FIRST_WAIT = 1_000;
/** Milliseconds after which a look-up counts as lost: the request it ran in may have been cancelled. */
const LOST_AFTER = 10_000;

/**
 * The plan an isolate serves from: in memory, stale while it is looked up again. A revision that does not compile, and
 * a database that does not answer, leave the last good plan where it is.
 */
export class PlanSource {
  readonly #options: PlanSourceOptions;
  #plan: Plan | undefined;
  /** Why there is no plan: the bundled document itself has faults. */
  #fault: unknown;
  /** Counts look-ups begun and plans taken over, so that a late look-up does not undo what came after it. */
  #turn = 0;
  #looked: boolean;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #flight: { readonly since: number; readonly done: Promise<void> } | undefined;
  /** The revision that was found unfit, so that it is neither compiled nor logged again. */
  #unfit: number | undefined;
  #failing = false;

  constructor(options: PlanSourceOptions) {
    this.#options = options;
    this.#looked = options.revisions === undefined;
    try {
      this.#plan = this.compile(options.bundled, 0);
    } catch (thrown) {
      this.#fault = thrown;
      options.log?.('The bundled configuration is not valid', thrown);
    }
  }

  /** The bundled document. */
  get bundled(): unknown {
    return this.#options.bundled;
  }

  /** Without I/O. Throws `internal` where no revision has ever been fit to serve. */
  current(): Plan {
    if (this.#plan === undefined) {
      throw new GatewayError(
        'internal',
        'The gateway has no valid configuration. The operator publishes one, or corrects the bundled one.',
        {
          cause: this.#fault,
        },
      );
    }
    return this.#plan;
  }

  /** Compiles a document as this deployment would serve it. Throws `config_invalid`. */
  compile(document: unknown, revision: number): Plan {
    const { local, rolls, secrets } = this.#options;
    return compile(document, { revision, local, rolls, ...(secrets === undefined ? {} : { secrets }) });
  }

  /**
   * To be called as a request arrives. Usually starts at most a look-up behind the request and returns nothing; before
   * an isolate's first look-up is done it returns what the request should wait for, a second at most.
   */
  prepare(after: After): Promise<void> | undefined {
    if (this.#options.revisions === undefined) return undefined;
    const due = this.#options.clock.now() - this.#lookedAt >= REFRESH_EVERY;
    if (this.#looked && !due) return undefined;
    const flight = this.#startFlight();
    after(flight);
    return this.#looked ? undefined : this.#firstLook(flight);
  }

  /** Looks once, now. Never rejects: what fails is logged, and the plan stays. */
  async refresh(): Promise<Plan> {
    await this.#startFlight();
    return this.current();
  }

  /** Serves a plan that has just been published here, without waiting for a look-up. */
  adopt(plan: Plan): void {
    this.#turn += 1;
    this.#plan = plan;
    this.#looked = true;
  }

  #startFlight(): Promise<void> {
    const now = this.#options.clock.now();
    if (this.#flight !== undefined && now - this.#flight.since < LOST_AFTER) return this.#flight.done;
    const flight = { since: now, done: this.#look().finally(() => this.#land(flight)) };
    this.#flight = flight;
    this.#lookedAt = now;
    return flight.done;
  }

  #land(flight: { readonly since: number }): void {
    if (this.#flight === flight) this.#flight = undefined;
    this.#looked = true;
  }

  /** The wait has its own timer in the waiting request: the look-up may belong to another one that is gone. */
  async #firstLook(flight: Promise<void>): Promise<void> {
    let stop = (): void => undefined;
    const deadline = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, FIRST_WAIT);
      stop = () => clearTimeout(timer);
    });
    await Promise.race([flight, deadline]);
    stop();
    this.#looked = true;
  }

  async #look(): Promise<void> {
    this.#turn += 1;
    const turn = this.#turn;
    try {
      const plan = await this.#newer();
      if (plan !== undefined && turn === this.#turn) this.#plan = plan;
      this.#failing = false;
    } catch (thrown) {
      if (!this.#failing) this.#options.log?.('The configuration could not be looked up; the last good revision stays', thrown);
      this.#failing = true;
    }
  }

  /** The plan the pointer names, unless it is the one in memory or one that is known to be unfit. */
  async #newer(): Promise<Plan | undefined> {
    const { revisions, bundled, log } = this.#options;
    if (revisions === undefined) return undefined;
    const revision = await revisions.pointer();
    if (revision === this.#plan?.revision || revision === this.#unfit) return undefined;
    const document = revision === 0 ? bundled : await revisions.document(revision);
    try {
      const plan = this.compile(document, revision);
      this.#unfit = undefined;
      return plan;
    } catch (thrown) {
      this.#unfit = revision;
      log?.(`Revision ${revision} of the configuration is not fit to serve; the last good revision stays`, thrown);
      return undefined;
    }
  }
}
