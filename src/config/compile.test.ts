import { describe, expect, it } from 'vitest';
import type { Plan } from '../core/plan.ts';
import { compile } from './compile.ts';
import { deployed, local, pathsOf, problemsOf } from './fake-documents.ts';
import { fakeRolls as rolls } from './fake-rolls.ts';

const secrets = (values: { readonly [name: string]: string }) => ({ get: (name: string) => values[name] });

const provider = (plan: Plan, id: string) => {
  const found = plan.providers.get(id);
  if (found === undefined) throw new Error(`no provider ${id}`);
  return found;
};

const basesOf = (plan: Plan, id: string) =>
  Object.fromEntries(provider(plan, id).dialects.map(({ dialect, baseUrl }) => [dialect.id, baseUrl]));

describe('an empty document', () => {
  it('is a whole plan: the built-in providers, one llm route, the default limits', () => {
    const plan = deployed({});
    expect(plan).toMatchObject({ revision: 7, local: false, limits: { body: 33_554_432, ping: 15_000 } });
    expect([...plan.providers.keys()]).toEqual(rolls.providers.map(({ id }) => id));
    expect(plan.routes).toEqual([{ name: 'llm', kind: 'llm', policies: [], require: {} }]);
    expect(plan.models.size).toBe(0);
  });

  it('shows as configured what answers in the gateway and what has its credential', () => {
    const plan = compile({ providers: { ollama: {} } }, { revision: 0, local: true, rolls, secrets: secrets({ OPENAI_API_KEY: 'k' }) });
    const configured = [...plan.providers].filter(([, each]) => each.configured).map(([id]) => id);
    expect(configured.sort()).toEqual(['ollama', 'openai', 'sandbox']);
  });
});

describe('providers', () => {
  it('takes a known provider with another key only', () => {
    const plan = deployed({ providers: { openai: { key: { secret: 'TEAM_KEY' } } } });
    expect(provider(plan, 'openai').secretName).toBe('TEAM_KEY');
    expect(provider(plan, 'openai').credential(secrets({ TEAM_KEY: 'k', OPENAI_API_KEY: 'other' }))).toBe('k');
    expect(provider(plan, 'openai').provider.owns).toEqual(['gpt-']);
    expect(basesOf(plan, 'openai')).toEqual({ 'openai-chat': 'https://api.openai.com/v1' });
  });

  it('makes a copy of one under another id, which takes neither its key nor its bare model names', () => {
    const plan = local({
      providers: { 'mock-2': { like: 'anthropic', baseUrl: 'http://127.0.0.1:9101/', quirks: { jsonSchema: false } } },
    });
    const copy = provider(plan, 'mock-2');
    expect(copy.provider).toMatchObject({ id: 'mock-2', name: 'mock-2', headers: { 'anthropic-version': '2023-06-01' } });
    expect(copy.provider.quirks).toEqual({ streamUsage: false, jsonSchema: false });
    expect(copy.provider.auth).toEqual({ scheme: 'header', name: 'x-api-key' });
    expect(copy.credential(secrets({ ANTHROPIC_API_KEY: 'not for this address' }))).toBeUndefined();
    expect(copy.credential(secrets({ MOCK_2_API_KEY: 'k' }))).toBe('k');
    expect(basesOf(plan, 'mock-2')).toEqual({ anthropic: 'http://127.0.0.1:9101' });
    expect(provider(local({ providers: { m: { like: 'openai' } } }), 'm').provider.owns).toBeUndefined();
  });

  it('refuses a form of going on in a dialect that the provider does not speak', () => {
    const quirks = (dialect: string) => ({ prefill: { by: 'last', dialect } });
    const document = (dialect: string) => ({ providers: { m: { like: 'anthropic', quirks: quirks(dialect) } } });
    expect(() => local(document('openai-chat'))).toThrow(/quirks\.prefill\.dialect.*none that the provider speaks/);
    expect(provider(local(document('anthropic')), 'm').provider.quirks).toMatchObject(quirks('anthropic'));
  });

  it('drops the version segment that the dialect path has already', () => {
    for (const baseUrl of ['https://a.example.com/x', 'https://a.example.com/x/v1', 'https://a.example.com/x/v1/']) {
      expect(basesOf(deployed({ providers: { a: { like: 'anthropic', baseUrl } } }), 'a')).toEqual({
        anthropic: 'https://a.example.com/x',
      });
    }
    const chat = deployed({ providers: { a: { like: 'openai', baseUrl: 'https://a.example.com/v1/' } } });
    expect(basesOf(chat, 'a')).toEqual({ 'openai-chat': 'https://a.example.com/v1' });
  });

  it('never sends calls for a moved provider to the old address of another dialect', () => {
    expect(basesOf(deployed({}), 'both')).toEqual({
      'openai-chat': 'https://both.example.com/v1',
      anthropic: 'https://both.example.com/anthropic',
    });
    const moved = deployed({ providers: { mine: { like: 'both', baseUrl: 'https://mine.example.com/v1' } } });
    expect(basesOf(moved, 'mine')).toEqual({ 'openai-chat': 'https://mine.example.com/v1' });
    const spelt = deployed({
      providers: {
        mine: { like: 'both', baseUrl: 'https://mine.example.com/v1', dialects: { anthropic: 'https://mine.example.com/a/v1' } },
      },
    });
    expect(basesOf(spelt, 'mine')).toEqual({ anthropic: 'https://mine.example.com/a' });
  });

  it('needs no built-in provider where the base URL and the dialects are given', () => {
    const plan = deployed({ providers: { own: { baseUrl: 'https://own.example.com/v1', dialects: ['openai-chat'] } } });
    expect(provider(plan, 'own')).toMatchObject({ secretName: 'OWN_API_KEY', configured: true, provider: { auth: { scheme: 'bearer' } } });
    expect(pathsOf({ providers: { own: { baseUrl: 'https://own.example.com/v1' } } })).toEqual(['providers.own']);
  });

  it('sends a key to a provider that by itself asks for none', () => {
    const plan = local({ providers: { ollama: { key: { value: 'proxy' } } } });
    expect(provider(plan, 'ollama').provider.auth).toEqual({ scheme: 'bearer' });
    expect(provider(plan, 'ollama').credential(secrets({}))).toBe('proxy');
  });

  it.each([
    ['http://a.example.com/v1', 'not https'],
    ['https://10.0.0.1/v1', 'IP address'],
    ['http://127.0.0.1:1/v1', 'loopback'],
    ['https://u:p@a.example.com/v1', 'credentials'],
    ['https://a.example.com/v1?x=1', 'query'],
    ['https://a.example.com/v1/chat/completions', 'appends'],
    ['a.example.com', 'absolute'],
    ['ftp://a.example.com', 'absolute'],
  ])('refuses the base URL %s when deployed', (baseUrl, reason) => {
    const problems = problemsOf(() => deployed({ providers: { a: { like: 'openai', baseUrl } } }));
    expect(problems).toEqual([{ path: 'providers.a.baseUrl', message: expect.stringContaining(reason) }]);
    expect(pathsOf({ providers: { a: { baseUrl: 'https://a.example.com', dialects: { anthropic: baseUrl } } } })).toEqual([
      'providers.a.dialects.anthropic',
    ]);
  });

  it('names the inherited address that a deployed gateway may not reach', () => {
    expect(problemsOf(() => deployed({ providers: { ollama: {} } }))).toEqual([
      { path: 'providers.ollama.baseUrl', message: expect.stringContaining('http://127.0.0.1:11434/v1') },
    ]);
    expect(pathsOf({ providers: { ollama: {} } }, local)).toEqual([]);
  });

  it('keeps literal keys to local runs', () => {
    const document = { providers: { openai: { key: { value: 'k' } } } };
    expect(provider(local(document), 'openai').credential(secrets({}))).toBe('k');
    expect(pathsOf(document)).toEqual(['providers.openai.key.value']);
  });

  it.each([
    [{}, 'providers.openai.key', 'exactly one'],
    [{ secret: 'A', value: 'b' }, 'providers.openai.key', 'exactly one'],
    [{ vault: 'a b' }, 'providers.openai.key.vault', 'is not a name for a credential'],
    [{ value: '[redacted]' }, 'providers.openai.key.value', 'redacted'],
    [{ secret: 'WEIR_ADMIN_TOKEN' }, 'providers.openai.key.secret', "gateway's own"],
    [{ secret: 'a b' }, 'providers.openai.key.secret', 'name of a secret'],
  ])('refuses the key %j', (key, path, message) => {
    expect(problemsOf(() => local({ providers: { openai: { key } } }))).toContainEqual({ path, message: expect.stringContaining(message) });
  });

  it.each([
    ['a\r\nb', 'v'],
    ['host', 'v'],
    ['x', 'a\r\nb: c'],
  ])('refuses the header %j', (name, value) => {
    expect(pathsOf({ providers: { openai: { headers: { [name]: value } } } })).toHaveLength(1);
  });
});

describe('policies and routes', () => {
  it('puts the document’s policies before those of the route', () => {
    const plan = deployed({
      policies: [{ use: 'trace' }],
      routes: [
        {
          name: 'main',
          kind: 'llm',
          policies: [
            { use: 'mask', words: ['a'], shout: true },
            { use: 'mask', words: ['b'] },
          ],
        },
      ],
    });
    expect(plan.routes).toHaveLength(1);
    expect(plan.routes[0]).toMatchObject({ name: 'main', kind: 'llm' });
    expect(plan.routes[0]?.policies.map(({ policy, settings, touches }) => [policy.name, settings, touches])).toEqual([
      ['trace', {}, 'nothing'],
      ['mask', { words: ['a'], shout: true }, 'edits'],
      ['mask', { words: ['b'], shout: false }, 'reads'],
    ]);
  });

  it.each<[string, unknown, string]>([
    ['an unknown policy', { policies: [{ use: 'nothing' }] }, 'policies[0].use'],
    ['a policy without a name', { policies: [{ words: ['a'] }] }, 'policies[0].use'],
    ['a setting that is missing', { policies: [{ use: 'trace' }, { use: 'mask' }] }, 'policies[1].words'],
    ['a setting that is unknown', { policies: [{ use: 'trace', loud: true }] }, 'policies[0].loud'],
    ['a kind to come', { routes: [{ name: 'travel', kind: 'a2a', agent: 'https://agent.example' }] }, 'routes[0].kind'],
    [
      'a policy of a route',
      { routes: [{ name: 'llm', kind: 'llm', policies: [{ use: 'mask', words: [] }] }] },
      'routes[0].policies[0].words',
    ],
    [
      'a second llm route',
      {
        routes: [
          { name: 'a', kind: 'llm' },
          { name: 'b', kind: 'llm' },
        ],
      },
      'routes[1].kind',
    ],
    [
      'a name used twice',
      {
        routes: [
          { name: 'a', kind: 'llm' },
          { name: 'a', kind: 'llm' },
        ],
      },
      'routes[1].name',
    ],
    ['a tiny body', { limits: { body: 1 } }, 'limits.body'],
    ['an infinite ping', { limits: { ping: Number.POSITIVE_INFINITY } }, 'limits.ping'],
    ['NaN', { limits: { body: Number.NaN } }, 'limits.body'],
    ['an unknown section', { modles: {} }, 'modles'],
    ['an array', [], ''],
    ['null', null, ''],
    ['text', 'x', ''],
  ])('refuses %s', (_what, document, path) => {
    expect(pathsOf(document)).toEqual([path]);
  });
});

describe('a document with many faults', () => {
  it('names every one, once', () => {
    const document = {
      extra: 1,
      providers: { a: { like: 'nobody' }, b: { like: 'openai', baseUrl: 'http://x' }, c: { like: 'openai', keys: {} } },
      models: { 'd/e': 'openai/x', f: { targets: ['a/ok', 'zz/x'], retry: { attempts: 99 } }, 'g.h': ['b/ok', 'c/ok', 'nope'] },
      policies: [{ use: 'mask', words: [1] }],
      routes: [{ name: 'r', kind: 'api' }],
      limits: { ping: 0 },
    };
    expect(pathsOf(document).sort()).toEqual(
      [
        'extra',
        'limits.ping',
        'models.f.retry.attempts',
        'models.f.targets[1]',
        'models["d/e"]',
        'models["g.h"][2]',
        'policies[0].words[0]',
        'providers.a.like',
        'providers.b.baseUrl',
        'providers.c.keys',
        'routes[0].kind',
      ].sort(),
    );
  });

  it('says in its message where the first one is and how many there are', () => {
    expect(() => deployed({ x: 1, y: 2 })).toThrow(/x: .*\(and 1 more\)/);
  });
});

describe('poison', () => {
  it.each([
    '{"__proto__":{"polluted":1}}',
    '{"providers":{"__proto__":{"like":"openai"}}}',
    '{"models":{"m":{"targets":["openai/x"],"settings":{"__proto__":{"polluted":1}}}}}',
    '{"policies":[{"use":"mask","words":["a"],"__proto__":{"shout":true}}]}',
  ])('refuses %s', (text) => {
    expect(pathsOf(JSON.parse(text))).toEqual([expect.stringContaining('__proto__')]);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  it('finds nothing on a prototype that the document does not say', () => {
    expect(pathsOf({ models: { m: 'constructor/x', n: 'toString/x' } })).toEqual(['models.m', 'models.n']);
    expect(pathsOf({ providers: { a: { like: 'constructor' } } })).toEqual(['providers.a.like']);
    expect(pathsOf({ policies: [{ use: 'toString' }] })).toEqual(['policies[0].use']);
    expect(pathsOf(JSON.parse('{"constructor":{"prototype":{}}}'))).toEqual(['constructor']);
  });

  it('refuses nesting that would exhaust the stack, without walking it', () => {
    const deep = `{"limits":${'['.repeat(50_000)}${']'.repeat(50_000)}}`;
    expect(problemsOf(() => deployed(JSON.parse(deep)))).toEqual([
      { path: expect.any(String), message: expect.stringContaining('nested') },
    ]);
  });
});

describe('a plan', () => {
  it('cannot be changed, nor through the document it was made from', () => {
    const document = { models: { m: { targets: ['openai/x'] } }, policies: [{ use: 'mask', words: ['a'] }] };
    const plan = deployed(document);
    document.policies[0]?.words.push('b');
    document.models.m.targets.push('openai/y');
    expect(plan.models.get('m')?.options).toHaveLength(1);
    expect(plan.routes[0]?.policies[0]?.settings).toEqual({ words: ['a'], shout: false });
    for (const part of [plan, plan.routes, plan.routes[0]?.policies[0]?.settings, plan.models.get('m')?.options, plan.limits]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });
});

describe('what becomes of answers whose callers leave', () => {
  const target = 'openai/gpt-5';
  const routes = (onDisconnect: unknown) => [{ name: 'llm', kind: 'llm', onDisconnect }];

  it('is that they end, where nothing is said', () => {
    const plan = deployed({ models: { a: target } });
    expect(plan.drains).toBeUndefined();
    expect(plan.routes[0]?.drain).toBeUndefined();
    expect(deployed({ routes: routes('abort') }).drains).toBeUndefined();
  });

  it('is what the route says, and what a model says over it', () => {
    const models = {
      a: { targets: [target], onDisconnect: 'abort' },
      b: { targets: [target], onDisconnect: { drain: 20 } },
      c: { targets: [target] },
    };
    const plan = deployed({ models, routes: routes('drain') });
    expect(plan.drains).toBe(true);
    expect(plan.routes[0]?.drain).toBe(300_000);
    expect(['a', 'b', 'c'].map((name) => plan.models.get(name)?.drain)).toEqual([0, 20_000, undefined]);
    expect(deployed({ models }).drains).toBe(true);
  });

  it.each([['forever'], [{ drain: 0 }], [{ drain: 3_601 }], [{}], [30]])('refuses %j', (onDisconnect) => {
    expect(() => deployed({ routes: routes(onDisconnect) })).toThrow(/onDisconnect/);
  });
});
