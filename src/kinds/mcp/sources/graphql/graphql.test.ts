import fc from 'fast-check';
import { buildSchema, introspectionFromSchema, parse, validate } from 'graphql';
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../../../core/json.ts';
import { resultOf } from './answer.ts';
import { readDocument } from './document.ts';
import { explored } from './generic.ts';
import { inputSchemaOf } from './inputs.ts';
import { measure } from './measure.ts';
import { readOperations, requestOf } from './operations.ts';
import { INTROSPECTION } from './remote.ts';
import { introspected, Schema } from './schema.ts';
import { selectionOf } from './selection.ts';

const json = (value: unknown): JsonObject => JSON.parse(JSON.stringify(value));

function read(sdl: string): Schema {
  const schema = introspected(json(introspectionFromSchema(buildSchema(sdl))));
  if (schema === undefined) throw new Error('no schema');
  return new Schema(schema);
}

const all = { most: 1_000, taken: [] };
const limits = { maxDepth: 100, maxCost: 10_000, mutations: false, isWanted: () => true };

// Schemas of every shape: objects, interfaces and unions that lead to each other and back, with arguments that must be given.
const LEAVES = ['Int', 'String', 'ID', 'Colour', 'Date'];
const wrapped = (type: string) => fc.constantFrom(type, `${type}!`, `[${type}]`, `[${type}!]!`);
const field = fc
  .record({
    name: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'id'),
    type: fc.constantFrom(...LEAVES, 'T0', 'T1', 'T2', 'T3', 'U', 'I').chain(wrapped),
    args: fc.constantFrom('', '', '(x: Int)', '(x: Int!)', '(first: Int)', '(x: Int! = 3, filter: [Filter!])'),
  })
  .map(({ name, type, args }) => ({ name, text: `${name}${args}: ${type}` }));
const fields = fc
  .uniqueArray(field, { selector: ({ name }) => name, maxLength: 6 })
  .map((list) => list.map(({ text }) => text).join('\n  '));
const sdlOf = fc.tuple(fields, fields, fields, fields, fields).map(
  ([query, t0, t1, t2, t3]) => `
  enum Colour { RED GREEN }
  scalar Date
  input Filter { colour: Colour = RED, and: [Filter!], text: String! }
  interface I { own: Int, link: I }
  union U = T0 | T1 | T3
  type Query { root: String
  ${query} }
  type T0 implements I { own: Int, link: I
  ${t0} }
  type T1 implements I { own: Int, link: T1, z: String
  ${t1} }
  type T2 { y: Date
  ${t2} }
  type T3 { z: Int
  ${t3} }`,
);

describe('a document that is written for a tool', () => {
  it('is valid for its schema, as deep and as large as it may be, and asks for no field that must be given arguments', () => {
    fc.assert(
      fc.property(sdlOf, fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 60 }), (sdl, depth, maxFields) => {
        const official = buildSchema(sdl);
        const schema = read(sdl);
        const { operations } = readOperations(schema, all);
        for (const operation of operations) {
          const args: { [name: string]: Json } = {};
          for (const { name, type } of operation.field.args) if (type.isRequired) args[name] = 1;
          const { query } = requestOf(schema, operation, args, { depth, maxFields });
          expect(validate(official, parse(query)).map(({ message }) => `${message} in ${query}`)).toEqual([]);
          const measured = measure(readDocument(query), schema, {}, limits);
          expect(measured.depth).toBeLessThanOrEqual(depth + 1);
          // An object without a field that can be selected is asked for its name.
          expect(measured.cost).toBeLessThanOrEqual(Math.max(maxFields, 1) + 1);
        }
      }),
      { numRuns: 100 },
    );
  }, 30_000);

  it('has scalars first, cuts cycles, and says of what a union is', () => {
    const schema = read(`
      type Query { user: User, pets: [Pet!]! }
      type User { friend: User, pet: Pet, name: String!, posts(first: Int): [Post], secret(key: ID!): String }
      type Post { id: ID! }
      type Dog { owner: User, name: String }
      type Cat { name: String!, lives: Int }
      union Pet = Dog | Cat`);
    const of = (named: string, depth: number, maxFields = 100) => selectionOf(schema, { named, isRequired: false }, { depth, maxFields });
    expect(of('User', 1)).toBe('{ name }');
    expect(of('User', 2)).toBe('{ name pet { __typename ... on Dog { name } ... on Cat { lives } } }');
    expect(of('Pet', 2)).toBe('{ __typename ... on Dog { name owner { name } } ... on Cat { lives } }');
    expect(of('User', 2, 1)).toBe('{ name }');
    expect(of('String', 2)).toBe('');
  });

  it('sends arguments as variables, whatever they hold', () => {
    const schema = read('type Query { find(text: String!, most: Int = 3): Int }');
    const [operation] = readOperations(schema, all).operations;
    if (operation === undefined) throw new Error('there is none');
    const text = '") { secret } #';
    const request = requestOf(schema, operation, { text }, { depth: 3, maxFields: 10 });
    expect(request).toEqual({ query: 'query find($text: String!) { find(text: $text) }', variables: { text } });
    expect(() => requestOf(schema, operation, {}, { depth: 3, maxFields: 10 })).toThrow('Missing arguments: text.');
    expect(() => requestOf(schema, operation, { text, x: 1 }, { depth: 3, maxFields: 10 })).toThrow(
      'Unknown arguments: x. There are: text, most.',
    );
  });
});

describe('tools', () => {
  it('are never called alike, also where a query, a mutation and a tool of the gateway are', () => {
    const schema = read('type Query { a: Int, execute: Int } type Mutation { a: Int, execute: Int, b: Int }');
    const { operations } = readOperations(schema, { most: 100, taken: ['execute'] });
    const names = operations.map(({ name }) => name);
    expect(names).toEqual(['a', expect.stringMatching(/^execute_\w{8}$/), expect.stringMatching(/^a_\w{8}$/), expect.any(String), 'b']);
    expect(new Set([...names, 'execute']).size).toBe(6);
    const some = readOperations(schema, { ...all, include: ['query.*', 'mutation.B'], exclude: ['*.execute'] });
    expect(some.operations.map(({ root, field }) => `${root}.${field.name}`)).toEqual(['query.a', 'mutation.b']);
    expect(readOperations(schema, { most: 2, taken: [] })).toMatchObject({ operations: [{}, {}], omitted: [{}, {}, {}] });
  });

  it('take arguments that JSON Schema says', () => {
    const schema = read(`
      type Query { f(one: Int!, page: Float! = 2, kind: Kind = OLD, where: Where, ids: [[ID!]]!, at: Date): Int }
      "Which." enum Kind { "Not new." OLD NEW }
      "A day." scalar Date
      input Where { and: [Where!], text: String!, kind: Kind }`);
    const args = schema.root('query')?.fields.get('f')?.args ?? [];
    expect(inputSchemaOf(schema, args)).toEqual({
      type: 'object',
      properties: {
        one: { type: 'integer', minimum: -(2 ** 31), maximum: 2 ** 31 - 1 },
        page: { type: 'number', default: 2 },
        kind: { $ref: '#/$defs/Kind', default: 'OLD' },
        where: { $ref: '#/$defs/Where' },
        ids: { type: 'array', items: { type: 'array', items: { type: 'string' } } },
        at: { description: 'Date: A day.' },
      },
      required: ['one', 'ids'],
      additionalProperties: false,
      $defs: {
        Kind: { type: 'string', enum: ['OLD', 'NEW'], description: 'Which.\nOLD: Not new.' },
        Where: {
          type: 'object',
          properties: {
            and: { type: 'array', items: { $ref: '#/$defs/Where' } },
            text: { type: 'string' },
            kind: { $ref: '#/$defs/Kind' },
          },
          required: ['text'],
          additionalProperties: false,
        },
      },
    });
  });
});

describe('a schema that means harm', () => {
  const leaf = { kind: 'SCALAR', name: 'Int' };
  it('writes nothing into a document but names', () => {
    const bad = ['a { b } c', 'a(x: 1)', '__schema', '', 'ä', '$x', 'a'.repeat(200)];
    const type = (name: string) => ({
      kind: 'OBJECT',
      name,
      fields: [...bad, 'fine'].map((each) => ({ name: each, args: [], type: leaf })),
    });
    const args = [{ name: 'x) { y', type: leaf }];
    const query = {
      kind: 'OBJECT',
      name: 'Query',
      fields: [
        { name: 'q', args, type: leaf },
        { name: 't', type: { kind: 'OBJECT', name: 'T' } },
      ],
    };
    const schema = new Schema({ queryType: { name: 'Query' }, types: [query, type('T'), type('T } evil {'), leaf] });
    const { operations } = readOperations(schema, all);
    expect(operations.map(({ name }) => name)).toEqual(['t']);
    expect(selectionOf(schema, { named: 'T', isRequired: false }, { depth: 3, maxFields: 100 })).toBe('{ fine }');
  });

  it('keeps nobody busy: wide, deep, and all of it connected', () => {
    const names = Array.from({ length: 300 }, (_, at) => `T${at}`);
    const link = (kind: string) => names.map((name) => ({ name: `f${name}`, args: [], type: { kind, name } }));
    const inputs = names.map((name) => ({
      kind: 'INPUT_OBJECT',
      name: `I${name}`,
      inputFields: names.map((to) => ({ name: to, type: { kind: 'INPUT_OBJECT', name: `I${to}` } })),
    }));
    const types = [
      ...names.map((name) => ({ kind: 'OBJECT', name, fields: link('OBJECT') })),
      ...inputs,
      {
        kind: 'OBJECT',
        name: 'Query',
        fields: names.map((name) => ({
          name,
          args: [{ name: 'x', type: { kind: 'INPUT_OBJECT', name: `I${name}` } }],
          type: { kind: 'OBJECT', name },
        })),
      },
    ];
    const schema = new Schema({ queryType: { name: 'Query' }, types });
    const { operations, omitted } = readOperations(schema, all);
    expect(JSON.stringify(operations.map(({ tool }) => tool)).length).toBeLessThan(2.1 * 1024 * 1024);
    expect(JSON.stringify(omitted).length).toBeLessThan(50_000);
    expect(selectionOf(schema, { named: 'T0', isRequired: false }, { depth: 8, maxFields: 2_000 }).length).toBeLessThan(50_000);
    expect(explored(schema, { type: 'T0' }, () => true).length).toBeLessThan(17_000);
    expect(explored(schema, { search: 'f' }, () => true).length).toBeLessThan(17_000);
    let deep: JsonObject = leaf;
    for (let at = 0; at < 5_000; at++) deep = { kind: 'LIST', ofType: deep };
    const odd = new Schema({ queryType: { name: 'Q' }, types: [{ kind: 'OBJECT', name: 'Q', fields: [{ name: 'a', type: deep }] }] });
    expect(readOperations(odd, all).operations).toEqual([]);
  });
});

describe('an answer', () => {
  const answered = async (body: string, status = 200) => (await resultOf(new Response(body, { status }), 1_000)).json();
  it('is its data word for word, with what went wrong in part', async () => {
    expect(await answered('{"data":{"a":12345678901234567890}}')).toEqual({
      content: [{ type: 'text', text: '{"a":12345678901234567890}' }],
      structuredContent: { a: Number('12345678901234567890') },
    });
    const partial = await answered('{"errors":[{"message":"no","path":["b",0],"extensions":{"code":"GONE"}}],"data":{"a":1,"b":null}}');
    expect(partial).toMatchObject({
      structuredContent: { a: 1 },
      content: [{}, { text: 'Not all of it came. The API says:\n- no at b.0 (GONE)' }],
    });
    expect(partial.isError).toBeUndefined();
  });

  it.each([
    ['errors alone, whatever the status', '{"errors":[{"message":"no"}]}', 400, 'The API says:\n- no'],
    ['nothing but nulls', '{"errors":[{"message":"no"}],"data":{"a":null}}', 200, 'The API says:\n- no'],
    ['a page', '<html>', 502, 'The API answered 502, with what is no GraphQL answer:\n\n<html>'],
    ['too much', `{"data":{"a":"${'x'.repeat(2_000)}"}}`, 200, expect.stringContaining('more than 1000 bytes')],
    ['too deep', `{"data":{"a":${'['.repeat(100)}${']'.repeat(100)}}}`, 200, expect.stringContaining('deeper')],
  ])('that is %s is a result that says so', async (_, body, status, text) => {
    expect(await answered(body, status)).toEqual({ content: [{ type: 'text', text }], isError: true });
  });
});

it('asks for the schema in a document that servers take', () => {
  expect(validate(buildSchema('type Query { a: Int }'), parse(INTROSPECTION))).toEqual([]);
});
