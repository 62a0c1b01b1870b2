import type { ChatChunk } from '../../../core/chat.ts';

/** What two answers to one question are to each other. */
export type Comparison = 'same' | 'different' | 'unsure';

/** Words that answers share whatever they say. */
const EMPTY: ReadonlySet<string> = new Set(
  `a an and are as at be been but by can could do does for from had has have how i if in into is it its may might of on or our
  should so such than that the their them then there these they this those to was we were what when where which who will with
  would you your`.split(/\s+/),
);
const NEGATIONS: ReadonlySet<string> = new Set(['not', 'no', 'never', 'cannot', 'none', 'neither', 'nor', 'without']);
/** Words of an answer up to which each of them counts. */
const SHORT = 12;

/** The text of an answer; `undefined` where it says anything else, or in several ways. */
export function textOf(chunks: readonly ChatChunk[]): string | undefined {
  let text = '';
  for (const chunk of chunks) {
    if (chunk.type === 'tool-call' || chunk.type === 'raw' || ('choice' in chunk && chunk.choice !== 0)) return undefined;
    if (chunk.type === 'text') text += chunk.text;
  }
  return text.trim() === '' ? undefined : text;
}

/**
 * Whether two answers say the same, by rules that come out alike each time. `similarity`: of their directions, where they
 * are known. What speaks for a difference decides first; what speaks for neither is `unsure`.
 */
export function compared(one: string, other: string, similarity: number | undefined): Comparison {
  const [a, b] = [read(one), read(other)];
  if (a.plain === b.plain) return 'same';
  if (a.verdict !== undefined && b.verdict !== undefined && a.verdict !== b.verdict) return 'different';
  const isShort = Math.max(a.words.length, b.words.length) <= SHORT;
  const numbers = agreement(a.numbers, b.numbers);
  // A number that only one of them has may be a word in the other; two sets of numbers are not the same fact.
  if (isShort && numbers !== 0.5 && !isEqual(a.numbers, b.numbers)) return 'different';
  if (numbers < 0.5) return 'different';
  const content = agreement(a.content, b.content);
  if (isShort && content === 0) return 'different';
  if (content >= 0.5 && a.negations % 2 !== b.negations % 2 && isShort) return 'different';
  if (agreement(a.names, b.names) === 0) return 'different';
  const alike = similarity ?? content;
  if (numbers === 1 && ((content >= 0.6 && alike >= 0.6) || (alike >= 0.9 && content >= 0.3))) return 'same';
  return alike < 0.5 && content < 0.3 ? 'different' : 'unsure';
}

interface Read {
  /** Small letters and digits, with one space between. */
  readonly plain: string;
  readonly words: readonly string[];
  readonly content: ReadonlySet<string>;
  readonly numbers: ReadonlySet<string>;
  /** Words with a capital that begin no sentence. */
  readonly names: ReadonlySet<string>;
  readonly negations: number;
  readonly verdict: 'yes' | 'no' | undefined;
}

function read(text: string): Read {
  const normal = text.normalize('NFKC').replaceAll(/[’‘]/g, "'");
  const small = normal.toLowerCase().replaceAll(/(?<=\d),(?=\d{3}\b)/g, '');
  const words = small.replaceAll(/n't\b/g, ' not').match(/\d+(?:\.\d+)?|\p{L}+/gu) ?? [];
  const numbers = new Set(words.filter((word) => /^\d/.test(word)).map((word) => String(Number(word))));
  const names = [...normal.matchAll(/(?<=[\p{L}\d,;:'"()] ?) \p{Lu}\p{L}+/gu)].map(([name]) => name.trim().toLowerCase());
  const [first] = words;
  return {
    plain: words.join(' '),
    words,
    content: new Set(words.filter((word) => !EMPTY.has(word) && !NEGATIONS.has(word)).map(stem)),
    numbers,
    names: new Set(names),
    negations: words.filter((word) => NEGATIONS.has(word)).length,
    verdict: first === 'yes' || first === 'no' ? first : undefined,
  };
}

/** Forms of one word, about: English endings alone. */
const stem = (word: string): string => (word.length <= 4 ? word : word.replace(/(?:ing|ed|es|s|ly)$/, ''));

/** Of what the one that says less says, how much the other one says too; all where neither says anything. */
function agreement(one: ReadonlySet<string>, other: ReadonlySet<string>): number {
  if (one.size === 0 && other.size === 0) return 1;
  const least = Math.min(one.size, other.size);
  // One says something, and the other nothing: of numbers and names that is half an agreement.
  if (least === 0) return 0.5;
  return shared(one, other) / least;
}

const shared = (one: ReadonlySet<string>, other: ReadonlySet<string>): number => [...one].filter((each) => other.has(each)).length;

const isEqual = (one: ReadonlySet<string>, other: ReadonlySet<string>): boolean =>
  one.size === other.size && shared(one, other) === one.size;
