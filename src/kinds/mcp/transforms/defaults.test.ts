import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../core/json.ts';
import { Wire } from '../../../core/wire.ts';
import type { Caller } from '../sources/source.ts';
import { defaults } from './defaults.ts';
import { callOf, fakeContext, fakeHome, fakeSource, listAll, refusalOf, tool } from './fakes.ts';

const schema = {
  type: 'object',
  properties: { query: { type: 'string' }, region: { type: 'string' }, limit: { type: 'integer' }, owner: { type: 'string' } },
  required: ['query', 'region', 'owner'],
  additionalProperties: false,
};
const given = (search: JsonObject) => defaults.config.parse({ tools: { search } });

function setUp(search: JsonObject) {
  const source = fakeSource({ tools: [tool('search', { inputSchema: schema }), tool('other')] });
  return { source, wrapped: defaults.wrap(given(search), source, fakeHome()) };
}

/** What a tool was called with. */
async function sent(search: JsonObject, args: JsonObject, caller: Partial<Caller> = {}) {
  const { source, wrapped } = setUp(search);
  await wrapped.request({ ...callOf('search', args), headers: { 'mcp-param-region': 'x' } }, fakeContext(caller));
  return source.asked[0];
}

it('shows what is left to say', async () => {
  const { wrapped } = setUp({ region: { fixed: 'eu' }, limit: { default: 10 }, owner: { default: '{{caller.user}}' } });
  const [search, other] = await listAll(wrapped, 'tools', fakeContext());
  expect(search?.inputSchema).toEqual({
    type: 'object',
    properties: { query: { type: 'string' }, limit: { type: 'integer', default: 10 }, owner: { type: 'string' } },
    required: ['query'],
    additionalProperties: false,
  });
  expect(other).toEqual(tool('other'));
  const all = setUp({ query: { fixed: 'a' }, region: { fixed: 'eu' }, owner: { fixed: 'b' } });
  const [fixed] = await listAll(all.wrapped, 'tools', fakeContext());
  expect(fixed?.inputSchema).toEqual({ type: 'object', properties: { limit: { type: 'integer' } }, additionalProperties: false });
});

describe('a call', () => {
  it('has the default where it says nothing, and the fixed value whatever it says', async () => {
    const search = { region: { fixed: 'eu' }, limit: { default: 10 } };
    expect((await sent(search, { query: 'a' }))?.params.json()).toMatchObject({ arguments: { query: 'a', region: 'eu', limit: 10 } });
    expect((await sent(search, { region: 'us', limit: 3 }))?.params.json()).toMatchObject({ arguments: { region: 'eu', limit: 3 } });
  });

  it('has its other arguments word for word, and no headers that are not true any more', async () => {
    const { source, wrapped } = setUp({ region: { fixed: 'eu' } });
    const params = Wire.read('{"name":"search","arguments":{"query": 12345678901234567890.10,"region":"us"},"_meta":{"a":1}}');
    await wrapped.request({ method: 'tools/call', params, headers: { 'mcp-param-region': 'us' } }, fakeContext());
    expect(source.asked[0]?.params.text).toBe(
      '{"name":"search","arguments":{"query": 12345678901234567890.10,"region":"eu"},"_meta":{"a":1}}',
    );
    expect(source.asked[0]?.headers).toBeUndefined();
    expect((await sent({ limit: { default: 1 } }, { limit: 2 }))?.headers).toEqual({ 'mcp-param-region': 'x' });
  });

  it('may come without arguments', async () => {
    const { source, wrapped } = setUp({ region: { fixed: 'eu' } });
    await wrapped.request({ method: 'tools/call', params: Wire.of({ name: 'search' }) }, fakeContext());
    expect(source.asked[0]?.params.json()).toEqual({ name: 'search', arguments: { region: 'eu' } });
    const odd = { method: 'tools/call', params: Wire.of({ name: 'search', arguments: [1] }) };
    expect(await refusalOf(wrapped.request(odd, fakeContext()))).toMatchObject({ code: -32602 });
  });
});

describe('places', () => {
  const args = async (value: JsonObject | string, caller: Partial<Caller>) => {
    const ask = await sent({ owner: { fixed: value } }, {}, caller);
    return ask?.params.json().arguments;
  };
  const claims = { level: 3, groups: ['a', 'b'], region: '' };

  it('are filled from who calls, in their own type', async () => {
    expect(await args('{{caller.user}}', { user: 'ann' })).toEqual({ owner: 'ann' });
    expect(await args('{{ caller.claims.level }}', { claims })).toEqual({ owner: 3 });
    expect(await args('{{caller.claims.groups}}', { claims })).toEqual({ owner: ['a', 'b'] });
    expect(await args('{{caller.team}}/{{caller.key}}: {"level": {{caller.claims.level}}}', { claims })).toEqual({
      owner: 'team_1/key_1: {"level": 3}',
    });
    expect(await args({ and: [{ who: '{{caller.user|caller.claims.region|caller.app}}' }, '{user}'] } as JsonObject, { claims })).toEqual({
      owner: { and: [{ who: 'app_1' }, '{user}'] },
    });
  });

  it('are not filled with what says how to fill them', async () => {
    expect(await args('{{caller.user}}', { user: '{{caller.org}}' })).toEqual({ owner: '{{caller.org}}' });
    expect(await args('a {{caller.user}}', { user: '$& {{caller.org}}' })).toEqual({ owner: 'a $& {{caller.org}}' });
  });

  it.each(['{{caller.user}}', 'a {{caller.claims.groups}}', '{{caller.claims.none}}', '{{caller.claims.constructor}}'])(
    'refuse who does not say it: %s',
    async (place) => {
      const { source, wrapped } = setUp({ owner: { fixed: place } });
      expect(await refusalOf(wrapped.request(callOf('search'), fakeContext({ claims })))).toMatchObject({
        code: -32602,
        message: expect.stringContaining('which your credential does not say'),
        data: { code: 'not_allowed' },
      });
      expect(source.asked).toEqual([]);
    },
  );

  it.each(['{{user}}', '{{caller.name}}', '{{caller.user.name}}', 'x {{args.a}}'])(
    'name what there is, or the settings are refused: %s',
    (place) => {
      expect(defaults.problems?.(given({ owner: { fixed: { in: [place] } } }))).toEqual([
        { path: 'tools', message: expect.stringContaining('of "search", argument "owner" has a place for') },
      ]);
    },
  );
});
