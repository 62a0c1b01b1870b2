import type { z } from 'zod';
import type { Canon, Exchange } from './exchange.ts';
import type { JsonObject } from './json.ts';
import type { Awaitable } from './policy.ts';

/** A provider's model as one option of a virtual model. */
export interface Target {
  /** A configured provider's id. */
  readonly provider: string;
  /** The provider's own name of the model. */
  readonly model: string;
  /** Relative share for strategies that draw; 1 when absent. */
  readonly weight?: number;
}

/** Only an ordering: the attempt loop walks what comes back, and that loop is failover and retry. */
export interface Strategy<Name extends string = string, Config = unknown> {
  readonly name: Name;
  readonly config: z.ZodType<Config>;
  /** Settings as an operator may write them: what the laws are tried with and the docs show. At least one. */
  readonly examples: readonly JsonObject[];
  /** A permutation of a subset of `targets`. `random` is uniform in [0, 1). */
  order(
    targets: readonly Target[],
    config: Config,
    call: Canon['llm']['call'],
    exchange: Exchange,
    random: () => number,
  ): Awaitable<readonly Target[]>;
}

export const defineStrategy = <const Name extends string, Config>(strategy: Strategy<Name, Config>): Strategy<Name, Config> => strategy;
