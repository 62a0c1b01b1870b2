import type { HiddenKind, HiddenText } from './governance.ts';
import { isArray, isObject, type Json } from './json.ts';

// What a person does not see in a text and a model reads all the same.

/** Blanks and line ends in a row that push what follows out of sight. */
const RUN = 80;
/** Places that are named; the rest is counted in the last. */
const MOST = 100;

interface Kind {
  readonly kind: HiddenKind;
  /** Linear: one class of characters, or texts between fixed ends. */
  readonly pattern: RegExp;
  readonly instead: string;
}

const KINDS: readonly Kind[] = [
  // Unicode block Tags: letters that no font shows.
  { kind: 'tags', pattern: /[\u{E0000}-\u{E007F}]/gu, instead: '' },
  // What of them joins letters of scripts that need it, or parts of an emoji, is passed over below.
  {
    kind: 'zero-width',
    pattern: /[\u034F\u00AD\u115F\u1160\u17B4\u17B5\u180E\u200B-\u200D\u2060-\u2064\u206A-\u206F\u3164\uFEFF\uFFA0]/gu,
    instead: '',
  },
  // UAX #9: embeddings, overrides, isolates and marks.
  { kind: 'bidi', pattern: /[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu, instead: '' },
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  { kind: 'control', pattern: /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\uFFF9-\uFFFB]/gu, instead: '' },
  // Selectors that choose no picture: bytes are smuggled in rows of them.
  { kind: 'variation', pattern: /[\uFE00-\uFE0D\u{E0100}-\u{E01EF}]/gu, instead: '' },
  { kind: 'comment', pattern: /<!--/g, instead: '' },
  {
    kind: 'whitespace',
    pattern: new RegExp(`[ \\t\\r\\n\\u00A0\\u2000-\\u200A\\u2028\\u2029\\u202F\\u205F\\u3000\\u2800]{${RUN},}`, 'g'),
    instead: '\n',
  },
];

/** Letters beyond ASCII and pictures, between which a joiner shows. */
const JOINED = /[\uFE0F\p{Letter}\p{Mark}\p{Extended_Pictographic}\p{Emoji_Modifier}]/u;

/** Whether a joiner (U+200C, U+200D) stands where one belongs. */
function joins(text: string, at: number): boolean {
  const letter = text.charCodeAt(at);
  if (letter !== 0x200c && letter !== 0x200d) return false;
  const before = text.codePointAt(at >= 2 && (text.charCodeAt(at - 1) & 0xfc00) === 0xdc00 ? at - 2 : at - 1) ?? 0;
  const after = text.codePointAt(at + 1) ?? 0;
  return [before, after].every((point) => point > 0x7f && JOINED.test(String.fromCodePoint(point)));
}

/** How much of each kind is in a text. */
export function hiddenIn(text: string): ReadonlyMap<HiddenKind, number> {
  const found = new Map<HiddenKind, number>();
  for (const { kind, pattern } of KINDS) {
    let count = 0;
    for (const { index } of text.matchAll(pattern)) if (!joins(text, index)) count += 1;
    if (count > 0) found.set(kind, count);
  }
  return found;
}

/** The same text without it. */
export function withoutHidden(text: string): string {
  let plain = withoutComments(text);
  for (const { kind, pattern, instead } of KINDS) {
    if (kind !== 'comment') plain = plain.replace(pattern, (found, at: number) => (joins(plain, at) ? found : instead));
  }
  return plain;
}

/** A comment that does not end hides all that follows. */
function withoutComments(text: string): string {
  const [head = '', ...rest] = text.split('<!--');
  return head + rest.map((each) => (each.includes('-->') ? each.slice(each.indexOf('-->') + 3) : '')).join('');
}

/** As a person can see it: what is hidden is written as `\u{…}`. */
export const shown = (text: string): string =>
  KINDS.filter(({ kind }) => kind !== 'comment' && kind !== 'whitespace').reduce(
    (so, { pattern }) =>
      so.replace(pattern, (found, at: number) =>
        joins(so, at) ? found : `\\u{${(found.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}}`,
      ),
    text,
  );

/** Every hidden text in a value, names of members too. */
export function hiddenTexts(value: Json): readonly HiddenText[] {
  const found: HiddenText[] = [];
  walk(value, '', found);
  return found.slice(0, MOST);
}

function walk(value: Json | undefined, at: string, found: HiddenText[]): void {
  if (found.length > MOST) return;
  if (typeof value === 'string') note(value, at, found);
  else if (isArray(value)) for (const [index, each] of value.entries()) walk(each, `${at}/${index}`, found);
  else if (isObject(value)) {
    for (const [name, each] of Object.entries(value)) {
      const below = `${at}/${pointed(name)}`;
      note(name, below, found);
      walk(each, below, found);
    }
  }
}

const note = (text: string, at: string, found: HiddenText[]) => {
  for (const [kind, count] of hiddenIn(text)) found.push({ at: shown(at), kind, count });
};

/** RFC 6901 section 3. */
export const pointed = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');
