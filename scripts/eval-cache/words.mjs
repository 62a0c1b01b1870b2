import { banking, clinc, mmlu } from './data.mjs';

/** A word is listed from so many questions on. */
const FEWEST = 20;
const STEP = 0.5;

/**
 * How rare the words of questions are, as the module that the gateway loads: `ln(questions / questions with it)`, in
 * steps, of what is learnt from.
 */
export function wordsFile(folder, { read }) {
  const texts = [...clinc(folder, 'train'), ...banking(folder, 'train'), ...mmlu(folder)].map(({ text }) => text.slice(0, 1000));
  const counts = new Map();
  for (const text of texts) for (const key of read(text).counts.keys()) counts.set(key, (counts.get(key) ?? 0) + 1);
  const bands = new Map();
  const listed = [...counts]
    .filter(([key, count]) => count >= FEWEST && /^[a-z']{2,}$/.test(key))
    .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  for (const [key, count] of listed) {
    const weight = Math.round(Math.log(texts.length / count) / STEP) * STEP;
    bands.set(weight, [...(bands.get(weight) ?? []), key]);
  }
  const lines = [...bands].map(
    ([weight, words]) => `  [\n    ${weight},\n    '${words.map((word) => word.replaceAll("'", "\\'")).join(' ')}',\n  ],`,
  );
  return `import { table } from '../table.ts';

// How rare words are in questions: the natural logarithm of how many questions there are to one that has it. Written by
// \`npm run train:verifier\` from ${texts.length} questions of CLINC150, BANKING77 and MMLU.

/** Of words that are not listed. */
const RAREST = ${Math.ceil(Math.log(texts.length / FEWEST)) + 1};

const BANDS: readonly (readonly [weight: number, words: string])[] = [
${lines.join('\n')}
];

const WEIGHTS = table(() => new Map(BANDS.flatMap(([weight, words]) => words.split(' ').map((word): [string, number] => [word, weight]))));

export function weightOf(key: string): number {
  return WEIGHTS().get(key) ?? RAREST;
}

/** Whether it is frequent in English questions. */
export function isCommon(word: string): boolean {
  return WEIGHTS().has(word);
}
`;
}
