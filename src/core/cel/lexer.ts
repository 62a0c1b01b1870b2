import { refuse } from './fault.ts';

/** `sign`: operators and brackets. `end`: after the last. */
export type Token =
  | { readonly type: 'int'; readonly value: bigint; readonly at: number }
  | { readonly type: 'double'; readonly value: number; readonly at: number }
  | { readonly type: 'string'; readonly value: string; readonly at: number }
  | { readonly type: 'name' | 'sign' | 'end'; readonly value: string; readonly at: number };

const SPACE = /[ \t\n\r\f]+|\/\/[^\n]*/y;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?/y;
const SIGN = /&&|\|\||[=!<>]=|[<>!+\-*/%?:.,()[\]{}]/y;
/** A text in one kind of quotes, raw or not. Each alternative begins with another character, so that it is read once. */
const STRING =
  /[rR]?(?:"""(?:[^"\\]|\\[\s\S]|"(?!""))*"""|'''(?:[^'\\]|\\[\s\S]|'(?!''))*'''|"(?:[^"\\\n\r]|\\[^\n\r])*"|'(?:[^'\\\n\r]|\\[^\n\r])*')/y;
const ESCAPE = /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|[xX]([0-9a-fA-F]{2})|([0-3][0-7]{2})|([\s\S]))/g;

const PLAIN: { readonly [letter: string]: string } = {
  ...{ a: '\u0007', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' },
  ...{ '\\': '\\', '?': '?', '"': '"', "'": "'", '`': '`' },
};

/** The words of an expression (https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax). Bytes and unsigned numbers are left out. */
export function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  };
  while (at < text.length) {
    const space = take(SPACE);
    if (space !== undefined) {
      at += space.length;
      continue;
    }
    const string = take(STRING);
    const number = string === undefined ? take(NUMBER) : undefined;
    const word = string ?? number ?? take(NAME) ?? take(SIGN);
    if (word === undefined) throw refuse(`unexpected ${JSON.stringify([...text.slice(at)][0])} at character ${at + 1}`);
    if (string !== undefined) tokens.push({ type: 'string', value: unquoted(string), at });
    else if (number !== undefined) tokens.push(numberIn(number, at));
    else tokens.push({ type: /^\w/.test(word) ? 'name' : 'sign', value: word, at });
    at += word.length;
  }
  tokens.push({ type: 'end', value: '', at });
  return tokens;
}

function numberIn(word: string, at: number): Token {
  if (/^\d+$|^0x/i.test(word)) return { type: 'int', value: BigInt(word), at };
  const value = Number(word);
  if (Number.isFinite(value)) return { type: 'double', value, at };
  throw refuse(`the number ${word.slice(0, 20)} is too large`);
}

function unquoted(word: string): string {
  const isRaw = /^r/i.test(word);
  const quoted = isRaw ? word.slice(1) : word;
  const marks = quoted.length >= 6 && (quoted.startsWith('"""') || quoted.startsWith("'''")) ? 3 : 1;
  const inside = quoted.slice(marks, -marks);
  if (isRaw || !inside.includes('\\')) return inside;
  return inside.replace(ESCAPE, (whole, short?: string, long?: string, hex?: string, octal?: string, letter?: string) => {
    if (letter !== undefined) return PLAIN[letter] ?? throwEscape(whole);
    const code = Number.parseInt(short ?? long ?? hex ?? octal ?? '', octal === undefined ? 16 : 8);
    return code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? throwEscape(whole) : String.fromCodePoint(code);
  });
}

function throwEscape(written: string): never {
  throw refuse(`there is no character ${written}`);
}
