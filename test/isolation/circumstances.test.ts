import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import { dialects } from '../../src/dialects/index.ts';
import { operationNamed } from '../../src/kinds/llm/operations/index.ts';
import { openGeminiEmbeddings, openJson } from '../../src/kinds/llm/operations/open.ts';
import { type Base, bases } from './bases.ts';
import { type Asked, CACHE, keyOf, type Parts, planOf, up } from './door.ts';

// Calls of one body that differ in what stands around it: whose they are, by what they are answered, under which rules.

const EACH = 4;
const all = bases(EACH);
const SHARED = (share: string): JsonObject => ({ ...CACHE, share });
const under = (parts: Parts, revision?: number): Partial<Asked> => ({ plan: planOf(parts, revision) });
const TERMS = (term: string): JsonObject => ({ use: 'terms', entries: [{ action: 'mask', in: 'answers', terms: [term] }] });
const withPolicy = (policy: JsonObject) => under({ policies: [policy, CACHE] });
const ant = under({ models: { m: ['ant/served'] } });

const ANYTHING = { models: [], routes: [], ips: [], countries: [] };

/** Each two ways are two answers. */
const apart: readonly (readonly [what: string, ways: readonly Partial<Asked>[]])[] = [
  ['organisation', [{}, { who: { org: 'org_2' } }, { who: { org: 'org_1app_1', app: '' } }]],
  ['app', [{}, { who: { app: 'app_2' } }]],
  [
    'user, where they are kept apart',
    [{ ...under({ policies: [SHARED('user')] }) }, { ...under({ policies: [SHARED('user')] }), who: { user: 'bob' } }],
  ],
  ['route', [{}, under({ routes: [{ name: 'other', kind: 'llm' }] })]],
  ['served model', [{}, under({ models: { m: ['up/another'] } })]],
  ['provider', [{}, under({ models: { m: ['other/served'] } })]],
  ['address of the provider', [{}, under({ providers: { up: up({ baseUrl: 'http://127.0.0.1:9/v2' }) }, models: { m: ['up/served'] } })]],
  ['revision of the configuration', [{}, under({}, 2), under({}, 3)]],
  ['setting of the cache', [{}, under({ policies: [SHARED('org')] }), under({ policies: [{ ...CACHE, ttl: 301 }] })]],
  ['policy before it', [{}, withPolicy(TERMS('secret')), withPolicy(TERMS('other'))]],
  ['prompt that a policy adds', [{}, withPolicy({ use: 'prompt', text: 'a' }), withPolicy({ use: 'prompt', text: 'b' })]],
  ['policy behind it', [{}, under({ policies: [CACHE, TERMS('secret')] })]],
  ['x-weir-strict', [{}, { headers: { 'x-weir-strict': '1' } }]],
  [
    'anthropic-beta, where the provider is handed it',
    [ant, { ...ant, headers: { 'anthropic-beta': 'a' } }, { ...ant, headers: { 'anthropic-beta': 'a,b' } }],
  ],
];

/** What says nothing of the answer. */
const together: readonly (readonly [what: string, ways: readonly Partial<Asked>[]])[] = [
  ['key of one app', [{}, { who: { keyId: 'key_2' } }]],
  ['team of one app', [{}, { who: { team: 'team_2' } }]],
  ['user', [{}, { who: { user: 'bob' } }, { headers: { 'x-weir-user': 'bob' } }]],
  [
    'app, where the organisation shares',
    [{ ...under({ policies: [SHARED('org')] }) }, { ...under({ policies: [SHARED('org')] }), who: { app: 'app_2' } }],
  ],
  [
    'run, trace and metadata',
    [
      {},
      { headers: { 'x-weir-run': 'r', traceparent: '00-1', 'x-weir-metadata': '{"a":1}', 'user-agent': 'x', 'x-stainless-lang': 'js' } },
    ],
  ],
  ['anthropic-beta, where nobody is handed it', [{}, { headers: { 'anthropic-beta': 'a' } }]],
];

const keysOf = (base: Base, ways: readonly Partial<Asked>[]) => Promise.all(ways.map((way) => keyOf({ ...base, ...way })));

describe.each(dialects.map(({ id }) => id))('calls of %s', (id) => {
  const own = all.filter(({ dialect }) => dialect === id);

  it.each(apart)('are answered apart by their %s', async (_what, ways) => {
    for (const base of own) {
      const keys = await keysOf(base, ways);
      // One dialect has no place for what a policy adds: such a call is refused.
      const looked = keys.filter((key) => key !== undefined);
      expect(looked.length).toBeGreaterThan(keys.length > looked.length ? 0 : 1);
      expect(new Set(looked).size, JSON.stringify(base.body)).toBe(looked.length);
    }
  });

  it('are answered apart by the model that is asked for, also where the same one serves', async () => {
    for (const base of own) {
      const other = base.address === undefined ? { body: { ...base.body, model: 'n' } } : { address: { ...base.address, model: 'n' } };
      expect(await keyOf({ ...base, ...other })).not.toBe(await keyOf(base));
    }
  });

  it.each(together)('are answered together whatever their %s', async (_what, ways) => {
    for (const base of own) {
      const keys = await keysOf(base, ways);
      expect(keys[0]).toBeDefined();
      expect(new Set(keys).size).toBe(1);
    }
  });

  it('are looked for by nobody who may not ask for the model', async () => {
    for (const base of own) {
      expect(await keyOf({ ...base, who: { allowed: { ...ANYTHING, models: [['m']] } } })).toBe(await keyOf(base));
      expect(await keyOf({ ...base, who: { allowed: { ...ANYTHING, models: [['other/*']] } } })).toBeUndefined();
    }
  });
});

describe('calls of operations beside chat', () => {
  const asked = (name: 'embeddings' | 'rerank' | 'moderations', body: JsonObject): Asked => ({
    dialect: 'openai-chat',
    body: { model: 'm', ...body },
    open: (request) => ({ call: openJson(operationNamed(name), JSON.stringify({ model: 'm', ...body }), request.headers) }),
  });
  const bodies: readonly Asked[] = [
    asked('embeddings', { input: 'a' }),
    asked('embeddings', { input: ['a'] }),
    asked('embeddings', { input: 'a', dimensions: 3 }),
    asked('embeddings', { input: 'a', encoding_format: 'base64' }),
    asked('embeddings', { input: 'a', labels: { a: 'b' } }),
    asked('rerank', { input: 'a' }),
    asked('rerank', { query: 'a', documents: ['b', 'c'] }),
    asked('rerank', { query: 'a', documents: ['c', 'b'] }),
    asked('moderations', { input: 'a' }),
    { dialect: 'gemini', body: {}, open: (request) => ({ call: openGeminiEmbeddings('m', '{"input":"a"}', request.headers) }) },
    asked('embeddings', { input: 'a', model: 'n' }),
  ];

  it('are answered apart by all they say', async () => {
    const keys = await Promise.all(bodies.map(keyOf));
    expect(keys).not.toContain(undefined);
    expect(new Set(keys).size).toBe(bodies.length);
  });

  it.each(apart)('are answered apart by their %s', async (_what, ways) => {
    const base = asked('embeddings', { input: 'a' });
    const keys = await Promise.all(ways.map((way) => keyOf({ ...base, ...way })));
    expect(new Set(keys).size).toBe(ways.length);
  });
});
