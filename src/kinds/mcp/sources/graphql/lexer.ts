import { Misuse } from '../tool-result.ts';

export type TokenKind = 'name' | 'int' | 'float' | 'string' | 'punctuator' | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** As it stands in the document; of strings nothing, since nobody asks. */
  readonly text: string;
  readonly at: number;
}

const NAME = /[_A-Za-z][_0-9A-Za-z]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const PUNCTUATORS = '!$&():=@[]{|}';
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LINE_FEED = 0x0a;
const RETURN = 0x0d;

/** The tokens of an executable document (October 2021, section 2.1), one after the other; nothing is looked at twice. */
export class Lexer {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** At the end always `end`. Throws `Misuse`. */
  next(): Token {
    this.#skipIgnored();
    const at = this.#at;
    const code = this.#text.charCodeAt(at);
    if (Number.isNaN(code)) return { kind: 'end', text: '', at };
    const char = this.#text.charAt(at);
    if (PUNCTUATORS.includes(char)) return this.#took('punctuator', char);
    if (char === '.') {
      if (!this.#text.startsWith('...', at)) throw this.#unexpected();
      return this.#took('punctuator', '...');
    }
    if (code === QUOTE) return this.#string();
    const name = this.#match(NAME);
    if (name !== undefined) return this.#took('name', name);
    const number = this.#match(NUMBER);
    if (number === undefined) throw this.#unexpected();
    const token = this.#took(/^-?\d+$/.test(number) ? 'int' : 'float', number);
    // Section 2.9.1: what follows a number is neither a digit, nor a dot, nor a name.
    if (/[\w.]/.test(this.#text.charAt(this.#at))) throw this.#unexpected();
    return token;
  }

  /** White space, line ends, commas, comments and the byte-order mark (sections 2.1.1 to 2.1.7). */
  #skipIgnored(): void {
    for (; this.#at < this.#text.length; this.#at++) {
      const char = this.#text.charAt(this.#at);
      if (char === '#') this.#skipLine();
      else if (!'\t\n\r ,\uFEFF'.includes(char)) return;
    }
  }

  #skipLine(): void {
    while (this.#at + 1 < this.#text.length && !isLineEnd(this.#text.charCodeAt(this.#at + 1))) this.#at++;
  }

  #string(): Token {
    const at = this.#at;
    this.#at = this.#text.startsWith('"""', at) ? this.#blockEnd(at + 3) : this.#stringEnd(at + 1);
    return { kind: 'string', text: '', at };
  }

  #stringEnd(from: number): number {
    for (let at = from; at < this.#text.length; at++) {
      const code = this.#text.charCodeAt(at);
      if (code === QUOTE) return at + 1;
      if (isLineEnd(code)) break;
      if (code === BACKSLASH) at++;
    }
    throw new Misuse(`The string that begins at position ${from - 1} of the document has no end.`);
  }

  #blockEnd(from: number): number {
    for (let at = this.#text.indexOf('"""', from); at >= 0; at = this.#text.indexOf('"""', at + 3)) {
      if (this.#text.charCodeAt(at - 1) !== BACKSLASH || at === from) return at + 3;
    }
    throw new Misuse(`The block string that begins at position ${from - 3} of the document has no end.`);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#text)?.[0];
  }

  #took(kind: TokenKind, text: string): Token {
    const at = this.#at;
    this.#at += text.length;
    return { kind, text, at };
  }

  #unexpected(): Misuse {
    return new Misuse(`The document cannot be read at position ${this.#at}: ${JSON.stringify(this.#text.slice(this.#at, this.#at + 16))}.`);
  }
}

const isLineEnd = (code: number) => code === LINE_FEED || code === RETURN;
