import type { Prompt } from '../../core/routing/prompt.ts';
import { wordClass } from './words.ts';

/** What is counted of a prompt, in the order of the model's weights. Each is about 0 to 1 or 2. */
export const FEATURES = [
  'length',
  'context',
  'code',
  'maths',
  'numbers',
  'questions',
  'items',
  'constraints',
  'reasoning',
  'making',
  'simple',
  'turns',
  'tools',
] as const;

export type Feature = (typeof FEATURES)[number];

/** What an explanation may tell: numbers as they were counted. */
export interface Counts {
  readonly numbers: number;
  readonly questions: number;
  readonly items: number;
  readonly constraints: number;
}

export interface Measured {
  readonly values: Readonly<Record<Feature, number>>;
  readonly counts: Counts;
}

const log = (count: number, scale: number) => Math.log2(1 + count) / scale;

/** One pass over the text, which is short by now; everything else is counted already. */
export function measure({ text, length, context, turns, tools }: Prompt): Measured {
  const seen = new Scan();
  seen.read(text);
  const { numbers, questions, items } = seen;
  const share = text.length === 0 ? 0 : 100 / text.length;
  return {
    values: {
      // A sign of Chinese, Japanese or Korean says about as much as three letters.
      length: log(length + 2 * seen.dense, 10),
      context: log(context, 12),
      code: Math.min(1, (seen.code * share) / 4 + seen.fences / 2),
      maths: Math.min(1, (seen.maths * share) / 3),
      numbers: log(numbers, 5),
      questions: Math.min(1, questions / 3),
      items: log(items, 3),
      constraints: log(seen.constraints, 3),
      reasoning: log(seen.reasoning, 2),
      making: log(seen.making, 2),
      simple: log(seen.simple, 2),
      turns: log(turns, 4),
      tools: log(tools, 4),
    },
    counts: { numbers, questions, items, constraints: seen.constraints },
  };
}

const LETTER = 1;
const DIGIT = 2;
const LINE = 3;
const CODE = 4;
const MATHS = 5;
const QUESTION = 6;
const BULLET = 7;

const ASCII = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  if (/[A-Za-z]/.test(character)) return LETTER;
  if (/\d/.test(character)) return DIGIT;
  if (character === '\n') return LINE;
  if ('{}[]();_<>|&#`'.includes(character)) return CODE;
  if ('=+^\\$'.includes(character)) return MATHS;
  if (character === '?') return QUESTION;
  return character === '-' || character === '*' ? BULLET : 0;
});

/** Scripts whose signs are words or syllables: Kana, Han, Hangul. */
const isDense = (code: number) => (code >= 0x3040 && code <= 0x9fff) || (code >= 0xac00 && code <= 0xd7a3);
/** Arrows and signs of mathematics; the question marks of Chinese and Arabic; the bullet. */
const isMathsSign = (code: number) => code >= 0x2190 && code <= 0x22ff;
const isQuestionMark = (code: number) => code === 0xff1f || code === 0x61f;

class Scan {
  dense = 0;
  code = 0;
  fences = 0;
  maths = 0;
  numbers = 0;
  questions = 0;
  items = 0;
  constraints = 0;
  reasoning = 0;
  making = 0;
  simple = 0;
  /** Whether nothing but blanks stands in the line so far. */
  #fresh = true;
  #word = 0;
  #digits = 0;

  read(text: string): void {
    for (let at = 0; at <= text.length; at++) {
      const code = at === text.length ? 10 : text.charCodeAt(at);
      const kind = code < 128 ? (ASCII[code] ?? 0) : this.#beyond(code);
      if (kind === LETTER) {
        this.#word++;
        continue;
      }
      if (this.#word > 0) this.#endWord(text, at);
      if (kind === DIGIT) {
        this.#digits++;
        continue;
      }
      if (this.#digits > 0) this.#endNumber(code);
      this.#sign(kind, code, text, at);
    }
  }

  #beyond(code: number): number {
    if (isDense(code)) {
      this.dense++;
      return 0;
    }
    if (isMathsSign(code)) return MATHS;
    if (isQuestionMark(code)) return QUESTION;
    if (code === 0x2022) return BULLET;
    return code >= 0xc0 ? LETTER : 0;
  }

  #endWord(text: string, at: number): void {
    const length = this.#word;
    this.#word = 0;
    this.#fresh = false;
    const found = wordClass(text, at - length, at);
    if (found !== undefined) this[found]++;
  }

  #endNumber(code: number): void {
    this.numbers++;
    this.#digits = 0;
    // `1.` and `1)` at the beginning of a line: an item of a list.
    if (this.#fresh && (code === 0x2e || code === 0x29)) this.items++;
    this.#fresh = false;
  }

  #sign(kind: number, code: number, text: string, at: number): void {
    if (kind === LINE) {
      this.#fresh = true;
      return;
    }
    if (kind === BULLET) {
      if (this.#fresh && text.charCodeAt(at + 1) === 0x20) this.items++;
      else this.maths++;
    } else if (kind === CODE) {
      this.code++;
      if (code === 0x60 && text.startsWith('```', at)) this.fences++;
    } else if (kind === MATHS) this.maths++;
    else if (kind === QUESTION) this.questions++;
    if (code !== 0x20 && code !== 0x09) this.#fresh = false;
  }
}
