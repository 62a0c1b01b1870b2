import type { Usage } from './chat.ts';

/** What two calls came to together: each number of either, and an estimate where one is. */
export function addUsage(left: Usage, right: Usage): Usage {
  const sum: { -readonly [field in keyof Usage]: Usage[field] } = {
    ...left,
    input: left.input + right.input,
    output: left.output + right.output,
  };
  for (const field of ADDED) {
    const amount = (left[field] ?? 0) + (right[field] ?? 0);
    if (left[field] !== undefined || right[field] !== undefined) sum[field] = amount;
  }
  if (left.estimated === true || right.estimated === true) sum.estimated = true;
  return sum;
}

const ADDED = [
  'cacheRead',
  'cacheWrite',
  'cacheWrite1h',
  'audioInput',
  'imageInput',
  'audioOutput',
  'imageOutput',
  'searches',
  'images',
  'seconds',
  'characters',
  'reasoning',
] as const satisfies readonly (keyof Usage)[];
