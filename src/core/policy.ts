import type { z } from 'zod';
import type { Usage } from './chat.ts';
import type { GatewayError } from './errors.ts';
import type { Call, Chunk, Exchange, KindName } from './exchange.ts';
import type { JsonObject } from './json.ts';
import type { NanoUsd } from './money.ts';
import type { OutcomeStatus } from './ports.ts';

export type Awaitable<T> = T | Promise<T>;

/** What a policy decides about a call: pass it on (edited or not), answer it, or refuse it. */
export type Verdict = { readonly go: Call } | Given | { readonly refuse: GatewayError };

/** An answer that a policy gives: all of it, or piece by piece as it comes. */
export interface Given {
  /** What is iterated throws what the answer fails with, and gives nothing now and then where nothing comes. */
  readonly answer: readonly Chunk[] | AsyncIterable<readonly Chunk[]>;
  /** Where it was made once by a model: `provider/model`, and what a translation could not carry then. It costs nothing now. */
  readonly made?: { readonly servedModel: string; readonly loss: readonly string[] };
}

/** How the exchange ended, told to every policy run that was opened. */
export interface Outcome {
  readonly status: OutcomeStatus;
  readonly httpStatus: number;
  readonly usage?: Usage;
  /** What the provider charges; absent where no price is known, which is not the same as nothing. */
  readonly cost?: NanoUsd;
  readonly error?: GatewayError;
  /** `provider/model` that served. */
  readonly servedModel?: string;
  /** What a translation could not carry. */
  readonly loss?: readonly string[];
}

/** What a policy does to the response; it picks the lane, so the least that is true is the fastest. */
export type Touches = 'nothing' | 'reads' | 'edits';

/** Written as a method's type, so that a policy fits a list of policies whatever its config is. */
type TouchesOf<Config> = { of(config: Config): Touches }['of'];

/** A factory: one run per exchange. */
export interface Policy<Name extends string = string, Config = unknown> {
  readonly name: Name;
  /** The policy's own settings, without `use`. */
  readonly config: z.ZodType<Config>;
  readonly touches: Touches | TouchesOf<Config>;
  /** The kinds of routes that it has a meaning for; absent: all. Where it is written for all routes, the others are served without it. */
  readonly kinds?: readonly KindName[];
  /** Settings as an operator may write them, without `use`: what the laws are tried with and the docs show. At least one for every value of `touches`. */
  readonly examples: readonly JsonObject[];
  open(config: Config, exchange: Exchange): PolicyRun;
}

export interface PolicyRun {
  /** In the order of the policies. */
  request?(call: Call): Awaitable<Verdict>;
  /** In reverse order: pass, edit, split, hold back. A chunk that `isLast` must come out last. */
  chunk?(chunk: Chunk): Awaitable<readonly Chunk[]>;
  /** In reverse order, exactly once, whatever happened. Throwing here changes nothing for the caller. */
  end?(outcome: Outcome): Awaitable<void>;
  /** Told which `provider/model` answers, before the first chunk of a stream. */
  served?(model: string): void;
  /** Whether an answer that flows is wanted though its caller has left: then it is read to its end. */
  isWanted?(): boolean;
}

/** Ties a policy's config type to its schema, so that `open` sees what the schema made. */
export const definePolicy = <const Name extends string, Config>(policy: Policy<Name, Config>): Policy<Name, Config> => policy;
