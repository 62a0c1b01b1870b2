import { type AttemptLimits, type AttemptTools, type Candidate, type Walked, walk } from '../../core/attempt.ts';
import type { LlmCall } from '../../core/call.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Try } from '../../core/health.ts';
import type { Foreseen } from '../../core/hold.ts';
import type { Plan, PlanHedge } from '../../core/plan.ts';
import { hedgedWalk, type Runner, type RunnerAttempt } from '../../core/routing/hedge.ts';
import type { Target } from '../../core/strategy.ts';
import type { Continued } from './continued.ts';
import { foresee } from './limits/foresee.ts';
import { hedgeTime, mayRace } from './routing/hedging.ts';
import type { Routed } from './routing/route.ts';

/** One try, and what is known of it before it begins. */
export interface Trial {
  readonly candidate: Candidate;
  readonly trying: Try | undefined;
  /** The output tokens that are held for, where they are fewer than may come. */
  readonly part: number | undefined;
  /** Which of two walks it belongs to, where there are two: it ends when the other one was first. */
  readonly runner?: Runner;
}

/** How one form of answer is asked for. */
export interface Asking<T> {
  attempt(trial: Trial): Promise<T>;
  /** Lets go of an answer that came when another had been first. */
  discard(answer: T): void;
}

export interface WalksOptions {
  readonly call: LlmCall;
  readonly exchange: Exchange;
  readonly plan: Plan;
  readonly routed: Routed;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  readonly continued: Continued;
}

/** The walks of one call over its candidates, each of which is held for before it is asked: limits follow the target that serves. */
export class Walks {
  readonly #options: WalksOptions;

  constructor(options: WalksOptions) {
    this.#options = options;
  }

  async walk<T extends { readonly candidate: Candidate }>(
    candidates: readonly Candidate[],
    signal: AbortSignal,
    asking: Asking<T>,
  ): Promise<Walked<T>> {
    const { routed } = this.#options;
    const tools = this.#tools(signal);
    const walked = await (this.#hedges(candidates)
      ? this.#race(candidates, tools, asking)
      : walk(candidates, this.#limits, tools, this.#held(asking)));
    routed.affinity?.keep(walked.answer.candidate.place);
    return walked;
  }

  /** A walk that goes on with an answer: it is one try beyond the first, whoever answers. */
  resume<T>(
    candidates: readonly Candidate[],
    signal: AbortSignal,
    callFor: (target: Target) => LlmCall,
    attempt: (trial: Trial, call: LlmCall) => Promise<T>,
  ): Promise<Walked<T>> {
    const { exchange, plan } = this.#options;
    return walk(candidates, this.#limits, { ...this.#tools(signal), as: 'resume' }, async (candidate, trying) => {
      const call = callFor(candidate.target);
      const part = await exchange.hold?.take(withoutTools(await foresee(call, candidate.target, plan, exchange)));
      return attempt({ candidate, trying, part }, call);
    });
  }

  get #limits(): AttemptLimits {
    const { routed, deadline } = this.#options;
    const { resolved, size } = routed;
    return {
      model: resolved.name,
      deadline,
      ...(size === undefined ? {} : { tokens: size.input + size.output, output: size.output }),
      ...(routed.isHurried === true ? { isHurried: true } : {}),
    };
  }

  #tools(signal: AbortSignal): AttemptTools {
    const { exchange, routed } = this.#options;
    const { clock, health } = exchange.ports;
    return { clock, signal, sleep, random: Math.random, health, decision: routed.decision };
  }

  #held<T>({ attempt }: Asking<T>): (candidate: Candidate, trying: Try | undefined) => Promise<T> {
    const { hold } = this.#options.exchange;
    if (hold === undefined) return (candidate, trying) => attempt({ candidate, trying, part: undefined });
    return async (candidate, trying) => attempt({ candidate, trying, part: await hold.take(await this.#foresee(candidate)) });
  }

  #foresee({ target }: Candidate): Promise<Foreseen> {
    const { call, plan, exchange } = this.#options;
    return foresee(call, target, plan, exchange);
  }

  #hedges(candidates: readonly Candidate[]): boolean {
    const [first] = candidates;
    return first !== undefined && candidates.length > 1 && this.#hedgeOf(first) !== undefined && mayRace(this.#options.continued);
  }

  /** The innermost model that names a target says so, and the one that was asked for where that one does not. */
  #hedgeOf({ target }: Candidate): PlanHedge | undefined {
    const { routed } = this.#options;
    return routed.rulesOf(target).hedge ?? routed.resolved.hedge;
  }

  /** As `walk`, with a second one beside it where the first target is slow. Both are held for while both are asked. */
  async #race<T>(candidates: readonly Candidate[], tools: AttemptTools, { attempt, discard }: Asking<T>): Promise<Walked<T>> {
    const { hold } = this.#options.exchange;
    const parts = new Map<Candidate, number | undefined>();
    const run: RunnerAttempt<T> = async (candidate, trying, runner) => {
      const part = runner.as === 'hedge' ? parts.get(candidate) : await hold?.take(await this.#foresee(candidate));
      return attempt({ candidate, trying, part, runner });
    };
    const raced = await hedgedWalk(candidates, this.#limits, tools, run, {
      after: (first) => {
        const hedge = this.#hedgeOf(first);
        return hedge === undefined ? undefined : hedgeTime(hedge, first, tools.health, this.#options.call.head.stream);
      },
      admit: async (candidate) => {
        if (hold !== undefined) parts.set(candidate, await hold.beside(await this.#foresee(candidate)));
      },
      discard,
    });
    hold?.only(raced.by === 'hedge' ? 'second' : 'first');
    return raced;
  }
}

/** Tool calls were carried out once, in however many parts the answer comes. */
function withoutTools({ toolCalls: _, ...foreseen }: Foreseen): Foreseen {
  return foreseen;
}

export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
  });
}
