import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../core/json.ts';
import { Notes } from './plan.ts';
import { importConfig } from './portkey-config.ts';
import { importTenants } from './portkey-tenants.ts';
import { VirtualKeys } from './portkey-virtual-keys.ts';
import { ProviderBook } from './providers.ts';

const virtualKeys = [
  { slug: 'a', provider: 'openai' },
  { slug: 'b', provider: 'anthropic' },
  { slug: 'c', provider: 'groq' },
];

/** What becomes of one config named `c1`. */
function imported(config: JsonObject, model?: string) {
  const notes = new Notes();
  const book = new ProviderBook([]);
  const keys = new VirtualKeys(virtualKeys, book, notes);
  const models = Object.fromEntries(importConfig({ name: 'c1', config }, { keys, notes, model }));
  return { models, providers: book.providers, told: notes.list.map(({ what }) => what), notes: JSON.stringify(notes.list) };
}

const on = (virtual_key: string, model = 'm', more: JsonObject = {}) => ({ virtual_key, override_params: { model }, ...more });
const failover = (...targets: readonly string[]) => ({ strategy: 'failover', targets });
const weighted = (...targets: readonly (readonly [string, number])[]) => ({
  strategy: 'weighted',
  targets: targets.map(([model, weight]) => ({ model, weight })),
});

/** `then` is a field of Portkey's; written out, it would look like a promise. */
const condition = (query: JsonObject, target: string): JsonObject =>
  Object.fromEntries([['query', query] as const, ['then', target] as const]);

describe('a config', () => {
  it.each<[string, JsonObject, JsonObject]>([
    ['one target', on('a'), failover('a/m')],
    ['single', { strategy: { mode: 'single' }, targets: [on('a'), on('b')] }, failover('a/m')],
    ['fallback', { strategy: { mode: 'fallback' }, targets: [on('a'), on('b'), on('c')] }, failover('a/m', 'b/m', 'c/m')],
    [
      'loadbalance',
      { strategy: { mode: 'loadbalance' }, targets: [on('a', 'm', { weight: 0.7 }), on('b', 'm', { weight: 0.3 })] },
      weighted(['a/m', 0.7], ['b/m', 0.3]),
    ],
    ['loadbalance without weights', { strategy: { mode: 'loadbalance' }, targets: [on('a'), on('b')] }, weighted(['a/m', 1], ['b/m', 1])],
    [
      'a balanced target before a fallback',
      { strategy: { mode: 'fallback' }, targets: [{ strategy: { mode: 'loadbalance' }, targets: [on('a'), on('b')] }, on('c')] },
      weighted(['a/m', 1], ['b/m', 1], ['c/m', 0]),
    ],
    [
      'fallbacks inside a balanced target',
      { strategy: { mode: 'loadbalance' }, targets: [{ weight: 3, strategy: { mode: 'fallback' }, targets: [on('a'), on('b')] }, on('c')] },
      weighted(['a/m', 3], ['c/m', 1], ['b/m', 0]),
    ],
    [
      'the same target twice',
      { strategy: { mode: 'loadbalance' }, targets: [on('a'), on('a'), on('b')] },
      weighted(['a/m', 2], ['b/m', 1]),
    ],
  ])('of %s', (_what, config, model) => {
    expect(imported(config).models).toEqual({ c1: model });
  });

  it('says what of a nesting is not kept', () => {
    const inner = { strategy: { mode: 'fallback' }, targets: [on('a'), on('b')] };
    expect(imported({ strategy: { mode: 'loadbalance' }, targets: [inner, on('c')] }).told).toEqual(['config c1']);
    const balanced = { strategy: { mode: 'loadbalance' }, targets: [on('b'), on('c')] };
    expect(imported({ strategy: { mode: 'fallback' }, targets: [on('a'), balanced] })).toMatchObject({
      models: { c1: failover('a/m', 'b/m', 'c/m') },
      told: ['config c1'],
    });
  });

  it('chooses by the name of the model, and by nothing else', () => {
    const made = imported({
      strategy: {
        mode: 'conditional',
        conditions: [
          condition({ 'params.model': { $in: ['fast', 'cheap'] } }, 'one'),
          condition({ 'params.model': 'best' }, 'two'),
          condition({ 'metadata.plan': { $eq: 'paid' } }, 'two'),
          condition({ $and: [] }, 'two'),
          condition({ 'params.model': { $eq: 'x' } }, 'nobody'),
        ],
        default: 'two',
      },
      retry: { attempts: 1 },
      targets: [
        { name: 'one', ...on('a') },
        { name: 'two', ...on('b') },
      ],
    });
    const of = (target: string) => ({ ...failover(target), retry: { attempts: 2 } });
    expect(made.models).toEqual({ fast: of('a/m'), cheap: of('a/m'), best: of('b/m'), c1: of('b/m') });
    expect(made.told).toEqual(['a condition of config c1', 'a condition of config c1', 'config c1']);
  });

  it('takes the model of its callers only where one is named for it', () => {
    expect(imported({ virtual_key: 'a' })).toMatchObject({ models: {}, told: ['config c1', 'config c1'] });
    expect(imported({ virtual_key: 'a' }, 'gpt-4o').models).toEqual({ c1: failover('a/gpt-4o') });
    expect(imported({ provider: '@b', override_params: { model: '@b/claude' } }).models).toEqual({ c1: failover('b/claude') });
  });

  it('never brings a key, and names what it cannot be asked for', () => {
    const made = imported({
      strategy: { mode: 'fallback' },
      targets: [
        { provider: 'openai', api_key: 'sk-canary-1', override_params: { model: 'x', top_p: 1 } },
        { provider: 'openai', api_key: 'sk-canary-2', override_params: { model: 'x' } },
        { virtual_key: 'nobody', override_params: { model: 'x' } },
        { provider: 'replicate', override_params: { model: 'x' } },
      ],
      cache: { mode: 'simple' },
      something_new: 1,
    });
    expect(JSON.stringify(made)).not.toContain('canary');
    expect(made.models).toEqual({ c1: failover('openai/x', 'openai-2/x') });
    for (const named of ['top_p', 'nobody', 'replicate', 'cache of config c1', 'something_new']) expect(made.notes).toContain(named);
  });
});

it.each<[JsonObject, readonly JsonObject[], number]>([
  [{ usage_limits: { credit_limit: 10, periodic_reset: 'monthly' } }, [{ unit: 'usd', limit: 10, window: 'month' }], 0],
  [
    { usage_limits: [{ credit_limit: 10, periodic_reset: 'weekly', alert_threshold: 5 }] },
    [{ unit: 'usd', limit: 10, window: 'week', alertAt: [0.5] }],
    0,
  ],
  [{ usage_limits: { credit_limit: 10 } }, [{ unit: 'usd', limit: 10 }], 0],
  [{ usage_limits: { type: 'tokens', credit_limit: 1000.5 } }, [{ unit: 'tokens', limit: 1000 }], 0],
  [{ usage_limits: { credit_limit: 10, periodic_reset: 'yearly' } }, [], 1],
  [
    {
      rate_limits: [
        { type: 'requests', unit: 'rpm', value: 5 },
        { type: 'tokens', unit: 'rpd', value: 9 },
      ],
    },
    [
      { unit: 'requests', limit: 5, window: '1m' },
      { unit: 'tokens', limit: 9, window: 'day' },
    ],
    0,
  ],
  [
    {
      rate_limits: [
        { unit: 'rph', value: 5 },
        { unit: 'rps', value: 6 },
        { unit: 'rpw', value: 7 },
      ],
    },
    [
      { unit: 'requests', limit: 5, window: '1h' },
      { unit: 'requests', limit: 6, window: '1s' },
      { unit: 'requests', limit: 7, window: 'week' },
    ],
    0,
  ],
  [{ rate_limits: [{ unit: 'rpy', value: 5 }] }, [], 1],
])('%j are limits', (row, limits, left) => {
  const notes = new Notes();
  const [org] = importTenants(
    { workspaces: [], apiKeys: [{ name: 'k', key: 'whole-key', ...row }] },
    { org: 'o', now: 0, sha256: (text) => text },
    notes,
  );
  expect(org?.teams[0]?.apps[0]?.keys[0]).toMatchObject({ hash: 'whole-key', rules: { limits } });
  expect(notes.list.filter(({ kind }) => kind === 'left')).toHaveLength(left);
});
