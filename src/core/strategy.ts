import type { z } from 'zod';
import type { Canon, Exchange } from './exchange.ts';
import type { Headroom, TargetHealth } from './health.ts';
import type { JsonObject } from './json.ts';
import type { NanoUsd } from './money.ts';
import type { Awaitable } from './policy.ts';
import type { ModelCard } from './price.ts';
import type { SettingFault } from './target-names.ts';

/** A provider's model as one option of a virtual model. */
export interface Target {
  /** A configured provider's id. */
  readonly provider: string;
  /** The provider's own name of the model. */
  readonly model: string;
  /** What rules and explanations call it; `provider/model` when absent. */
  readonly name?: string;
  /** Relative share for strategies that draw; 1 when absent. */
  readonly weight?: number;
  /** Where it runs, as the operator writes it: `eu`, `eu-west-1`; the provider's when absent. */
  readonly region?: string;
  /** Whether nothing of a call is kept there once it is answered; the provider's when absent. */
  readonly zeroRetention?: boolean;
  /** What is paid for whether it is used or not: throughput that was bought, per minute. */
  readonly capacity?: { readonly tokens?: number; readonly requests?: number };
}

/** Tokens of a call, by estimate: what it sends, and what may come back. */
export interface CallSize {
  readonly input: number;
  readonly output: number;
}

/** What orderings go by, besides the call itself. */
export interface StrategyTools {
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Worked out when it is first asked for. */
  size(): CallSize;
  /** What is known of a target's model; absent for one that no catalogue lists. */
  card(target: Target): ModelCard | undefined;
  /** What this call may cost there; `undefined` where no price is known. */
  cost(target: Target): NanoUsd | undefined;
  /** How it has done lately, of all credentials with which it may be asked the best. */
  health(target: Target): TargetHealth;
  /** What its vendor said is left, or what is left of its own `capacity`; `undefined` where neither is known. */
  headroom(target: Target): Headroom | undefined;
  /** Says why a target stands where it does, for whoever asks to have the decision explained. */
  explain(target: Target, why: string): void;
}

/** Only an ordering: the attempt loop walks what comes back, and that loop is failover and retry. */
export interface Strategy<Name extends string = string, Config = unknown> {
  readonly name: Name;
  readonly config: z.ZodType<Config>;
  /** Settings as an operator may write them: what the laws are tried with and the docs show. At least one. */
  readonly examples: readonly JsonObject[];
  /**
   * What is wrong with settings that the schema cannot say. `names`: every name by which settings may call one of the
   * model's targets (`core/target-names.ts`).
   */
  check?(config: Config, names: ReadonlySet<string>): readonly SettingFault[];
  /** A permutation of a subset of `targets`. What is left out is not asked, whatever fails. */
  order(
    targets: readonly Target[],
    config: Config,
    call: Canon['llm']['call'],
    exchange: Exchange,
    tools: StrategyTools,
  ): Awaitable<readonly Target[]>;
}

export const defineStrategy = <const Name extends string, Config>(strategy: Strategy<Name, Config>): Strategy<Name, Config> => strategy;

/** What a target is called wherever it is told of. */
export const nameOf = ({ provider, model }: Target): string => `${provider}/${model}`;
