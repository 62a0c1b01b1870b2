import type { ErrorCode } from '../errors.ts';
import type { Json, JsonObject } from '../json.ts';
import { nameOf, type Target } from '../strategy.ts';
import { asciiJson, shortened, type ToldDecision } from './told.ts';

/** One target that was thought of. */
interface Considered {
  readonly target: Target;
  /** Why it stands where it does. */
  why?: string;
  /** Why it is not asked, whatever fails. */
  out?: string;
  /** The virtual model that it stands for, among the options of another. */
  model?: string;
}

/** One try, as it is told of. */
export interface Attempted {
  readonly target: Target;
  readonly credential: string;
  /** Milliseconds from the decision to its beginning, and from there to its answer or failure. */
  readonly at: number;
  readonly ms: number;
  /** `skipped`: it was not asked, because it has failed lately. */
  readonly outcome: 'answered' | 'skipped' | 'left' | ErrorCode;
  readonly status?: number;
  /** Why it was skipped: what it failed with last. */
  readonly why?: ErrorCode;
  /** It was asked to find out whether it may be asked again. */
  readonly probe?: true;
  /** What makes it another than the next in line. */
  readonly as?: 'hedge' | 'resume';
}

/** What the row of a call says as well as a decision would. */
const PLAIN: ReadonlySet<string> = new Set(['answered', 'left', 'rate_limited', 'budget_exceeded'] satisfies Attempted['outcome'][]);
/** What the one credential of a provider is called. */
const ONLY: ReadonlySet<string> = new Set(['key', 'own']);

/** How a call found its way: what was thought of, what filtered or ordered it, and what was tried. Written as it happens. */
export class Decision {
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly #model: string;
  readonly #strategies: string[] = [];
  readonly #considered: Considered[] = [];
  readonly #attempts: Attempted[] = [];
  #notes: { [note: string]: Json } | undefined;
  #ordered: readonly Target[] | undefined;
  #isDrawn = false;

  constructor(model: string, startedAt: number) {
    this.#model = model;
    this.startedAt = startedAt;
  }

  /** A strategy has ordered some of the targets; nested ones come before what holds them. */
  by(strategy: string): void {
    this.#strategies.push(strategy);
  }

  explain(target: Target, why: string): void {
    this.#of(target).why = why;
  }

  drop(target: Target, reason: string): void {
    this.#of(target).out = reason;
  }

  /** A strategy is shown this target in the place of a virtual model. */
  standsFor(target: Target, model: string): void {
    this.#of(target).model = model;
  }

  /** The targets that are asked, in this order. */
  order(targets: readonly Target[]): void {
    this.#ordered = targets;
  }

  /** Chance has a part in it: the same call may be answered elsewhere. */
  drawn(): void {
    this.#isDrawn = true;
  }

  tried(attempt: Attempted): void {
    this.#attempts.push(attempt);
  }

  /** A fact besides: how difficult a call was found, what a rule said. */
  note(name: string, value: Json): void {
    this.#notes ??= {};
    this.#notes[name] = value;
  }

  get attempts(): readonly Attempted[] {
    return this.#attempts;
  }

  /** Whether there was nothing to decide and nothing failed: the row of the call says it all. */
  get isPlain(): boolean {
    if (this.#strategies.length > 0 || this.#considered.length > 0 || this.#attempts.length > 1 || this.#notes !== undefined) return false;
    const [only] = this.#attempts;
    return only === undefined || (PLAIN.has(only.outcome) && ONLY.has(only.credential));
  }

  /**
   * As readers get it, of at most `MOST_DECISION` bytes however it is escaped. Lists that are too long are cut, and `more`
   * says by how many; of the attempts the last one stays.
   */
  toJson(): JsonObject {
    return shortened(this.#told());
  }

  /** Likewise, as a header may have it: visible ASCII. */
  toHeader(): string {
    return asciiJson(this.toJson());
  }

  #told(): ToldDecision {
    const order = this.#ordered ?? [];
    // What a strategy has placed and nobody has dropped stands for no model that is asked.
    const absence = this.#ordered === undefined ? undefined : 'left out with its model';
    const others = this.#considered.filter(({ target }) => !order.includes(target));
    const candidates = order.map((target) => lineOf(target, this.#considered.find((each) => each.target === target)?.why, undefined));
    const models: ToldDecision['models'][number][] = [];
    for (const { target, model, why, out } of others) {
      if (model === undefined) candidates.push(lineOf(target, why, out ?? absence));
      else models.push({ model, why, out });
    }
    return {
      model: this.#model,
      strategies: this.#strategies,
      models,
      candidates,
      attempts: this.#attempts.map(({ target, credential, at, ms, outcome, status, why, probe, as }) => {
        const named = ONLY.has(credential) ? undefined : credential;
        return { target: nameOf(target), credential: named, at, ms, outcome, status, why, probe, as };
      }),
      random: this.#isDrawn ? true : undefined,
      notes: this.#notes,
    };
  }

  #of(target: Target): Considered {
    const known = this.#considered.find((each) => each.target === target);
    if (known !== undefined) return known;
    const made: Considered = { target };
    this.#considered.push(made);
    return made;
  }
}

/** What it is, and its own name beside it where it has one. */
const lineOf = (target: Target, why: string | undefined, out: string | undefined) => ({
  target: nameOf(target),
  name: target.name,
  why,
  out,
});
