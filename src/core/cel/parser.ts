import { refuse } from './fault.ts';
import { type Token, tokensOf } from './lexer.ts';

export type Arithmetic = '+' | '-' | '*' | '/' | '%';
export type Comparison = '<' | '<=' | '>' | '>=';
export type Binary = '==' | '!=' | 'in' | Comparison | Arithmetic;

export type Node =
  | { readonly type: 'value'; readonly value: bigint | number | string | boolean | null }
  | { readonly type: 'name'; readonly name: string }
  | { readonly type: 'field'; readonly of: Node; readonly name: string }
  | { readonly type: 'index'; readonly of: Node; readonly at: Node }
  | { readonly type: 'call'; readonly name: string; readonly on?: Node; readonly args: readonly Node[] }
  | { readonly type: 'list'; readonly items: readonly Node[] }
  | { readonly type: 'not' | 'minus'; readonly of: Node }
  | { readonly type: 'binary'; readonly sign: Binary; readonly left: Node; readonly right: Node }
  | { readonly type: 'and' | 'or'; readonly left: Node; readonly right: Node }
  | { readonly type: 'choice'; readonly when: Node; readonly yes: Node; readonly no: Node };

/** Nodes of one expression, and how deep they may stand in one another: what walks them needs no limit of its own. */
const MOST_NODES = 512;
const MOST_DEPTH = 32;

const MOST_INT = 2n ** 63n - 1n;

/** Levels of the signs between two operands, from the loosest (langdef.md#syntax). */
const LEVELS: readonly ReadonlySet<string>[] = [
  new Set(['==', '!=', '<', '<=', '>', '>=', 'in']),
  new Set(['+', '-']),
  new Set(['*', '/', '%']),
];

const RESERVED = new Set('as break const continue else for function if import let loop package namespace return var void while'.split(' '));

/** Reads an expression. Throws a `RuleFault`. */
export function parse(text: string): Node {
  return new Parser(tokensOf(text)).whole();
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #nodes = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Node {
    const node = this.#expression();
    if (this.#token.type !== 'end') throw this.#unexpected();
    return node;
  }

  get #token(): Token {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw refuse('it ends too early');
    return token;
  }

  #unexpected(): Error {
    const { type, value, at } = this.#token;
    return refuse(type === 'end' ? 'it ends too early' : `unexpected ${JSON.stringify(String(value))} at character ${at + 1}`);
  }

  #made(node: Node): Node {
    this.#nodes++;
    if (this.#nodes > MOST_NODES) throw refuse(`it has more than ${MOST_NODES} parts`);
    return node;
  }

  /** Whether the token is one of these signs; `in` is written as a name. */
  #sees(...signs: readonly string[]): boolean {
    const { type, value } = this.#token;
    return (type === 'sign' || value === 'in') && signs.includes(String(value));
  }

  #takes(sign: string): boolean {
    if (!this.#sees(sign)) return false;
    this.#at++;
    return true;
  }

  #expect(sign: string): void {
    if (!this.#takes(sign)) throw this.#unexpected();
  }

  #expression(): Node {
    this.#depth++;
    if (this.#depth > MOST_DEPTH) throw refuse(`it is nested more than ${MOST_DEPTH} deep`);
    const when = this.#or();
    const node = this.#takes('?') ? this.#choice(when) : when;
    this.#depth--;
    return node;
  }

  #choice(when: Node): Node {
    const yes = this.#or();
    this.#expect(':');
    return this.#made({ type: 'choice', when, yes, no: this.#expression() });
  }

  #or(): Node {
    let node = this.#and();
    while (this.#takes('||')) node = this.#made({ type: 'or', left: node, right: this.#and() });
    return node;
  }

  #and(): Node {
    let node = this.#binary(0);
    while (this.#takes('&&')) node = this.#made({ type: 'and', left: node, right: this.#binary(0) });
    return node;
  }

  #binary(level: number): Node {
    const signs = LEVELS[level];
    if (signs === undefined) return this.#unary();
    let left = this.#binary(level + 1);
    while (this.#sees(...signs)) {
      const sign = String(this.#token.value) as Binary;
      this.#at++;
      left = this.#made({ type: 'binary', sign, left, right: this.#binary(level + 1) });
    }
    return left;
  }

  #unary(): Node {
    const marks: ('not' | 'minus')[] = [];
    while (this.#sees('!', '-')) {
      marks.push(this.#token.value === '!' ? 'not' : 'minus');
      this.#at++;
    }
    if (marks.length > MOST_DEPTH) throw refuse(`it is nested more than ${MOST_DEPTH} deep`);
    // The sign of a number is a part of it: the least of all has no counterpart above zero.
    const isNegative = marks.at(-1) === 'minus' && (this.#token.type === 'int' || this.#token.type === 'double');
    if (isNegative) marks.pop();
    let node = this.#postfix(this.#primary(isNegative));
    for (const type of marks.reverse()) node = this.#made({ type, of: node });
    return node;
  }

  #postfix(first: Node): Node {
    let node = first;
    let steps = 0;
    while (this.#sees('.', '[')) {
      steps++;
      if (steps > MOST_DEPTH) throw refuse(`it is nested more than ${MOST_DEPTH} deep`);
      if (this.#takes('[')) {
        node = this.#made({ type: 'index', of: node, at: this.#expression() });
        this.#expect(']');
        continue;
      }
      this.#expect('.');
      const name = this.#name();
      if (this.#takes('(')) node = this.#made({ type: 'call', name, on: node, args: this.#list(')') });
      else node = this.#made({ type: 'field', of: node, name });
    }
    return node;
  }

  #name(): string {
    const token = this.#token;
    if (token.type !== 'name' || token.value === 'in') throw this.#unexpected();
    this.#at++;
    return token.value;
  }

  #primary(isNegative: boolean): Node {
    const token = this.#token;
    if (token.type === 'int' || token.type === 'double' || token.type === 'string') {
      this.#at++;
      return this.#made({ type: 'value', value: token.type === 'int' ? intOf(token.value, isNegative) : signed(token.value, isNegative) });
    }
    if (this.#takes('(')) {
      const node = this.#expression();
      this.#expect(')');
      return node;
    }
    if (this.#takes('[')) return this.#made({ type: 'list', items: this.#list(']') });
    const name = this.#name();
    if (name === 'true' || name === 'false') return this.#made({ type: 'value', value: name === 'true' });
    if (name === 'null') return this.#made({ type: 'value', value: null });
    if (RESERVED.has(name)) throw refuse(`"${name}" is a reserved word`);
    return this.#made(this.#takes('(') ? { type: 'call', name, args: this.#list(')') } : { type: 'name', name });
  }

  /** Up to a closing bracket; a comma may stand before it. */
  #list(end: string): Node[] {
    const items: Node[] = [];
    while (!this.#takes(end)) {
      items.push(this.#expression());
      if (!this.#sees(end)) this.#expect(',');
    }
    return items;
  }
}

function intOf(value: bigint, isNegative: boolean): bigint {
  if (value > MOST_INT + (isNegative ? 1n : 0n)) throw refuse(`the number ${value} is too large`);
  return isNegative ? -value : value;
}

const signed = (value: number | string, isNegative: boolean) => (typeof value === 'number' && isNegative ? -value : value);
