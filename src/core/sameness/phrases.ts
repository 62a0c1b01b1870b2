import type { Token } from './tokens.ts';

/** Phrases by their first word. */
export type Phrases = ReadonlyMap<string, readonly (readonly string[])[]>;

/** From a list parted by "|". */
export function phrasesOf(list: string): Phrases {
  const map = new Map<string, (readonly string[])[]>();
  for (const entry of list.split('|')) {
    const words = entry.trim().split(/\s+/);
    const first = words[0] ?? '';
    map.set(first, [...(map.get(first) ?? []), words]);
  }
  return map;
}

/** Whether one of them is in the text; "today's" is today. */
export function hasPhrase(tokens: readonly Token[], phrases: Phrases): boolean {
  const words = tokens.map(({ text }) => (text.endsWith("'s") ? text.slice(0, -2) : text));
  return words.some((first, at) => phrases.get(first)?.some((phrase) => phrase.every((word, next) => words[at + next] === word)));
}
