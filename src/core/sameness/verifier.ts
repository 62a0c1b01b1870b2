import { areOpposite } from './opposites.ts';
import { isTurned } from './order.ts';
import type { Pair } from './pair.ts';
import type { Term } from './reading.ts';
import type { Domain } from './unfit.ts';
import { MODELS } from './weights/verifier.ts';
import { weightOf } from './weights/words.ts';

// A logistic regression over what two questions have in common and what not. The same whichever question comes first.

export interface Model {
  readonly bias: number;
  /** Weights by the names of `FEATURES`. */
  readonly weights: { readonly [name: string]: number };
}

/** Words that they share, or in which they differ, count up to here. */
const MOST = 12;

const FEATURES: { readonly [name: string]: (pair: Pair, similarity: number) => number } = {
  similarity: (_, similarity) => similarity,
  /** What the last steps of it are worth. */
  alike: (_, similarity) => Math.max(0, similarity - 0.9) * 10,
  lexical: lexicalCosine,
  lexicalSquared: (pair) => lexicalCosine(pair) ** 2,
  both: (pair, similarity) => lexicalCosine(pair) * Math.max(0, similarity),
  rarest: ({ onlyAsked, onlyKept }) => [...onlyAsked, ...onlyKept].reduce((most, { key }) => Math.max(most, weightOf(key)), 0) / 10,
  extra: ({ onlyAsked, onlyKept }) => Math.min(onlyAsked.length + onlyKept.length, MOST) / MOST,
  length: ({ asked, kept }) => Math.min(asked.terms.length, kept.terms.length) / Math.max(asked.terms.length, kept.terms.length, 1),
  short: ({ asked, kept }) => 1 / (1 + Math.min(asked.terms.length, kept.terms.length)),
  common: ({ asked, onlyAsked }) => Math.min(asked.terms.length - onlyAsked.length, MOST) / MOST,
  replaced: (pair) => Number(pair.onlyAsked.some(isContent) && pair.onlyKept.some(isContent)),
  added: (pair) => Number(pair.onlyAsked.some(isContent) !== pair.onlyKept.some(isContent)),
  number: ofRole('number', 'unit', 'sign'),
  negation: ofRole('negation'),
  question: ofRole('question'),
  modal: ofRole('modal'),
  connective: ofRole('connective'),
  direction: ofRole('direction'),
  place: ofRole('place'),
  quantity: ofRole('quantity'),
  person: ofRole('person'),
  tense: ofRole('tense'),
  name: (pair) => Number(differs(pair, ({ name }) => name !== undefined && name !== 'name')),
  opposite: ({ onlyAsked, onlyKept }) =>
    Number(onlyAsked.slice(0, MOST).some((a) => onlyKept.slice(0, MOST).some((b) => areOpposite(a.key, b.key)))),
  turned: (pair) => Number(isTurned(pair)),
};

export const FEATURE_NAMES: readonly string[] = Object.keys(FEATURES);

const isContent = ({ role }: Term) => role === 'content';

function differs({ onlyAsked, onlyKept }: Pair, is: (term: Term) => boolean): boolean {
  return onlyAsked.some(is) || onlyKept.some(is);
}

function ofRole(...roles: readonly string[]): (pair: Pair) => number {
  return (pair) => Number(differs(pair, ({ role }) => roles.includes(role)));
}

/** The cosine of the two questions' terms, each by how rare it is. */
export function lexicalCosine({ asked, kept, onlyAsked, onlyKept }: Pair): number {
  const a = weightOfAll(asked.terms);
  const b = weightOfAll(kept.terms);
  if (a === 0 || b === 0) return 0;
  const common = (a - weightOfAll(onlyAsked) + b - weightOfAll(onlyKept)) / 2;
  return common / Math.sqrt(a * b);
}

const weightOfAll = (terms: readonly Term[]) => terms.reduce((sum, { key }) => sum + weightOf(key) ** 2, 0);

/** The values of `FEATURE_NAMES`. */
export function featuresOf(pair: Pair, similarity: number): readonly number[] {
  return Object.values(FEATURES).map((feature) => feature(pair, similarity));
}

export function probabilityOf(pair: Pair, similarity: number, domain: Domain): number {
  const { bias, weights } = MODELS[domain];
  let score = bias;
  for (const [name, feature] of Object.entries(FEATURES)) score += (weights[name] ?? 0) * feature(pair, similarity);
  return 1 / (1 + Math.exp(-score));
}
