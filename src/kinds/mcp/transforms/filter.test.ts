import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../core/json.ts';
import { Wire } from '../../../core/wire.ts';
import { OMITTED } from '../sources/source.ts';
import { callOf, fakeContext, fakeHome, fakeSource, namesOf, refusalOf, tool } from './fakes.ts';
import { filter } from './filter.ts';

const things = {
  tools: [
    tool('search_web'),
    tool('search_files', { annotations: { readOnlyHint: true } }),
    tool('delete_file', { annotations: { destructiveHint: true }, _meta: { 'weir/tags': ['Internal', 'files'] } }),
    tool('add_note', { annotations: { destructiveHint: false }, _meta: { _fastmcp: { tags: ['notes'] } } }),
  ],
  prompts: [{ name: 'greet' }, { name: 'secret_prompt' }],
  resources: [
    { uri: 'docs://a', name: 'a' },
    { uri: 'file:///secret/b', name: 'b' },
  ],
  templates: [
    { uriTemplate: 'docs://{name}', name: 'docs' },
    { uriTemplate: 'file:///secret/{name}', name: 'secrets' },
  ],
};

const filtered = (settings: JsonObject, source = fakeSource(things), home = fakeHome()) =>
  filter.wrap(filter.config.parse(settings), source, home);

describe('tools', () => {
  it.each<[JsonObject, string[]]>([
    [{ allow: ['search_*'] }, ['search_web', 'search_files']],
    [{ deny: ['SEARCH_*'] }, ['delete_file', 'add_note']],
    [{ allow: ['search_*'], deny: ['*_web'] }, ['search_files']],
    [{ allow: [] }, []],
    [{ allow: [{ annotations: { readOnlyHint: true } }] }, ['search_files']],
    // The protocol's default: a tool that says nothing may destroy.
    [{ deny: [{ annotations: { destructiveHint: true } }] }, ['search_files', 'add_note']],
    [{ allow: [{ annotations: { openWorldHint: true, destructiveHint: false } }] }, ['search_files', 'add_note']],
    [{ deny: [{ tag: 'internal' }, { tag: ['no*'] }] }, ['search_web', 'search_files']],
    [{ allow: [{ name: ['*_file', 'add_*'], tag: 'files' }] }, ['delete_file']],
  ])('%j', async (tools, expected) => {
    const source = filtered({ tools });
    const context = fakeContext();
    expect(await namesOf(source, context)).toEqual(expected);
    for (const { name } of things.tools) {
      const refusal = await refusalOf(source.request(callOf(String(name)), context));
      expect(refusal).toEqual(expected.includes(String(name)) ? undefined : { code: -32602, message: `Unknown tool: ${String(name)}` });
    }
  });

  it('are another number for another caller', async () => {
    const source = filtered({
      tools: {
        allow: ['search_*', { name: '*', when: '"admin" in caller.scopes' }],
        deny: [{ name: '*_web', when: 'caller.team == "guests"' }],
      },
    });
    expect(await namesOf(source, fakeContext({ scopes: ['admin'] }))).toHaveLength(4);
    expect(await namesOf(source, fakeContext())).toEqual(['search_web', 'search_files']);
    expect(await namesOf(source, fakeContext({ team: 'guests' }))).toEqual(['search_files']);
    expect(await refusalOf(source.request(callOf('search_web'), fakeContext({ team: 'guests' })))).toMatchObject({ code: -32602 });
    expect(await refusalOf(source.request(callOf('search_web'), fakeContext()))).toBeUndefined();
    // Nobody may be told by a cache between what another sees.
    expect((await source.list('tools', undefined, fakeContext())).cacheScope).toBeUndefined();
  });

  it('are fewer where a condition cannot be worked out', async () => {
    const level = 'caller.claims.level > 3';
    const context = fakeContext({ claims: { level: 'high' } });
    expect(await namesOf(filtered({ tools: { allow: [{ name: '*', when: level }] } }), context)).toEqual([]);
    expect(await namesOf(filtered({ tools: { deny: [{ name: '*', when: level }] } }), context)).toEqual([]);
    expect(await namesOf(filtered({ when: level, tools: { allow: [] } }), context)).toEqual([]);
    expect(await namesOf(filtered({ when: level, tools: { allow: [] } }), fakeContext({ claims: { level: 1 } }))).toHaveLength(4);
  });

  it('go by what clients see at the route', async () => {
    const source = filtered({ tools: { allow: ['files__search_*'] } }, fakeSource(things), fakeHome('files'));
    expect(await namesOf(source, fakeContext())).toEqual(['search_web', 'search_files']);
    expect(await refusalOf(source.request(callOf('add_note'), fakeContext()))).toEqual({
      code: -32602,
      message: 'Unknown tool: files__add_note',
    });
  });

  it('are looked up where a name does not say it, and not where it does', async () => {
    const source = fakeSource({ ...things, page: 1 });
    const context = fakeContext();
    await filtered({ tools: { deny: ['search_web'] } }, source).request(callOf('add_note'), context);
    expect(source.listed()).toBe(0);
    const looking = filtered({ tools: { deny: [{ tag: 'internal' }] } }, source);
    expect(await refusalOf(looking.request(callOf('delete_file'), context))).toMatchObject({ code: -32602 });
    expect(source.listed()).toBe(4);
    await looking.request(callOf('add_note'), context);
    expect(source.listed()).toBe(4);
    expect(await refusalOf(looking.request(callOf('nowhere'), context))).toMatchObject({ code: -32602 });
  });
});

it('does not say what was left out of a list that is filtered', async () => {
  const source = fakeSource(things);
  const omitting = { ...source, list: () => ({ items: [], meta: { kept: true, [OMITTED]: [{ operation: 'DELETE /all', why: 'none' }] } }) };
  const page = await filter
    .wrap(filter.config.parse({ tools: { deny: ['x'] } }), omitting, fakeHome())
    .list('tools', undefined, fakeContext());
  expect(page.meta).toEqual({ kept: true });
});

describe('prompts and resources', () => {
  const source = filtered({ prompts: { deny: ['secret_*'] }, resources: { deny: ['file:///secret/*'] } });
  const context = fakeContext();
  const ask = (method: string, params: JsonObject) => refusalOf(source.request({ method, params: Wire.of(params) }, context));

  it('are listed as far as they are there', async () => {
    expect(await namesOf(source, context, 'prompts')).toEqual(['greet']);
    expect(await namesOf(source, context, 'resources')).toEqual(['docs://a']);
    expect(await namesOf(source, context, 'resources/templates')).toEqual(['docs://{name}']);
    expect(await namesOf(source, context)).toHaveLength(4);
  });

  it.each<[string, JsonObject]>([
    ['prompts/get', { name: 'secret_prompt' }],
    ['completion/complete', { ref: { type: 'ref/prompt', name: 'secret_prompt' } }],
    ['completion/complete', { ref: { type: 'ref/resource', uri: 'file:///secret/{name}' } }],
    ['resources/read', { uri: 'file:///secret/b' }],
    ['resources/read', { uri: 'file:///open/../secret/b' }],
    ['resources/read', { uri: 'file:///%73ecret/b' }],
    ['resources/read', { uri: 'FILE:///secret%2Fb' }],
    ['resources/subscribe', { uri: 'file:///secret/b' }],
    ['resources/unsubscribe', { uri: 'file:///secret/b' }],
  ])('are not reached: %s %j', async (method, params) => {
    expect(await ask(method, params)).toMatchObject({ code: -32602 });
  });

  it.each<[string, JsonObject]>([
    ['prompts/get', { name: 'greet' }],
    ['completion/complete', { ref: { type: 'ref/prompt', name: 'greet' } }],
    ['resources/read', { uri: 'docs://a' }],
  ])('are reached otherwise: %s %j', async (method, params) => {
    expect(await ask(method, params)).toBeUndefined();
  });

  it('are let by an address that is let whatever it is read as', async () => {
    const shared = filtered({ resources: { allow: ['file:///shared/*'] } });
    const read = (uri: string) => refusalOf(shared.request({ method: 'resources/read', params: Wire.of({ uri }) }, context));
    expect(await read('file:///shared/a')).toBeUndefined();
    expect(await read('file:///shared/../etc/passwd')).toMatchObject({ code: -32602, message: 'Resource not found' });
    expect(await read('file:///shared/%2e%2e/etc/passwd')).toMatchObject({ code: -32602 });
  });

  it('tell nothing of what is held back', async () => {
    const heard = fakeContext();
    await source.listen?.({ resourceSubscriptions: ['docs://a', 'file:///secret/b'] }, heard);
    expect(heard.told.map(({ params }) => params.uri)).toEqual([undefined, 'docs://a']);
  });
});

it.each<[JsonObject, string]>([
  [{ tools: {} }, 'must have allow, deny or both'],
  [{ when: 'caller.tema == "x"', tools: { allow: [] } }, 'there is no field "tema"'],
  [{ when: 'model == "x"', tools: { allow: [] } }, 'there is no variable "model"'],
])('refuses %j', (settings, message) => {
  expect(filter.config.safeParse(settings).error?.issues[0]?.message).toContain(message);
});

it('refuses to filter nothing', () => {
  expect(filter.problems?.({})).toEqual([{ path: 'tools', message: expect.stringContaining('it filters nothing') }]);
});
