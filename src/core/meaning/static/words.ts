/** A longer run of letters is several words, so that a text without spaces is looked at in bounded pieces. */
export const LONGEST_WORD = 48;

const START = 0x811c9dc5;
const PRIME = 0x01000193;
const SHORTEST_GRAM = 3;
const LONGEST_GRAM = 5;
/** What stands before and after a word in its n-grams, so that beginnings and ends are n-grams of their own. */
const EDGE = 0x20;

const SEPARATOR = 0;
const LETTER = 1;
/** Belongs to a word that has begun: `don't`, `c++`, `c#`. */
const INNER = 2;

const kinds = new Uint8Array(128);
for (const [from, to] of [
  ['a', 'z'],
  ['0', '9'],
] as const) {
  kinds.fill(LETTER, from.charCodeAt(0), to.charCodeAt(0) + 1);
}
for (const sign of "'+#") kinds[sign.charCodeAt(0)] = INNER;

const kindOf = (code: number): number => (code < 128 ? (kinds[code] ?? SEPARATOR) : LETTER);

/** Calls `found` with where each word of a folded text starts and ends. */
export function eachWord(text: string, found: (start: number, end: number) => void): void {
  let start = -1;
  for (let at = 0; at < text.length; at += 1) {
    const kind = kindOf(text.charCodeAt(at));
    const within = kind === LETTER || (kind === INNER && start >= 0);
    if (within && start < 0) start = at;
    else if (start >= 0 && (!within || at - start >= LONGEST_WORD)) {
      found(start, endOf(text, start, at));
      start = kind === LETTER ? at : -1;
    }
  }
  if (start >= 0) found(start, endOf(text, start, text.length));
}

/** Apostrophes at the end of a word close a quotation. */
function endOf(text: string, start: number, end: number): number {
  let last = end;
  while (last > start + 1 && text.charCodeAt(last - 1) === 0x27) last -= 1;
  return last;
}

/** FNV-1a over the UTF-16 units of a word: what words are told apart by. */
export function wordHash(text: string, start: number, end: number): number {
  let hash = START;
  for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), PRIME);
  return hash >>> 0;
}

/** Calls `found` with the hash of each run of three to five characters of a word and its two edges. */
export function eachGram(text: string, start: number, end: number, found: (hash: number) => void): void {
  for (let first = start - 1; first <= end + 1 - SHORTEST_GRAM; first += 1) {
    let hash = START;
    const most = Math.min(LONGEST_GRAM, end + 1 - first);
    for (let length = 1; length <= most; length += 1) {
      const at = first + length - 1;
      hash = Math.imul(hash ^ (at < start || at >= end ? EDGE : text.charCodeAt(at)), PRIME);
      if (length >= SHORTEST_GRAM) found(mixed(hash));
    }
  }
}

/** FNV's low bits depend on little; the rows of n-grams are picked by them. */
function mixed(hash: number): number {
  const once = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (once ^ (once >>> 13)) >>> 0;
}
