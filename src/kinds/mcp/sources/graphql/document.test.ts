import fc from 'fast-check';
import { buildSchema, introspectionFromSchema, parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../core/json.ts';
import { readDocument } from './document.ts';
import { executed, explored } from './generic.ts';
import { type DocumentLimits, measure } from './measure.ts';
import { introspected, Schema } from './schema.ts';

function read(sdl: string): Schema {
  const schema = introspected(JSON.parse(JSON.stringify(introspectionFromSchema(buildSchema(sdl)))));
  if (schema === undefined) throw new Error('no schema');
  return new Schema(schema);
}

const limits: DocumentLimits = { maxDepth: 8, maxCost: 1_000, mutations: false, isWanted: () => true };

// A selection as a tree, and how it is written with anything between its tokens that means nothing.
type Tree = readonly { readonly name: string; readonly value: string; readonly below: Tree }[];
const VALUES = ['', '("{ { {")', '("""{ \\""" { " } """)', '({a: [{b: {c: 1.5e3}}]})', '("\\" {")', '(-1)'];
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.array(
    fc.record({
      name: fc.constantFrom('a', 'on', 'query'),
      value: fc.constantFrom(...VALUES),
      below: fc.oneof({ depthSize: 'small' }, fc.constant([]), tie('tree')),
    }),
    { minLength: 1, maxLength: 3 },
  ),
}));
const ignored = fc.constantFrom(' ', '\n', '\t', ',', '\uFEFF', ' # { "x\n', '\r\n', ' #}\r', ',,# """\n');
const tokensOf = (at: Tree): string[] => [
  '{',
  ...at.flatMap(({ name, value, below }) => [
    name,
    ...(value === '' ? [] : ['(', 'x', ':', value.slice(1, -1), ')']),
    ...(below.length === 0 ? [] : tokensOf(below)),
  ]),
  '}',
];
const depthOf = (at: Tree): number => 1 + Math.max(0, ...at.map(({ below }) => (below.length === 0 ? 0 : depthOf(below))));
const countOf = (at: Tree): number => at.reduce((sum, { below }) => sum + 1 + countOf(below), 0);

describe('a document that a model writes', () => {
  const loop = read('type Query { a(x: String): Query, on(x: String): Query, query(x: String): Query }');
  const free = { ...limits, maxDepth: 1_000, maxCost: 1_000_000 };

  it('is as deep and as large as it is, whatever stands between its tokens', () => {
    fc.assert(
      fc.property(tree, fc.infiniteStream(ignored), (root, between) => {
        let text = '';
        for (const token of tokensOf(root)) text += token + between.next().value;
        fc.pre(depthOf(root) < 40);
        expect(measure(readDocument(text), loop, {}, free)).toEqual({ depth: depthOf(root), cost: countOf(root) });
      }),
      { numRuns: 300 },
    );
  });

  it('is one exactly where a server’s own parser says so', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      'a',
      ' ',
      '{ a }',
      'query',
      'fragment F on T',
      '...',
      '... on T',
      'on',
      '(x: 1)',
      '($v: [Int!] = 1)',
      '@d',
      '"s"',
      '"""b"""',
      '"',
      '#',
      '\n',
      ':',
      '1',
      '1.',
      '01',
      '-',
      '$v',
      '[',
      ']',
      '!',
      '&',
      '.',
      '{ a(x: {y: [1, $v]}) { b } }',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const text = pieces.join('');
        const accepts = (reads: () => boolean) => {
          try {
            return reads();
          } catch {
            return false;
          }
        };
        // Fragments alone can be parsed and never run; two of one name and descriptions of operations are refused here.
        const isRun = () => {
          const { definitions } = parse(text);
          const fragments = definitions.filter(({ kind }) => kind === 'FragmentDefinition');
          const isDescribed = definitions.some((each) => 'description' in each && each.description !== undefined);
          return definitions.length > fragments.length && fragments.length < 2 && !isDescribed;
        };
        expect(
          accepts(() => readDocument(text).operations.length > 0),
          text,
        ).toBe(accepts(isRun));
      }),
      { numRuns: 3_000 },
    );
  });

  const shop = read(`
    type Query implements Node { id: ID, items(first: Int, limit: Int): [Item], secret: String, node: Node }
    type Item { name: String, parts(first: Int): [Item], shop: Query }
    interface Node { id: ID, secret: String }
    type Mutation { drop: Int }`);
  const cost = (text: string, variables: JsonObject = {}) => measure(readDocument(text), shop, variables, limits).cost;

  it('counts pages as often as they are long, and fragments wherever they are spread', () => {
    expect(cost('{ items(first: 10) { name } }')).toBe(11);
    expect(cost('query($n: Int = 7) { items(first: $n) { name } }')).toBe(8);
    expect(cost('query($n: Int = 7) { items(first: $n) { name } }', { n: 20 })).toBe(21);
    expect(cost('{ a: items { ...F } b: items { ...F } } fragment F on Item { name x: name }')).toBe(6);
    expect(() => cost('{ items(first: 100) { parts(first: 100) { name } } }')).toThrow(/comes to 10101 fields.* and 1000 are allowed/);
    expect(() => cost('{ items(first: 100, limit: 1) { parts(first: 100) { name } } }')).toThrow(/are allowed/);
    const doubling = Array.from(
      { length: 40 },
      (_, at) => `fragment F${at} on Item { a: parts { ...F${at + 1} } b: parts { ...F${at + 1} } }`,
    );
    expect(() => cost(`{ items { ...F0 } } ${doubling.join(' ')} fragment F40 on Item { name }`)).toThrow(/are allowed/);
  });

  it.each([
    ['a subscription', 'subscription { drop }', /Subscriptions/],
    ['a mutation', '{ id } mutation M { drop }', /Mutations in documents are not allowed/],
    ['a fragment in itself', '{ ...F } fragment F on Query { ...G } fragment G on Query { ...F }', /contains itself/],
    ['what is not there', '{ nothing }', /Query has no field nothing/],
    ['the schema', '{ __schema { types { name } } }', /cannot be asked for here/],
    ['what is too deep', `{ items ${'{ parts '.repeat(8)} { name } ${'}'.repeat(8)} }`, /10 selections deep, and 8 are allowed/],
    ['what never ends', '{ a '.repeat(30_000), /characters|nested/],
    ['lists in lists', `{ a(x: ${'['.repeat(5_000)} }`, /nested more than 64/],
  ])('refuses %s', (_, text, why) => {
    expect(() => cost(text)).toThrow(why);
  });

  it('never gets what the operator leaves out, by whichever way', () => {
    const guarded = { ...limits, isWanted: (_: string, name: string) => name !== 'secret' };
    for (const text of [
      '{ secret }',
      '{ x: secret }',
      '{ ... { secret } }',
      '{ ...F } fragment F on Query { secret }',
      '{ ... on Node { secret } }',
      '{ items { shop { secret } } }',
      '{ node { ... on Node { secret } } }',
    ]) {
      expect(() => measure(readDocument(text), shop, {}, guarded), text).toThrow('query.secret is not allowed by the operator.');
    }
    expect(explored(shop, {}, guarded.isWanted)).not.toContain('Query.secret');
    expect(explored(shop, { type: 'Query' }, guarded.isWanted)).not.toContain('secret');
  });

  it('needs a name where there are several, and goes out as it came', () => {
    const document = 'query A { id } query B { id }';
    expect(() => executed(shop, { document }, limits)).toThrow(/several operations/);
    expect(() => executed(shop, { document, operationName: 'C' }, limits)).toThrow(/It holds: A, B/);
    expect(executed(shop, { document, operationName: 'B' }, limits)).toEqual({ query: document, variables: {}, operationName: 'B' });
  });
});
