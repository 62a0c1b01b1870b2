import { describe, expect, it } from 'vitest';
import { DEFAULT_BREAKER } from '../core/health.ts';
import { deployed, pathsOf, problemsOf } from './fake-documents.ts';

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
      options: [target],
      retry: { attempts: 2, on: [] },
      require: {},
      breaker: DEFAULT_BREAKER,
      timeout: { firstToken: 60_000, idle: 60_000, total: 600_000 },
    });
    expect(plan.models.get('b')?.options).toEqual([target]);
    expect(plan.models.get('c')?.options).toEqual([{ ...target, weight: 3 }]);
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

  it('may stand for each other, in whatever order they are written, and not in a circle', () => {
    const { models } = deployed({ models: { b: [{ model: 'a', weight: 2 }, 'openai/y'], a: 'openai/x' } });
    expect(models.get('b')?.options).toEqual([
      { virtual: models.get('a'), weight: 2 },
      { provider: 'openai', model: 'y' },
    ]);
    expect(problemsOf(() => deployed({ models: { a: ['b'], b: ['c', 'openai/x'], c: ['a'] } }))).toEqual([
      { path: 'models.c[0]', message: 'goes in a circle: a → b → c → a' },
    ]);
    expect(problemsOf(() => deployed({ models: { a: ['a'] } }))).toEqual([{ path: 'models.a[0]', message: 'goes in a circle: a → a' }]);
    expect(problemsOf(() => deployed({ models: { a: ['b'] } }))).toEqual([
      { path: 'models.a[0]', message: expect.stringContaining('another virtual model') },
    ]);
  });

  it('name their targets so that rules can tell them apart', () => {
    const twice = [
      { model: 'openai/x', name: 'big' },
      { model: 'openai/y', name: 'big' },
    ];
    expect(pathsOf({ models: { a: { targets: twice } } })).toEqual(['models.a.targets']);
  });

  it('carry what is said of targets, requirements and failures', () => {
    const { models } = deployed({
      models: {
        m: {
          targets: [{ model: 'openai/x', region: 'eu', zeroRetention: true, capacity: { tokens: 1000 } }],
          require: { regions: ['eu'] },
          retry: { on: ['context-window'] },
          breaker: { failures: 2 },
          hedge: { after: 'p95' },
          mirror: { to: 'openai/y', share: 0.1, budget: 2.5 },
          timeout: { answer: 500 },
        },
      },
    });
    expect(models.get('m')).toMatchObject({
      options: [{ provider: 'openai', model: 'x', region: 'eu', zeroRetention: true, capacity: { tokens: 1000 } }],
      require: { regions: ['eu'] },
      retry: { attempts: 2, on: ['context-window'] },
      breaker: { ...DEFAULT_BREAKER, failures: 2 },
      hedge: { after: 'p95' },
      mirror: { to: { provider: 'openai', model: 'y' }, share: 0.1, budget: 2_500_000_000 },
      timeout: { answer: 500, idle: 60_000 },
    });
  });

  it.each(['a/b', '', 'a b', 'a\u0000'])('refuses the name %j', (name) => {
    expect(pathsOf({ models: { [name]: 'openai/x' } })).toHaveLength(1);
  });

  it('takes the names clients use', () => {
    expect(pathsOf({ models: { 'claude-opus-4[1m]': 'openai/x', 'gpt@latest': 'openai/x', constructor: 'openai/x' } })).toEqual([]);
    expect(deployed({}).models.get('constructor')).toBeUndefined();
  });
});
