import { EDGE, isWord, OTHER } from './alphabet.ts';
import { type Automaton, compile, NONE, ROOT, type Term, type TermsOptions } from './automaton.ts';
import type { Found, Matcher, Scan } from './rewrite.ts';

export type { Term, TermsOptions };

/**
 * Many literal terms, found at once: an Aho–Corasick automaton (Aho & Corasick, CACM 18(6), 1975) over code points.
 * Word edges are symbols of their own, written into the terms and the text alike, so that whole words cost nothing extra and a
 * state alone says which terms end there. Of the terms that end at one place the longest is told, and the longest alarm.
 */
export class Terms implements Matcher {
  readonly #automaton: Automaton;

  /** Of two terms that read the same, the first counts. Throws on an empty term. */
  constructor(terms: readonly Term[], options: TermsOptions = {}) {
    if (terms.some((term) => term.text === '')) throw new RangeError('A term must not be empty.');
    this.#automaton = compile(terms, options);
  }

  scan(): TermScan {
    return new TermScan(this.#automaton);
  }
}

/** Reads one text. `steps` counts transitions tried: at most four for each UTF-16 unit, and two more. */
class TermScan implements Scan {
  readonly #automaton: Automaton;
  #state = ROOT;
  #at = 0;
  #inWord = false;
  #steps = 0;

  constructor(automaton: Automaton) {
    this.#automaton = automaton;
  }

  get steps(): number {
    return this.#steps;
  }

  get safe(): number {
    return this.#at - (this.#automaton.open[this.#state] ?? 0);
  }

  read(piece: string, found: Found): void {
    const { alphabet } = this.#automaton;
    for (let at = 0; at < piece.length; ) {
      const codePoint = piece.codePointAt(at) ?? 0;
      const width = codePoint > 0xffff ? 2 : 1;
      const character = alphabet.read(codePoint);
      if (isWord(character) !== this.#inWord) this.#edge(found);
      at += width;
      this.#at += width;
      this.#step(character >> 1, found);
    }
  }

  end(found: Found): void {
    if (this.#inWord) this.#edge(found);
  }

  #edge(found: Found): void {
    this.#inWord = !this.#inWord;
    this.#step(EDGE, found);
  }

  #step(symbol: number, found: Found): void {
    const { transitions, fail, widest } = this.#automaton;
    let state = this.#state;
    let next = transitions.next(state, symbol);
    let steps = 1;
    while (next === ROOT && state !== ROOT) {
      steps++;
      state = symbol === OTHER ? ROOT : (fail[state] ?? ROOT);
      next = transitions.next(state, symbol);
    }
    this.#steps += steps;
    this.#state = next;
    if (widest[next] !== NONE) this.#tell(next, found);
  }

  #tell(state: number, found: Found): void {
    const { widest, alarm, lengths } = this.#automaton;
    const longest = widest[state] ?? NONE;
    const alarming = alarm[state] ?? NONE;
    found(longest, this.#at - (lengths[longest] ?? 0), this.#at);
    if (alarming !== NONE && alarming !== longest) found(alarming, this.#at - (lengths[alarming] ?? 0), this.#at);
  }
}
