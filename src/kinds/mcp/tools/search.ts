import { asString, isObject, type JsonObject } from '../../../core/json.ts';
import { type Embedder, similarity } from '../../../core/meaning/embedder.ts';
import { wordsOf } from './words.ts';

/** What a word counts by where it stands. */
const IN_NAME = 3;
const IN_TITLE = 2;
const IN_TEXT = 1;
/** Characters of a description that are read for its words, and for its meaning: what a tool is for stands at the beginning. */
const READ = 1_000;
const MEANT = 300;
/** Words of one tool. */
const MOST_WORDS = 96;
/** Tools that are known at most. */
const MOST_TOOLS = 20_000;
/** What the meaning counts, of 1; words count the rest. */
const BY_MEANING = 0.5;
/** What a tool's own name in the question counts: more than anything else. */
const BY_NAME = 2;
/** What is found with less has nothing to do with the question. */
const LEAST = 0.08;

/** What is known of one tool: its words as numbers, what each counts, and its direction. */
interface Known {
  readonly words: Uint32Array;
  readonly counts: Uint8Array;
  readonly text: string;
  vector: Int8Array | undefined;
}

/** Finds tools by the words and the meaning of a question; asks nobody but the embedder. */
export class ToolSearch {
  readonly #known = new Map<string, Known>();
  /** Of the same object it is the same; gone with it. */
  #seen = new WeakMap<JsonObject, Known>();
  readonly #numbers = new Map<string, number>();
  #embedder: string | undefined;

  /** The best of these tools, best first; none that has nothing to do with the question. Without an embedder words alone count. */
  async best(
    query: string,
    tools: readonly JsonObject[],
    most: number,
    embedder: Embedder | undefined,
    signal: AbortSignal,
  ): Promise<readonly JsonObject[]> {
    const known = tools.map((tool) => this.#of(tool));
    const near = embedder === undefined ? undefined : await this.#nearness(query, known, embedder, signal);
    const words = this.#byWords(query, known);
    const names = namesIn(query);
    const scored = tools.map((tool, at) => {
      const byWords = words[at] ?? 0;
      const score = near === undefined ? byWords : BY_MEANING * (near[at] ?? 0) + (1 - BY_MEANING) * byWords;
      return { tool, score: score + (isNamed(tool, names) ? BY_NAME : 0) };
    });
    return scored
      .filter(({ score }) => score >= LEAST)
      .sort((a, b) => b.score - a.score)
      .slice(0, most)
      .map(({ tool }) => tool);
  }

  /** How much of the question's words a tool has, 0…1: rare ones count more, and those of its name most. */
  #byWords(query: string, known: readonly Known[]): Float64Array {
    const asked = new Map<number, number>();
    let unknown = 0;
    for (const word of new Set(wordsOf(query))) {
      const number = this.#numbers.get(word);
      if (number === undefined) unknown += 1;
      else asked.set(number, asked.size);
    }
    const found = new Float64Array(asked.size);
    const hits: { readonly tool: number; readonly word: number; readonly count: number }[] = [];
    known.forEach(({ words, counts }, tool) => {
      words.forEach((number, at) => {
        const word = asked.get(number);
        if (word === undefined) return;
        found[word] = (found[word] ?? 0) + 1;
        hits.push({ tool, word, count: counts[at] ?? 0 });
      });
    });
    const rarity = found.map((times) => Math.log(1 + known.length / (1 + times)));
    const whole = IN_NAME * (rarity.reduce((sum, each) => sum + each, 0) + unknown * Math.log(1 + known.length));
    const scores = new Float64Array(known.length);
    for (const { tool, word, count } of hits) scores[tool] = (scores[tool] ?? 0) + (count * (rarity[word] ?? 0)) / whole;
    return scores;
  }

  async #nearness(query: string, known: readonly Known[], embedder: Embedder, signal: AbortSignal): Promise<Float64Array | undefined> {
    if (this.#embedder !== embedder.id) for (const each of this.#known.values()) each.vector = undefined;
    this.#embedder = embedder.id;
    const fresh = [...new Set(known.filter(({ vector }) => vector === undefined))];
    try {
      const [question, ...vectors] = await embedder.embed([query, ...fresh.map(({ text }) => text)], signal);
      fresh.forEach((each, at) => {
        each.vector = vectors[at];
      });
      if (question === undefined) return undefined;
      return Float64Array.from(known, ({ vector }) => (vector === undefined ? 0 : Math.max(0, similarity(question, vector))));
    } catch {
      signal.throwIfAborted();
      return undefined;
    }
  }

  #of(tool: JsonObject): Known {
    let known = this.#seen.get(tool);
    if (known === undefined) {
      known = this.#found(tool);
      this.#seen.set(tool, known);
    }
    return known;
  }

  #found(tool: JsonObject): Known {
    const name = asString(tool.name) ?? '';
    const title = asString(tool.title) ?? '';
    const description = asString(tool.description) ?? '';
    const properties = isObject(tool.inputSchema) && isObject(tool.inputSchema.properties) ? Object.keys(tool.inputSchema.properties) : [];
    const key = [name, title, description.slice(0, READ), ...properties].join('\n');
    let known = this.#known.get(key);
    if (known === undefined) {
      if (this.#known.size >= MOST_TOOLS) this.#forget();
      known = this.#read(name, title, description, properties);
      this.#known.set(key, known);
    }
    return known;
  }

  #read(name: string, title: string, description: string, properties: readonly string[]): Known {
    const counts = new Map<number, number>();
    const add = (words: readonly string[], count: number) => {
      for (const word of words) {
        const number = this.#numberOf(word);
        if (!counts.has(number) && counts.size < MOST_WORDS) counts.set(number, count);
      }
    };
    add(wordsOf(name), IN_NAME);
    add(wordsOf(title), IN_TITLE);
    add(wordsOf(description.slice(0, READ)), IN_TEXT);
    add(properties.flatMap(wordsOf), IN_TEXT);
    return {
      words: Uint32Array.from(counts.keys()),
      counts: Uint8Array.from(counts.values()),
      text: `${wordsOf(name).join(' ')}. ${title}. ${description.slice(0, MEANT)}`,
      vector: undefined,
    };
  }

  #numberOf(word: string): number {
    let number = this.#numbers.get(word);
    if (number === undefined) {
      number = this.#numbers.size;
      this.#numbers.set(word, number);
    }
    return number;
  }

  #forget(): void {
    this.#known.clear();
    this.#seen = new WeakMap();
    this.#numbers.clear();
  }
}

/** What in a question may be the name of a tool, in lower case. */
const namesIn = (query: string): ReadonlySet<string> => new Set(query.toLowerCase().match(/[\p{L}\p{N}_./-]+/gu) ?? []);

/** Whether a question names a tool, with its prefix or without; a name of one common word alone says little. */
function isNamed(tool: JsonObject, names: ReadonlySet<string>): boolean {
  const name = (asString(tool.name) ?? '').toLowerCase();
  const own = name.slice(name.indexOf('__') + 2);
  return (names.has(name) && /[_./-]/.test(name)) || (names.has(own) && (/[_./-]/.test(own) || names.size === 1));
}
