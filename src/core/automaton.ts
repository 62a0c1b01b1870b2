import { Alphabet, EDGE, isWord } from './alphabet.ts';

export const ROOT = 0;
export const NONE = -1;

export interface Term {
  readonly text: string;
  /**
   * Only where it does not continue a word: no word character may stand beside an end of it that is one itself.
   * In scripts written without spaces (Han, Kana, Thai, …) every character counts as a word's end.
   */
  readonly wholeWord?: boolean;
  /** Told even where a longer term that ends at the same place hides it. */
  readonly alarm?: boolean;
}

export interface TermsOptions {
  /** Upper and lower case are told apart. Default false. */
  readonly matchCase?: boolean;
}

export interface Automaton {
  readonly alphabet: Alphabet;
  readonly transitions: Transitions;
  /** The state of the longest proper suffix that is also in the trie. */
  readonly fail: Int32Array;
  /** UTF-16 units of the longest suffix from which a term may still come. */
  readonly open: Int32Array;
  /** The longest term that ends here, or NONE. */
  readonly widest: Int32Array;
  /** The longest alarm that ends here, or NONE. */
  readonly alarm: Int32Array;
  /** UTF-16 units of each term. */
  readonly lengths: readonly number[];
}

interface Edge {
  readonly from: number;
  readonly symbol: number;
  readonly to: number;
}

/**
 * From a state by a symbol to the next one, or to the root where there is none. Most steps of a text are taken from the root,
 * and nearly all other states have one child: both are looked up in arrays, and only the rest in a map.
 */
class Transitions {
  readonly #size: number;
  readonly #fromRoot: Int32Array;
  readonly #firstSymbol: Int32Array;
  readonly #first: Int32Array;
  readonly #others = new Map<number, number>();
  readonly #branches: Uint8Array;

  constructor(edges: readonly Edge[], states: number, size: number) {
    this.#size = size;
    this.#fromRoot = new Int32Array(size);
    this.#firstSymbol = new Int32Array(states);
    this.#first = new Int32Array(states);
    this.#branches = new Uint8Array(states);
    for (const edge of edges) this.#add(edge);
  }

  next(state: number, symbol: number): number {
    if (state === ROOT) return this.#fromRoot[symbol] ?? ROOT;
    if (this.#firstSymbol[state] === symbol) return this.#first[state] ?? ROOT;
    return this.#branches[state] === 1 ? (this.#others.get(state * this.#size + symbol) ?? ROOT) : ROOT;
  }

  isLeaf(state: number): boolean {
    return this.#first[state] === ROOT;
  }

  #add({ from, symbol, to }: Edge): void {
    if (from === ROOT) this.#fromRoot[symbol] = to;
    if (this.isLeaf(from)) {
      this.#first[from] = to;
      this.#firstSymbol[from] = symbol;
    } else {
      this.#branches[from] = 1;
      this.#others.set(from * this.#size + symbol, to);
    }
  }
}

/** The states of all beginnings of terms, in the order in which they were first met. */
class Trie {
  readonly edges: Edge[] = [];
  readonly depth: number[] = [0];
  readonly units: number[] = [0];
  readonly #known = new Map<number, number>();
  readonly #size: number;

  constructor(size: number) {
    this.#size = size;
  }

  get states(): number {
    return this.depth.length;
  }

  /** The state after one more symbol, made where there is none. */
  follow(from: number, symbol: number, units: number): number {
    const known = this.#known.get(from * this.#size + symbol);
    if (known !== undefined) return known;
    const to = this.states;
    this.#known.set(from * this.#size + symbol, to);
    this.edges.push({ from, symbol, to });
    this.depth.push((this.depth[from] ?? 0) + 1);
    this.units.push((this.units[from] ?? 0) + units);
    return to;
  }
}

/** Throws on an empty term. */
export function compile(terms: readonly Term[], { matchCase = false }: TermsOptions): Automaton {
  const alphabet = new Alphabet(matchCase);
  for (const { text } of terms) for (const character of text) alphabet.add(character.codePointAt(0) ?? 0);
  const trie = new Trie(alphabet.size);
  const ends = terms.map((term) => insert(trie, alphabet, term));
  const automaton = {
    alphabet,
    transitions: new Transitions(trie.edges, trie.states, alphabet.size),
    fail: new Int32Array(trie.states),
    open: new Int32Array(trie.states),
    widest: new Int32Array(trie.states).fill(NONE),
    alarm: new Int32Array(trie.states).fill(NONE),
    lengths: terms.map((term) => term.text.length),
  };
  ends.forEach((state, index) => {
    if (automaton.widest[state] === NONE) automaton.widest[state] = index;
    if (automaton.alarm[state] === NONE && terms[index]?.alarm === true) automaton.alarm[state] = index;
  });
  link(automaton, trie);
  return automaton;
}

/** The state in which the term has been read whole, with the word edges that it contains or asks for. */
function insert(trie: Trie, alphabet: Alphabet, { text, wholeWord }: Term): number {
  let state = ROOT;
  let inWord: boolean | undefined = wholeWord === true ? false : undefined;
  for (const character of text) {
    const known = alphabet.read(character.codePointAt(0) ?? 0);
    if (inWord !== undefined && isWord(known) !== inWord) state = trie.follow(state, EDGE, 0);
    state = trie.follow(state, known >> 1, character.length);
    inWord = isWord(known);
  }
  return wholeWord === true && inWord === true ? trie.follow(state, EDGE, 0) : state;
}

/** Where to go on when a state cannot: shallow states first, for the deeper ones build on them. */
function link({ transitions, fail, open, widest, alarm }: Automaton, { edges, depth, units }: Trie): void {
  const byDepth = edges.toSorted((a, b) => (depth[a.to] ?? 0) - (depth[b.to] ?? 0));
  for (const { from, symbol, to } of byDepth) {
    let back = fail[from] ?? ROOT;
    while (back !== ROOT && transitions.next(back, symbol) === ROOT) back = fail[back] ?? ROOT;
    const suffix = from === ROOT ? ROOT : transitions.next(back, symbol);
    fail[to] = suffix;
    open[to] = transitions.isLeaf(to) ? (open[suffix] ?? 0) : (units[to] ?? 0);
    if (widest[to] === NONE) widest[to] = widest[suffix] ?? NONE;
    if (alarm[to] === NONE) alarm[to] = alarm[suffix] ?? NONE;
  }
}
