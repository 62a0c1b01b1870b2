import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from './json.ts';
import { factAt, fill, holds, isLiteral, MOST_FILLED, parseTemplate, rootsOf, type Template } from './template.ts';

function template(text: string): Template {
  const parsed = parseTemplate(text);
  if ('problem' in parsed) throw new Error(parsed.problem);
  return parsed;
}

const facts: JsonObject = {
  claims: {
    azp: 'web',
    level: 3,
    ok: true,
    empty: '',
    nothing: null,
    list: ['a', { b: 'c' }],
    deep: { er: 'x' },
    'deep.er': 'whole',
    'https://acme.example/team': 'red',
    brace: '{claims.azp}',
    lines: 'a\nb',
  },
};

describe('a template', () => {
  it.each([
    ['acme', 'acme'],
    ['{claims.azp}', 'web'],
    ['team-{claims.level}-{claims.azp}', 'team-3-web'],
    ['{claims.ok}', 'true'],
    ['{claims.none|claims.azp}', 'web'],
    ['{ claims.empty | claims.azp }', 'web'],
    ['{claims.list.0}', 'a'],
    ['{claims.list.1.b}', 'c'],
    ['{claims.deep.er}', 'whole'],
    ['{claims.https://acme.example/team}', 'red'],
    ['{{claims.azp}}', '{claims.azp}'],
    ['{claims.brace}', '{claims.azp}'],
  ])('%s is %s', (text, expected) => {
    expect(fill(template(text), facts)).toBe(expected);
  });

  it.each([
    '{claims.none}',
    'x{claims.empty}',
    '{claims.nothing}',
    '{claims.list}',
    '{claims.deep}',
    '{claims.lines}',
    '{other}',
    '{claims.list.x}',
    '{claims.azp.length}',
  ])('%s is nothing', (text) => {
    expect(fill(template(text), facts)).toBeUndefined();
  });

  it.each(['{', '}', 'a{b', 'a}b', '{}', '{a|}', '{a{b}}'])('%s is none', (text) => {
    expect(parseTemplate(text)).toHaveProperty('problem');
  });

  it('knows whether it depends on facts, and on which', () => {
    expect(isLiteral(template('a{{b}}'))).toBe(true);
    expect(isLiteral(template('a{b.c}'))).toBe(false);
    expect(rootsOf(template('{claims.a|cert.b}-{keyid}'))).toEqual(['claims', 'cert', 'keyid']);
  });
});

const json = fc.jsonValue({ maxDepth: 3 }).map((value) => value as Json);
const text = fc.string({ unit: fc.constantFrom('a', '{', '}', '|', '.', ' ', '"', 'é', '\u{1f511}'), maxLength: 40 });

describe('every template', () => {
  it('gives back text that has no places, whatever it holds', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 100 }), (literal) => {
        const escaped = literal.replaceAll('{', '{{').replaceAll('}', '}}');
        expect(fill(template(escaped), facts)).toBe(literal);
      }),
    );
  });

  it('puts in what the fact is, letter for letter, and reads it as nothing else', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('{', '}', 'a', '.', '|', '"', '%', "'", 'ü', '\\', '/'), minLength: 1, maxLength: 60 }),
        text,
        (value, key) => {
          const name = `k${key.replace(/[{}|]/g, '')}`.trim();
          expect(fill(template(`<{claims.${name}}>`), { claims: { [name]: value } })).toBe(`<${value}>`);
        },
      ),
    );
  });

  it('is read or refused, and filled or not, without throwing, and never longer than allowed', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('{', '}', '|', '.', 'a', 'claims', ' ', '0', '__proto__', 'constructor') }),
        json,
        (written, value) => {
          const parsed = parseTemplate(written);
          if ('problem' in parsed) return;
          const filled = fill(parsed, { claims: value });
          expect(filled === undefined || (filled.length > 0 && filled.length <= MOST_FILLED)).toBe(true);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('sees nothing but what a value itself holds', () => {
    for (const path of ['__proto__', 'constructor', 'constructor.name', 'toString', 'a.length', 'a.0', 'l.length', 'l.__proto__']) {
      expect(factAt({ a: 'text', l: ['x'] }, path), path).toBeUndefined();
    }
  });

  it('finds whatever stands at a path that names each step', () => {
    const step = fc
      .string({ unit: fc.constantFrom('a', 'b', '.', '/', ':'), minLength: 1, maxLength: 6 })
      .filter((name) => !/^\.|\.$/.test(name));
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 4 }), fc.string(), (steps, value) => {
        const nested = steps.reduceRight<Json>((inner, name) => ({ [name]: inner }), value);
        expect(factAt(nested, steps.join('.'))).toBe(value);
      }),
    );
  });

  it('does not take one scope for another', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom('a', ':', 'b'), minLength: 1 })),
        fc.string({ unit: fc.constantFrom('a', ':', 'b'), minLength: 1 }),
        (words, wanted) => {
          expect(holds({ scope: words.join(' ') }, 'scope', wanted)).toBe(words.includes(wanted));
          expect(holds({ groups: words.join(' ') }, 'groups', wanted)).toBe(words.join(' ') === wanted);
        },
      ),
    );
  });
});
