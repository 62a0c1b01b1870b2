import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../core/json.ts';
import { toolNames } from '../tool-names.ts';
import { Misuse } from '../tool-result.ts';
import { keptOf, resultOf } from './answer.ts';
import { type Operation, readOperations } from './operations.ts';
import { requestOf } from './request.ts';
import { SchemaWriter } from './schemas.ts';

const read = (paths: JsonObject, components: JsonObject = {}, more: object = {}) =>
  readOperations({ openapi: '3.1.0', paths, components }, { outputSchemas: false, most: 500, ...more });

function only(paths: JsonObject, components: JsonObject = {}): Operation {
  const { operations, omitted } = read(paths, components);
  expect(omitted).toEqual([]);
  const [operation] = operations;
  if (operation === undefined) throw new Error('there is none');
  return operation;
}

const asked = (parameters: readonly JsonObject[], args: JsonObject, path = '/x') =>
  requestOf(only({ [path]: { get: { operationId: 'x', parameters } } }), args, 'https://api.example.com/v1/');

describe('names of tools', () => {
  const nameable = fc.record({
    id: fc.option(fc.oneof(fc.constantFrom('get', 'get_user', 'Get user', 'get-user'), fc.string({ maxLength: 90 })), { nil: undefined }),
    place: fc.string({ maxLength: 90 }).map((text) => `GET /${text}`),
  });
  it('are never the same for two, fit every model, and an operationId that is one stays', () => {
    fc.assert(
      fc.property(fc.uniqueArray(nameable, { selector: ({ place }) => place, maxLength: 30 }), (all) => {
        const names = toolNames(all);
        expect(new Set(names).size).toBe(all.length);
        for (const [at, name] of names.entries()) {
          expect(name).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
          const { id } = all[at] ?? {};
          const isAlone = all.filter((each) => each.id === id).length === 1;
          if (id !== undefined && isAlone && /^[A-Za-z0-9-][A-Za-z0-9_-]{0,30}[A-Za-z0-9-]$/.test(id)) expect(name).toBe(id);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('a request', () => {
  it.each<[string, JsonObject, JsonObject, string]>([
    ['a list, each by itself', { name: 'a', in: 'query' }, { a: [1, 'b&c'] }, '?a=1&a=b%26c'],
    ['a list in one', { name: 'a', in: 'query', explode: false }, { a: [1, 2] }, '?a=1%2C2'],
    ['a list with bars', { name: 'a', in: 'query', style: 'pipeDelimited', explode: false }, { a: ['x', 'y'] }, '?a=x%7Cy'],
    ['a deep object', { name: 'f', in: 'query', style: 'deepObject', explode: true }, { f: { a: 1, b: 'c' } }, '?f%5Ba%5D=1&f%5Bb%5D=c'],
    ['an object, member by member', { name: 'f', in: 'query' }, { f: { a: 1, b: true } }, '?a=1&b=true'],
    ['JSON', { name: 'f', in: 'query', content: { 'application/json': { schema: {} } } }, { f: { a: [1] } }, '?f=%7B%22a%22%3A%5B1%5D%7D'],
    ['nothing that was not given', { name: 'a', in: 'query' }, {}, ''],
  ])('writes %s', (_, parameter, args, query) => {
    expect(asked([parameter], args).url).toBe(`https://api.example.com/v1/x${query}`);
  });

  it('keeps what stands in a path within its own segment', () => {
    const parameters = [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }];
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (id) => {
        try {
          const { url } = asked(parameters, { id }, '/users/{id}/posts');
          expect(new URL(url).pathname).toMatch(/^\/v1\/users\/[^/]+\/posts$/);
          expect(new URL(url).search).toBe('');
        } catch (thrown) {
          if (!(thrown instanceof Misuse)) throw thrown;
        }
      }),
    );
    for (const id of ['..', '.', '', '\ud800']) expect(() => asked(parameters, { id }, '/users/{id}/posts')).toThrow(Misuse);
  });

  it('refuses what would be another header, and names what is missing or unknown', () => {
    const header = [{ name: 'X-Mode', in: 'header', required: true, schema: { type: 'string' } }];
    expect(asked(header, { 'X-Mode': 'a' }).headers).toMatchObject({ 'x-mode': 'a' });
    expect(() => asked(header, { 'X-Mode': 'a\r\nx-admin: 1' })).toThrow(/fits in no header/);
    expect(() => asked(header, {})).toThrow(/Missing arguments: X-Mode/);
    expect(() => asked(header, { 'X-Mode': 'a', mode: 'b' })).toThrow(/Unknown arguments: mode\. There are: X-Mode/);
  });

  it('tells two parameters of one name apart, and both from the body', () => {
    const operation = only({
      '/x/{id}': {
        parameters: [{ name: 'id', in: 'path', required: true }],
        post: {
          parameters: [{ name: 'id', in: 'query' }],
          requestBody: { required: true, content: { 'application/json': { schema: { type: 'object' } } } },
        },
      },
    });
    expect(operation.tool.inputSchema).toMatchObject({ required: ['id', 'body'] });
    const { url, body, headers } = requestOf(operation, { id: 'a', query_id: 'b', body: { c: 1 } }, 'https://api.example.com');
    expect([url, body, headers['content-type']]).toEqual(['https://api.example.com/x/a?id=b', '{"c":1}', 'application/json']);
  });

  it('writes forms', () => {
    const operation = only({ '/x': { post: { requestBody: { content: { 'application/x-www-form-urlencoded': {} } } } } });
    expect(requestOf(operation, { body: { a: 'x y', b: [1, 2] } }, 'https://api.example.com').body).toBe('a=x+y&b=1&b=2');
  });
});

describe('schemas', () => {
  it('stand by themselves, also where they contain themselves, and nothing else is fetched', () => {
    const document = {
      components: {
        schemas: {
          Node: { type: 'object', properties: { next: { $ref: '#/components/schemas/Node' }, far: { $ref: 'https://evil.example/x' } } },
        },
      },
    };
    const writer = new SchemaWriter(document, 'request');
    expect(writer.write({ $ref: '#/components/schemas/Node' })).toEqual({ $ref: '#/$defs/Node' });
    expect(writer.definitions()).toEqual({ Node: { type: 'object', properties: { next: { $ref: '#/$defs/Node' }, far: {} } } });
  });

  it('say in the words of JSON Schema 2020-12 what OpenAPI 3.0 says in its own', () => {
    const writer = new SchemaWriter({}, 'request');
    expect(writer.write({ type: 'integer', nullable: true, minimum: 0, exclusiveMinimum: true, example: 3, 'x-internal': 1 })).toEqual({
      type: ['integer', 'null'],
      exclusiveMinimum: 0,
      examples: [3],
    });
  });

  it('ask for nothing that only the API sets', () => {
    const user = {
      type: 'object',
      required: ['id', 'name'],
      properties: { id: { type: 'string', readOnly: true }, name: { type: 'string' } },
    };
    expect(new SchemaWriter({}, 'request').write(user)).toEqual({
      type: 'object',
      required: ['name'],
      properties: { name: { type: 'string' } },
    });
    expect(new SchemaWriter({}, 'response').write(user)).toEqual(user);
  });

  it('end where a document does not', () => {
    let deep: JsonObject = { type: 'string' };
    for (let depth = 0; depth < 500; depth++) deep = { type: 'object', properties: { a: deep } };
    expect(JSON.stringify(new SchemaWriter({}, 'request').write(deep)).length).toBeLessThan(5_000);
  });
});

describe('operations', () => {
  const paths = {
    '/a': { get: { operationId: 'listA', tags: ['read'] }, post: { operationId: 'makeA', tags: ['write'] } },
    '/b': { post: { operationId: 'upload', requestBody: { content: { 'multipart/form-data': {} } } } },
    '/c/{id}': { get: {} },
  };
  it('that cannot be called are no tools, and it is said why', () => {
    const { operations, omitted } = read(paths);
    expect(operations.map(({ name }) => name)).toEqual(['listA', 'makeA']);
    expect(operations.map(({ tool }) => tool._meta)).toEqual([{ 'weir/tags': ['read'] }, { 'weir/tags': ['write'] }]);
    expect(omitted).toEqual([
      { operation: 'POST /b', why: expect.stringContaining('multipart/form-data') },
      { operation: 'GET /c/{id}', why: expect.stringContaining('{id}') },
    ]);
  });

  it('are chosen by name, place or tag', () => {
    const names = (more: object) => read(paths, {}, more).operations.map(({ name }) => name);
    expect(names({ include: ['tag:read'] })).toEqual(['listA']);
    expect(names({ include: ['POST *'], exclude: ['upload'] })).toEqual(['makeA']);
    expect(names({ most: 1 })).toEqual(['listA']);
  });
});

describe('an answer', () => {
  const ok = (body: string, type: string, status = 200) => new Response(body, { status, headers: { 'content-type': type } });
  it('that is JSON is text word for word, and structured where it is an object', async () => {
    const text = '{"big": 12345678901234567890, "a": 1}';
    expect(await resultOf(ok(text, 'application/json'), { most: 1_000 })).toMatchObject({
      content: [{ type: 'text', text }],
      structuredContent: { a: 1 },
    });
    expect(await resultOf(ok('[1]', 'application/json'), { most: 1_000 })).toEqual({ content: [{ type: 'text', text: '[1]' }] });
  });

  it('is cut to what is kept of it, refused where it is too large, and a picture where it is one', async () => {
    expect(keptOf({ a: 1, items: [{ b: 1, c: { d: 2, e: 3 } }] }, [['items', 'c', 'd']])).toEqual({ items: [{ c: { d: 2 } }] });
    expect(await resultOf(ok('x'.repeat(100), 'text/plain'), { most: 50 })).toMatchObject({ isError: true });
    expect(await resultOf(ok('PNG', 'image/png'), { most: 50 })).toEqual({
      content: [{ type: 'image', data: 'UE5H', mimeType: 'image/png' }],
    });
  });

  it('that refuses is a result that says so', async () => {
    expect(await resultOf(ok('{"why":"no"}', 'application/json', 422), { most: 50 })).toEqual({
      content: [{ type: 'text', text: 'The API answered 422.\n\n{"why":"no"}' }],
      isError: true,
    });
  });
});
