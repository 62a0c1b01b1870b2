import { guards } from './guards.ts';
import { pairOf } from './pair.ts';
import { read } from './reading.ts';
import type { Domain } from './unfit.ts';
import { probabilityOf } from './verifier.ts';

export interface Judgement {
  readonly same: boolean;
  /** That they are the same, by the verifier alone, 0…1. */
  readonly probability: number;
  /** Names of the guards that object (`guards.ts`); one is enough. */
  readonly objections: readonly string[];
}

/**
 * From here on the verifier says that two questions are the same. In a closed domain the verifier is fitted so
 * that it is where 96.5 % of a bank's training questions are answered rightly (docs/semantic-cache-evaluation.md).
 */
export const PROBABLE = 0.7;

/**
 * Whether two questions, each fit to be answered from what is kept (`unfit`), ask the same. `similarity`: the cosine of
 * their vectors. It does not matter which one comes first. Linear in their lengths.
 */
export function judge(asked: string, kept: string, similarity: number, domain: Domain = 'open'): Judgement {
  const pair = pairOf(read(asked), read(kept));
  const objections = guards.filter((guard) => (domain === 'open' || guard.closed) && guard.objects(pair)).map(({ name }) => name);
  const probability = probabilityOf(pair, similarity, domain);
  return { same: objections.length === 0 && probability >= PROBABLE, probability, objections };
}
