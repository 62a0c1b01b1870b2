// What decides that two questions are the same one. See docs/semantic-cache-evaluation.md for how often it is wrong.

export { type Judgement, judge } from './judge.ts';
export { type Template, templateOf } from './template.ts';
export { type Domain, type Unfit, unfit } from './unfit.ts';
