import { z } from 'zod';
import type { Chat } from '../../core/chat.ts';
import { type Prompt, promptOf } from '../../core/routing/prompt.ts';
import { languageOf, languages } from './language.ts';

/** What a call looks like, whatever it is about: all conditions of a shape must be fulfilled. */
export const conditions = {
  longer: z.int().min(0).max(100_000_000).optional().describe('More characters than this, all messages together.'),
  shorter: z.int().min(1).max(100_000_000).optional().describe('Fewer characters than this.'),
  tools: z.boolean().optional().describe('Whether it has tools.'),
  images: z.boolean().optional().describe('Whether pictures, sounds or files are in it.'),
  code: z.boolean().optional().describe('Whether there is code in the last words of the user.'),
  language: z
    .array(z.enum(languages))
    .min(1)
    .optional()
    .describe('Languages, by ISO 639-1, of which the last words of the user must be one. What cannot be told is none.'),
};

export interface Shape {
  readonly longer?: number | undefined;
  readonly shorter?: number | undefined;
  readonly tools?: boolean | undefined;
  readonly images?: boolean | undefined;
  readonly code?: boolean | undefined;
  readonly language?: readonly string[] | undefined;
}

/** Why a call is of a shape, in a few words; `undefined` where it is not. */
export function fits(shape: Shape, seen: Seen): string | undefined {
  const { longer, shorter, tools, images, code, language } = shape;
  const because: string[] = [];
  if (longer !== undefined || shorter !== undefined) {
    const { length } = seen;
    if (length <= (longer ?? -1) || length >= (shorter ?? Number.POSITIVE_INFINITY)) return undefined;
    because.push(`${length} characters`);
  }
  const said: readonly (readonly [name: string, wanted: boolean | undefined, found: () => boolean])[] = [
    ['tools', tools, () => seen.tools],
    ['images', images, () => seen.images],
    ['code', code, () => seen.code],
  ];
  for (const [name, wanted, found] of said) {
    if (wanted === undefined) continue;
    if (found() !== wanted) return undefined;
    because.push(wanted ? name : `no ${name}`);
  }
  if (language !== undefined) {
    if (seen.language === undefined || !language.includes(seen.language)) return undefined;
    because.push(`language ${seen.language}`);
  }
  return because.join(', ');
}

const MEDIA: ReadonlySet<string> = new Set(['image', 'file', 'audio']);

/** What shapes look at, each worked out when it is first asked for. */
export class Seen {
  readonly #chat: Chat;
  readonly #prompt: Prompt;
  #language: string | undefined | false = false;

  constructor(chat: Chat) {
    this.#chat = chat;
    this.#prompt = promptOf(chat);
  }

  get length(): number {
    return this.#prompt.length + this.#prompt.context;
  }

  get tools(): boolean {
    return this.#prompt.tools > 0;
  }

  get images(): boolean {
    return this.#chat.messages.some(({ content }) => content.some(({ type }) => MEDIA.has(type)));
  }

  get code(): boolean {
    return hasCode(this.#prompt.text);
  }

  get language(): string | undefined {
    if (this.#language === false) this.#language = languageOf(this.#prompt.text);
    return this.#language;
  }
}

/** Lines that look like code, before a text has code that is not fenced. */
const LEAST_LINES = 2;
const ENDS = [';', '{', '}', '):', '=>', ');', '},'];
const BEGINS = [
  'import ',
  'from ',
  'def ',
  'class ',
  'const ',
  'let ',
  'function ',
  'func ',
  'fn ',
  '#include',
  'public ',
  'SELECT ',
  'return ',
  '</',
  '//',
  '$ ',
];

export function hasCode(text: string): boolean {
  if (text.includes('```')) return true;
  let lines = 0;
  for (const line of text.split('\n')) {
    const bare = line.trim();
    const isCode =
      ENDS.some((end) => bare.endsWith(end)) || (BEGINS.some((begin) => bare.startsWith(begin)) && /[()=;<>{}[\]*]/.test(bare));
    if (isCode && ++lines >= LEAST_LINES) return true;
  }
  return false;
}
