import type { Feature } from './features.ts';

// Written by `npm run eval:auto`: what it learnt, and from what, stands in docs/auto-routing.md.

export const BIAS = -0.859;

export const MODEL: { readonly [feature in Feature]: { readonly weight: number; readonly mean: number } } = {
  length: { weight: 2.793, mean: 0.686 },
  context: { weight: 0.136, mean: 0.098 },
  code: { weight: 0.946, mean: 0.065 },
  maths: { weight: 0.297, mean: 0.111 },
  numbers: { weight: 2.03, mean: 0.225 },
  questions: { weight: 0, mean: 0.162 },
  items: { weight: 3.267, mean: 0.013 },
  constraints: { weight: 0.608, mean: 0.174 },
  reasoning: { weight: 2.899, mean: 0.119 },
  making: { weight: 1.209, mean: 0.123 },
  simple: { weight: -1.741, mean: 0.245 },
  turns: { weight: 1.706, mean: 0.072 },
  tools: { weight: 1.504, mean: 0.056 },
};
