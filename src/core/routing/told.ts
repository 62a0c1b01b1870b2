import type { Json, JsonObject } from '../json.ts';

/** Bytes of a decision as it is stored and sent, also where everything beyond ASCII is escaped. */
export const MOST_DECISION = 4_096;

/** A decision before it is made short: what is absent is `undefined`, and lists may be of any length. */
export interface ToldDecision {
  readonly model: string;
  readonly strategies: readonly string[];
  readonly models: readonly Line[];
  readonly candidates: readonly Line[];
  readonly attempts: readonly Line[];
  readonly random: true | undefined;
  readonly notes: { readonly [note: string]: Json } | undefined;
}

/** Short facts by name. */
interface Line {
  readonly [fact: string]: string | number | boolean | undefined;
}

interface Cut {
  /** Entries of each list. */
  readonly items: number;
  /** UTF-16 units of each text. */
  readonly text: number;
  /** Of each note, as JSON. */
  readonly note: number;
}

/** From all but the longest to what always fits: a unit becomes six bytes at most (`\u0000`). */
const CUTS: readonly Cut[] = [
  { items: 32, text: 256, note: 512 },
  { items: 16, text: 128, note: 128 },
  { items: 8, text: 64, note: 0 },
  { items: 4, text: 32, note: 0 },
  { items: 3, text: 12, note: 0 },
];

/** As much of it as there is room for. */
export function shortened(told: ToldDecision): JsonObject {
  let json: JsonObject = {};
  for (const cut of CUTS) {
    const writing = new Shortening(cut);
    json = writing.decision(told);
    // Most are so small that they need no closer look.
    if (writing.bytes <= MOST_DECISION || asciiJson(json).length <= MOST_DECISION) break;
  }
  return json;
}

/** Every fact has a name, quotes and a separator, and a number is no longer than 24 bytes. */
const OF_FACT = 40;

/** Writes by one cut, and counts no less than what comes out has of bytes. */
class Shortening {
  readonly #cut: Cut;
  bytes = 0;

  constructor(cut: Cut) {
    this.#cut = cut;
  }

  decision({ model, strategies, models, candidates, attempts, random, notes }: ToldDecision): JsonObject {
    const json: { [part: string]: Json } = { model: this.#text(model) };
    if (strategies.length > 0) json.strategies = this.#first(strategies).map((each) => this.#text(each));
    if (models.length > 0) json.models = this.#first(models).map((each) => this.#line(each));
    json.candidates = this.#first(candidates).map((each) => this.#line(each));
    json.attempts = this.#ends(attempts).map((each) => this.#line(each));
    if (random !== undefined) json.random = random;
    if (notes !== undefined) json.notes = this.#notes(notes);
    const more = this.#more({ strategies, models, candidates, attempts });
    if (more !== undefined) json.more = more;
    this.bytes += 6 * OF_FACT;
    return json;
  }

  #first<T>(list: readonly T[]): readonly T[] {
    return list.length <= this.#cut.items ? list : list.slice(0, this.#cut.items);
  }

  /** The first ones, and the last. */
  #ends<T>(list: readonly T[]): readonly T[] {
    return list.length <= this.#cut.items ? list : [...list.slice(0, this.#cut.items - 1), ...list.slice(-1)];
  }

  #text(text: string): string {
    const { text: most } = this.#cut;
    const kept = text.length <= most ? text : `${text.slice(0, most - 1)}…`;
    this.bytes += kept.length * 6 + OF_FACT;
    return kept;
  }

  #line(line: Line): JsonObject {
    const kept: { [fact: string]: Json } = {};
    for (const name in line) {
      const value = line[name];
      if (value === undefined) continue;
      kept[name] = typeof value === 'string' ? this.#text(value) : value;
      this.bytes += OF_FACT;
    }
    return kept;
  }

  /** Those that are short; a long one would say nothing when it is cut. */
  #notes(notes: { readonly [note: string]: Json }): JsonObject {
    const { items, text, note } = this.#cut;
    const short = Object.entries(notes).filter(([name, value]) => name.length <= text && JSON.stringify(value).length <= note);
    const kept = Object.fromEntries(short.slice(0, items));
    this.bytes += JSON.stringify(kept).length * 6;
    return kept;
  }

  /** How many entries of each list are left out. */
  #more(lists: { readonly [list: string]: readonly unknown[] }): JsonObject | undefined {
    let more: { [list: string]: number } | undefined;
    for (const name in lists) {
      const left = (lists[name]?.length ?? 0) - this.#cut.items;
      if (left <= 0) continue;
      more ??= {};
      more[name] = left;
      this.bytes += OF_FACT;
    }
    return more;
  }
}

/** JSON that may stand in a header: what is beyond visible ASCII (RFC 9110 section 5.5) stands as `\uXXXX`. */
export const asciiJson = (value: Json): string =>
  JSON.stringify(value).replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
