import { Misuse } from '../tool-result.ts';
import { Lexer, type Token } from './lexer.ts';

/** Characters of a document, what lies within each other in it, and fragments it has: far above any that is of use. */
const LONGEST = 64 * 1024;
const DEEPEST = 64;
const FRAGMENTS = 64;

/** How many of a list are asked for: a number, or the variable that says it. */
export type PageSize = number | { readonly variable: string };

export type Selection =
  | { readonly kind: 'field'; readonly name: string; readonly pages: readonly PageSize[]; readonly below: readonly Selection[] }
  | { readonly kind: 'spread'; readonly fragment: string }
  | { readonly kind: 'inline'; readonly on: string | undefined; readonly below: readonly Selection[] };

export interface OperationDefinition {
  readonly type: 'query' | 'mutation' | 'subscription';
  readonly name: string | undefined;
  /** Numbers that variables have where they are not given. */
  readonly defaults: ReadonlyMap<string, number>;
  readonly selections: readonly Selection[];
}

export interface FragmentDefinition {
  readonly on: string;
  readonly selections: readonly Selection[];
}

/** What matters of an executable document for what it may come to. */
export interface Executable {
  readonly operations: readonly OperationDefinition[];
  readonly fragments: ReadonlyMap<string, FragmentDefinition>;
}

/** Arguments that say how many of a list there will be. */
const SIZES: ReadonlySet<string> = new Set(['first', 'last', 'limit', 'take', 'perPage', 'per_page', 'pageSize']);

/** Reads an executable document (October 2021, section 2), in one pass. Throws `Misuse` for what is none. */
export function readDocument(text: string): Executable {
  if (text.length > LONGEST) throw new Misuse(`The document has ${text.length} characters, which are more than ${LONGEST}.`);
  return new Reader(text).document();
}

class Reader {
  readonly #lexer: Lexer;
  #token: Token;
  #depth = 0;

  constructor(text: string) {
    this.#lexer = new Lexer(text);
    this.#token = this.#lexer.next();
  }

  document(): Executable {
    const operations: OperationDefinition[] = [];
    const fragments = new Map<string, FragmentDefinition>();
    while (this.#token.kind !== 'end') {
      if (this.#token.text !== 'fragment') operations.push(this.#operation());
      else {
        const [name, fragment] = this.#fragment();
        if (fragments.has(name)) throw new Misuse(`The document has two fragments called ${name}.`);
        fragments.set(name, fragment);
        if (fragments.size > FRAGMENTS) throw new Misuse(`The document has more than ${FRAGMENTS} fragments.`);
      }
    }
    if (operations.length === 0) throw new Misuse('The document holds no operation.');
    return { operations, fragments };
  }

  #operation(): OperationDefinition {
    if (this.#is('{')) return { type: 'query', name: undefined, defaults: new Map(), selections: this.#selections() };
    const type = this.#token.kind === 'name' ? this.#token.text : undefined;
    if (type !== 'query' && type !== 'mutation' && type !== 'subscription') throw this.#unexpected('an operation or a fragment');
    this.#step();
    const name = this.#token.kind === 'name' ? this.#name() : undefined;
    const defaults = this.#variables();
    this.#directives();
    return { type, name, defaults, selections: this.#selections() };
  }

  #fragment(): readonly [string, FragmentDefinition] {
    this.#step();
    const name = this.#name();
    if (name === 'on' || !this.#isName('on')) throw this.#unexpected('a name and `on`');
    this.#step();
    const on = this.#name();
    this.#directives();
    return [name, { on, selections: this.#selections() }];
  }

  #variables(): ReadonlyMap<string, number> {
    const defaults = new Map<string, number>();
    if (!this.#take('(')) return defaults;
    do {
      this.#expect('$');
      const name = this.#name();
      this.#expect(':');
      this.#type();
      if (this.#take('=')) {
        const value = this.#value();
        if (typeof value === 'number') defaults.set(name, value);
      }
      this.#directives();
    } while (!this.#take(')'));
    return defaults;
  }

  #type(): void {
    this.#enter();
    if (this.#take('[')) {
      this.#type();
      this.#expect(']');
    } else this.#name();
    this.#take('!');
    this.#depth--;
  }

  #selections(): readonly Selection[] {
    this.#enter();
    this.#expect('{');
    const selections: Selection[] = [];
    do selections.push(this.#selection());
    while (!this.#take('}'));
    this.#depth--;
    return selections;
  }

  #selection(): Selection {
    if (!this.#take('...')) return this.#field();
    if (this.#token.kind === 'name' && this.#token.text !== 'on') {
      const fragment = this.#name();
      this.#directives();
      return { kind: 'spread', fragment };
    }
    let on: string | undefined;
    if (this.#isName('on')) {
      this.#step();
      on = this.#name();
    }
    this.#directives();
    return { kind: 'inline', on, below: this.#selections() };
  }

  #field(): Selection {
    const first = this.#name();
    const name = this.#take(':') ? this.#name() : first;
    const pages = this.#arguments();
    this.#directives();
    return { kind: 'field', name, pages, below: this.#is('{') ? this.#selections() : [] };
  }

  #arguments(): readonly PageSize[] {
    const pages: PageSize[] = [];
    if (!this.#take('(')) return pages;
    do {
      const name = this.#name();
      this.#expect(':');
      const value = this.#value();
      if (SIZES.has(name) && value !== undefined) pages.push(value);
    } while (!this.#take(')'));
    return pages;
  }

  #directives(): void {
    while (this.#take('@')) {
      this.#name();
      this.#arguments();
    }
  }

  /** Whole numbers and variables by themselves; of all other values only that they are well-formed. */
  #value(): PageSize | undefined {
    this.#enter();
    const value = this.#is('[') || this.#is('{') ? this.#compound() : this.#single();
    this.#depth--;
    return value;
  }

  #compound(): undefined {
    if (this.#take('[')) {
      while (!this.#take(']')) this.#value();
      return;
    }
    this.#expect('{');
    while (!this.#take('}')) {
      this.#name();
      this.#expect(':');
      this.#value();
    }
  }

  #single(): PageSize | undefined {
    if (this.#take('$')) return { variable: this.#name() };
    const { kind, text } = this.#token;
    if (kind === 'punctuator' || kind === 'end') throw this.#unexpected('a value');
    this.#step();
    return kind === 'int' ? Number(text) : undefined;
  }

  #enter(): void {
    if (++this.#depth > DEEPEST) throw new Misuse(`The document is nested more than ${DEEPEST} deep.`);
  }

  #step(): void {
    this.#token = this.#lexer.next();
  }

  #is(punctuator: string): boolean {
    return this.#token.kind === 'punctuator' && this.#token.text === punctuator;
  }

  #isName(name: string): boolean {
    return this.#token.kind === 'name' && this.#token.text === name;
  }

  #take(punctuator: string): boolean {
    const isIt = this.#is(punctuator);
    if (isIt) this.#step();
    return isIt;
  }

  #expect(punctuator: string): void {
    if (!this.#take(punctuator)) throw this.#unexpected(`"${punctuator}"`);
  }

  #name(): string {
    const { kind, text } = this.#token;
    if (kind !== 'name') throw this.#unexpected('a name');
    this.#step();
    return text;
  }

  #unexpected(wanted: string): Misuse {
    const { kind, text, at } = this.#token;
    const found = kind === 'end' ? 'its end' : kind === 'string' ? 'a string' : `"${text.slice(0, 64)}"`;
    return new Misuse(`The document has ${found} at position ${at}, where ${wanted} must stand.`);
  }
}
