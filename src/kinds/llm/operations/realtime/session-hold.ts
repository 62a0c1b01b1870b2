import { type Cost, modelAt } from '../../../../catalogue/cost.ts';
import type { Usage } from '../../../../core/chat.ts';
import type { CallHold, Foreseen } from '../../../../core/hold.ts';
import { addUsd } from '../../../../core/money.ts';
import type { Plan } from '../../../../core/plan.ts';
import type { Clock } from '../../../../core/ports.ts';
import { nameOf, type Target } from '../../../../core/strategy.ts';
import { chargeFor } from '../meter.ts';
import { plannedProvider } from '../upstream.ts';
import { Turns } from './turns.ts';
import type { SessionMeter } from './usage.ts';

/** Where a model's card says nothing: those of OpenAI's realtime models, of which the larger ones answer at more length. */
const CONTEXT = 32_000;
const OUTPUT = 4_096;
const LONG_OUTPUT = 32_000;
/** Tokens of input that are held for beyond those that came: more than a minute and a half of speech. */
const MARGIN = 1_000;
/** Seconds of a session that are held for at once. */
const SECONDS = 60;

/** What a session has come to, and what of it nobody said. */
export interface SessionUsage {
  readonly usage: Usage;
  readonly cost: Partial<Cost>;
}

export interface SessionParts {
  readonly hold: CallHold;
  readonly plan: Plan;
  readonly target: Target;
  readonly meter: SessionMeter;
  readonly clock: Clock;
  /** Milliseconds for which a hold lives without a word. */
  readonly ttl: number;
}

/**
 * A session under limits. At every moment all that it has come to is held, and for each response that is being made or
 * may begin, what that one may come to: input as long as the conversation is, output as long as the model's longest. It
 * is held for before the frame that could start it passes.
 */
export class SessionHold {
  readonly #parts: SessionParts;
  readonly #turns = new Turns();
  readonly #openedAt: number;
  #renewedAt: number;
  /** What is held for: responses, tokens of input of each, seconds. */
  #held = { responses: 0, input: 0, seconds: 0 };
  /** One after the other; once one was refused, all are. */
  #taking: Promise<void> = Promise.resolve();

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#openedAt = this.#renewedAt = parts.clock.now();
  }

  /** Before the provider is asked for a connection. Throws what `CallHold.take` throws. */
  take(): Promise<void> {
    this.#taking = this.#taking.then(() => this.#takeNow());
    return this.#taking;
  }

  /** Until nothing is asked of the ledger any more: what is settled must not be held for again. Never rejects. */
  async quiet(): Promise<void> {
    await this.#taking.catch(() => undefined);
  }

  async #takeNow(): Promise<void> {
    const held = {
      responses: Math.max(1, this.#turns.responses),
      input: Math.min(this.#context, this.#turns.input + MARGIN),
      seconds: this.#seconds + SECONDS,
    };
    await this.#parts.hold.take(this.#foreseen(held));
    this.#held = held;
  }

  /** A frame of the caller's: it may pass at once where nothing is returned, or once the promise says so; else the session is over. */
  asked(frame: string | ArrayBuffer): Promise<void> | undefined {
    this.#turns.asked(frame);
    return this.#fits ? undefined : this.take();
  }

  /** A frame of the provider's, which the meter has seen. What it came to is known then, and the next one is held for. */
  heard(frame: string): Promise<void> | undefined {
    const isEnd = this.#turns.heard(frame);
    return isEnd || !this.#fits ? this.take() : undefined;
  }

  /** Now and then. */
  watch(): Promise<void> | undefined {
    const { clock, ttl, hold } = this.#parts;
    const now = clock.now();
    const isLong = this.#held.seconds - this.#seconds < SECONDS / 2;
    if (now - this.#renewedAt < ttl / 3) return isLong ? this.take() : undefined;
    this.#renewedAt = now;
    const renewed = hold.renew();
    return isLong ? renewed.then(() => this.take()) : renewed;
  }

  /** All that it came to. A response that was cut off is billed as far as it came, and nobody says what that is. */
  get total(): SessionUsage {
    const spent = this.#spent;
    const { responses, input, unfinishedOutput: output } = this.#turns;
    const seconds = this.#seconds;
    if (responses === 0) return { usage: { ...spent, seconds }, cost: this.#cost({ ...spent, seconds }) };
    const cut = { input: responses * Math.min(this.#context, input), output };
    const usage = { ...spent, seconds, input: spent.input + cut.input, output: spent.output + cut.output, estimated: true };
    return { usage, cost: this.#sum({ ...spent, seconds }, spoken(cut)) };
  }

  get #seconds(): number {
    return Math.ceil((this.#parts.clock.now() - this.#openedAt) / 1000);
  }

  get #fits(): boolean {
    return Math.max(1, this.#turns.responses) <= this.#held.responses && Math.min(this.#context, this.#turns.input) <= this.#held.input;
  }

  get #spent(): Usage {
    return this.#parts.meter.usage ?? { input: 0, output: 0 };
  }

  get #card() {
    const { plan, target, clock } = this.#parts;
    return modelAt(plannedProvider(plan, target.provider), target.model, clock.now());
  }

  get #context(): number {
    return this.#card?.card.context ?? CONTEXT;
  }

  #foreseen({ responses, input, seconds }: { readonly responses: number; readonly input: number; readonly seconds: number }): Foreseen {
    const spent = this.#spent;
    const output = this.#card?.card.maxOutput ?? (this.#context > CONTEXT ? LONG_OUTPUT : OUTPUT);
    // What the caller says may be transcribed too, which is charged as input once more.
    const next = { input: responses * input + this.#turns.added, output: responses * output };
    const usage = { ...spent, input: spent.input + next.input, output: spent.output + next.output, seconds };
    const { target } = this.#parts;
    return { provider: target.provider, model: nameOf(target), usage, ...this.#sum({ ...spent, seconds }, spoken(next)) };
  }

  /** Seconds are charged for where the model has a price for them, and otherwise only counted. */
  #cost(usage: Usage): Partial<Cost> {
    const { plan, target, clock } = this.#parts;
    const { seconds: _seconds, ...tokens } = usage;
    const isTimed = this.#card?.price?.perSecond !== undefined;
    return chargeFor(plan, target, isTimed ? usage : tokens, clock.now());
  }

  /** Two parts are priced apart: rates that depend on the length of one request would take both for one. */
  #sum(spent: Usage, next: Usage): Partial<Cost> {
    const [before, after] = [this.#cost(spent), this.#cost(next)];
    if (before.cost === undefined || after.cost === undefined) return {};
    return { ...after, cost: addUsd(before.cost, after.cost) };
  }
}

/** As if all of it were spoken, which is dearer than text. */
const spoken = ({ input, output }: { readonly input: number; readonly output: number }): Usage => ({
  input,
  output,
  audioInput: input,
  audioOutput: output,
});
