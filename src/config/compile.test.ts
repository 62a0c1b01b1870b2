import { describe, expect, it } from 'vitest';
import { GatewayError } from '../core/errors.ts';
import type { Plan } from '../core/plan.ts';
import { compile } from './compile.ts';
import { fakeRolls as rolls } from './fake-rolls.ts';
import type { Problem } from './problems.ts';

const deployed = (document: unknown): Plan => compile(document, { revision: 7, local: false, rolls });
const local = (document: unknown): Plan => compile(document, { revision: 7, local: true, rolls });

function problemsOf(make: () => unknown): readonly Problem[] {
  try {
    make();
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code === 'config_invalid') return thrown.details.problems ?? [];
    throw thrown;
  }
  return [];
}

const pathsOf = (document: unknown, compiler = deployed) => problemsOf(() => compiler(document)).map(({ path }) => path);

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
    expect(plan.routes).toEqual([{ name: 'llm', kind: 'llm', policies: [] }]);
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
    [{ vault: 'a' }, 'providers.openai.key.vault', 'not available yet'],
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

describe('virtual models', () => {
  it('reads a target, a list of targets and an object alike', () => {
    const target = { provider: 'openai', model: 'org/gpt-a' };
    const plan = deployed({
      models: { a: 'openai/org/gpt-a', b: ['openai/org/gpt-a'], c: { targets: [{ model: 'openai/org/gpt-a', weight: 3 }] } },
    });
    const { strategy, ...defaults } = plan.models.get('a') ?? {};
    expect(strategy?.name).toBe('failover');
    expect(defaults).toEqual({
      name: 'a',
      settings: {},
      targets: [target],
      retry: { attempts: 2 },
      timeout: { firstToken: 60_000, idle: 60_000, total: 600_000 },
    });
    expect(plan.models.get('b')?.targets).toEqual([target]);
    expect(plan.models.get('c')?.targets).toEqual([{ ...target, weight: 3 }]);
  });

  it('takes retries, timeouts and the settings of the strategy', () => {
    const plan = deployed({
      models: {
        smart: { strategy: 'sticky', settings: { by: 'run' }, targets: ['openai/a'], retry: { attempts: 3 }, timeout: { idle: 5 } },
      },
    });
    expect(plan.models.get('smart')).toMatchObject({
      strategy: { name: 'sticky' },
      settings: { by: 'run' },
      retry: { attempts: 3 },
      timeout: { firstToken: 60_000, idle: 5, total: 600_000 },
    });
  });

  it.each<[string, unknown, string]>([
    ['an unknown provider', { targets: ['openai/a', 'nobody/b'] }, 'models.smart.targets[1]'],
    ['an unknown provider in a list', ['nobody/b'], 'models.smart[0]'],
    ['an unknown provider alone', 'nobody/b', 'models.smart'],
    ['no provider', { targets: ['gpt-a'] }, 'models.smart.targets[0]'],
    ['no model', { targets: ['openai/'] }, 'models.smart.targets[0]'],
    ['a virtual model', { targets: ['smart'] }, 'models.smart.targets[0]'],
    ['no targets', { targets: [] }, 'models.smart.targets'],
    ['a negative weight', { targets: [{ model: 'openai/a', weight: -1 }] }, 'models.smart.targets[0].weight'],
    ['only weights of zero', { targets: [{ model: 'openai/a', weight: 0 }] }, 'models.smart.targets'],
    ['a misspelt target', { targets: [{ modl: 'openai/a' }] }, 'models.smart.targets[0].modl'],
    ['no attempts', { targets: ['openai/a'], retry: { attempts: 0 } }, 'models.smart.retry.attempts'],
    ['half an attempt', { targets: ['openai/a'], retry: { attempts: 1.5 } }, 'models.smart.retry.attempts'],
    ['a timeout as text', { targets: ['openai/a'], timeout: { idle: '5s' } }, 'models.smart.timeout.idle'],
    ['an unknown strategy', { strategy: 'luck', targets: ['openai/a'] }, 'models.smart.strategy'],
    ['settings that are missing', { strategy: 'sticky', targets: ['openai/a'] }, 'models.smart.settings.by'],
    ['settings that are unknown', { targets: ['openai/a'], settings: { by: 'run' } }, 'models.smart.settings.by'],
    ['a number', 3, 'models.smart'],
  ])('refuses %s', (_what, model, path) => {
    expect(pathsOf({ models: { smart: model } })).toContain(path);
  });

  it('says that a virtual model is no target', () => {
    expect(problemsOf(() => deployed({ models: { a: 'openai/x', b: ['a'] } }))).toEqual([
      { path: 'models.b[0]', message: expect.stringContaining('virtual model') },
    ]);
  });

  it.each(['a/b', '', 'a b', 'a\u0000'])('refuses the name %j', (name) => {
    expect(pathsOf({ models: { [name]: 'openai/x' } })).toHaveLength(1);
  });

  it('takes the names clients use', () => {
    expect(pathsOf({ models: { 'claude-opus-4[1m]': 'openai/x', 'gpt@latest': 'openai/x', constructor: 'openai/x' } })).toEqual([]);
    expect(deployed({}).models.get('constructor')).toBeUndefined();
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
    ['a kind to come', { routes: [{ name: 'tools', kind: 'mcp', sources: [] }] }, 'routes[0].kind'],
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
    expect(plan.models.get('m')?.targets).toHaveLength(1);
    expect(plan.routes[0]?.policies[0]?.settings).toEqual({ words: ['a'], shout: false });
    for (const part of [plan, plan.routes, plan.routes[0]?.policies[0]?.settings, plan.models.get('m')?.targets, plan.limits]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });
});
