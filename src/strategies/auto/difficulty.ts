import type { Prompt } from '../../core/routing/prompt.ts';
import { FEATURES, type Feature, type Measured, measure } from './features.ts';
import { BIAS, MODEL } from './weights.ts';

/** How difficult a prompt is found, from 0 to 1, and what made it so. */
export interface Difficulty {
  readonly value: number;
  /** In words, what moved it most; empty where nothing did. */
  readonly because: readonly string[];
}

/** What moves the odds by less is not told. */
const LEAST_TOLD = 0.15;
const MOST_TOLD = 3;

/** Logistic regression over a few counts. What it is worth: docs/auto-routing.md. */
export function difficultyOf(prompt: Prompt): Difficulty {
  const measured = measure(prompt);
  const moved = FEATURES.map((feature) => ({ feature, by: MODEL[feature].weight * (measured.values[feature] - MODEL[feature].mean) }));
  const odds = moved.reduce((sum, { by }) => sum + by, BIAS);
  const value = 1 / (1 + Math.exp(-odds));
  const sign = Math.sign(odds);
  const told = moved.filter(({ by }) => by * sign > LEAST_TOLD).sort((a, b) => Math.abs(b.by) - Math.abs(a.by));
  return { value, because: told.slice(0, MOST_TOLD).map(({ feature }) => wordsFor(feature, measured, prompt)) };
}

const several = (count: number, one: string, more = `${one}s`) => `${count} ${count === 1 ? one : more}`;

/** A count, or what it means that there is less of it than usual. */
function wordsFor(feature: Feature, { values, counts }: Measured, { length, context, turns, tools }: Prompt): string {
  const isMore = values[feature] > MODEL[feature].mean;
  switch (feature) {
    case 'length':
      return several(length, 'character');
    case 'context':
      return `${several(context, 'character')} before`;
    case 'numbers':
    case 'questions':
    case 'items':
    case 'constraints':
      return several(counts[feature], NAMES[feature]);
    case 'turns':
      return several(turns, 'turn');
    case 'tools':
      return several(tools, 'tool');
    default:
      return isMore ? NAMES[feature] : `no ${NAMES[feature]}`;
  }
}

const NAMES: { readonly [feature in Feature]: string } = {
  length: 'length',
  context: 'context',
  code: 'code',
  maths: 'maths',
  numbers: 'number',
  questions: 'question',
  items: 'list item',
  constraints: 'constraint',
  reasoning: 'reasoning asked for',
  making: 'something to be made',
  simple: 'simple request',
  turns: 'turn',
  tools: 'tool',
};
