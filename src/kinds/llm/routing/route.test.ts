import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compile } from '../../../config/compile.ts';
import { rolls } from '../../../config/rolls.ts';
import { LlmCall } from '../../../core/call.ts';
import { fakeExchange } from '../../../core/fakes.ts';
import type { UnlockedVault } from '../../../core/ports.ts';
import { nameOf } from '../../../core/strategy.ts';
import { openaiChat } from '../../../dialects/openai-chat/index.ts';
import { candidatesOf } from './candidates.ts';
import { type Routed, routeCall } from './route.ts';

const planOf = (document: object) => compile(document, { revision: 1, local: true, rolls });
const callOf = (model: string, headers: Record<string, string> = {}) =>
  LlmCall.read(openaiChat, JSON.stringify({ model, messages: [{ role: 'user', content: 'Hi' }] }), new Headers(headers));
const route = async (document: object, model = 'm', headers = {}): Promise<Routed> =>
  routeCall(callOf(model, headers), fakeExchange(), planOf(document));
const names = (routed: Routed) => routed.targets.map(nameOf);

describe('the way of a call', () => {
  it('goes through the targets of virtual models within a model, in the order of each', async () => {
    const routed = await route({
      models: {
        m: ['inner', 'openai/c', 'openai/a'],
        inner: { targets: ['openai/a', 'openai/b'], retry: { attempts: 5 }, timeout: { firstToken: 7 } },
      },
    });
    expect(names(routed)).toEqual(['openai/a', 'openai/b', 'openai/c']);
    expect(routed.targets.map((target) => routed.rulesOf(target).retry.attempts)).toEqual([5, 5, 2]);
    const decided = routed.decision.toJson();
    expect(decided.strategies).toEqual(['inner: failover', 'm: failover']);
    expect(decided.candidates).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ target: 'openai/b' }),
        expect.objectContaining({ target: 'openai/a', out: 'stands further up already' }),
      ]),
    );
  });

  it('draws a virtual model by the weight that it has where it stands', async () => {
    const routed = await route({
      models: {
        m: {
          strategy: 'weighted',
          targets: [
            { model: 'inner', weight: 0 },
            { model: 'openai/z', weight: 1 },
          ],
        },
        inner: { strategy: 'weighted', targets: [{ model: 'openai/a', weight: 9 }] },
      },
    });
    expect(names(routed)).toEqual(['openai/z', 'openai/a']);
  });

  it('holds every target to the time that the caller gives', async () => {
    const document = { models: { m: ['inner', 'openai/b'], inner: ['openai/a'] } };
    const routed = await route(document, 'm', { 'x-weir-timeout': '50' });
    expect(routed.targets.map((target) => routed.rulesOf(target).timeout.firstToken)).toEqual([50, 50]);
    expect(routed.resolved.timeout.total).toBe(50);
    for (const wrong of ['0', '-1', '1.5', 'soon']) {
      await expect(async () => route(document, 'm', { 'x-weir-timeout': wrong })).rejects.toMatchObject({ code: 'invalid_request' });
    }
  });

  it('never leaves the region that the model, one around it or the route requires, whatever the document says', async () => {
    const regions = ['eu', 'eu-west-1', 'us', undefined];
    const target = fc
      .record({ model: fc.constantFrom('a', 'b', 'c', 'd'), region: fc.constantFrom(...regions), weight: fc.integer({ min: 1, max: 3 }) })
      .map(({ model, region, weight }) => ({ model: `openai/${model}`, weight, ...(region === undefined ? {} : { region }) }));
    const targets = fc.array(target, { minLength: 1, maxLength: 4 });
    const strategy = fc.constantFrom('failover', 'weighted');
    const where = fc.constantFrom('inner', 'outer', 'route', 'nowhere');
    await fc.assert(
      fc.asyncProperty(targets, targets, strategy, where, async (inner, outer, name, place) => {
        const require = { regions: ['eu'] };
        const at = (here: string) => (here === place ? { require } : {});
        const document = {
          models: {
            inner: { strategy: name, targets: inner, ...at('inner') },
            m: { strategy: name, targets: ['inner', ...outer], ...at('outer') },
          },
          routes: [{ name: 'llm', kind: 'llm', ...at('route') }],
        };
        const allowed = [...(place === 'nowhere' ? [] : inner), ...(place === 'inner' || place === 'nowhere' ? [] : outer)];
        const isIn = (region: string | undefined) => region === 'eu' || region === 'eu-west-1';
        try {
          const routed = await route(document);
          const asked = routed.targets.map((each) => each.region);
          if (place === 'outer' || place === 'route') expect(asked.every(isIn)).toBe(true);
          if (place === 'inner') {
            const own = routed.targets.filter((each) => routed.rulesOf(each).name === 'inner');
            expect(own.every((each) => isIn(each.region))).toBe(true);
          }
          const decided = JSON.stringify(routed.decision.toJson());
          if (allowed.some((each) => !('region' in each))) expect(decided).toContain('its region is not known');
        } catch (error) {
          expect(error).toMatchObject({ code: 'model_not_allowed' });
          expect(allowed.every((each) => !('region' in each) || !isIn(each.region))).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('is refused to a target that is named outright where the route forbids it', async () => {
    const document = { providers: { openai: { region: 'us' } }, routes: [{ name: 'llm', kind: 'llm', require: { regions: ['eu'] } }] };
    await expect(async () => route(document, 'openai/gpt-5')).rejects.toMatchObject({
      code: 'model_not_allowed',
      message: expect.stringContaining('it is in us'),
    });
  });
});

describe('the candidates of a call', () => {
  const document = { providers: { openai: { keys: [{ value: 'k1' }, { value: 'k2' }] } }, models: { m: ['openai/a', 'anthropic/b'] } };

  it('are each target with each of its credentials', async () => {
    const routed = await route(document);
    const { ports } = fakeExchange();
    const candidates = candidatesOf(routed.targets, routed, planOf(document), ports);
    expect(candidates.map(({ place }) => place)).toEqual(['openai/a#1', 'openai/a#2', 'anthropic/b#key']);
  });

  it('leave out a credential whose secret is not set, unless none is', async () => {
    const of = async (keys: object[]) => {
      const written = { providers: { openai: { keys } }, models: { m: ['openai/a'] } };
      const routed = await route(written);
      return candidatesOf(routed.targets, routed, planOf(written), fakeExchange().ports).map(({ credential }) => credential);
    };
    expect(await of([{ secret: 'UNSET' }, { value: 'k' }])).toEqual(['2']);
    expect(await of([{ secret: 'UNSET' }, { secret: 'UNSET_TOO' }])).toEqual(['1']);
  });

  it('leave out one that the vault cannot give now, and have places for each organisation', async () => {
    const of = async (keys: object[], vault: UnlockedVault) => {
      const written = { providers: { openai: { keys } }, models: { m: ['openai/a'] } };
      const ports = { ...fakeExchange().ports, secrets: { get: () => undefined, vault } };
      const routed = await route(written);
      return candidatesOf(routed.targets, routed, planOf(written), ports).map(({ place }) => place);
    };
    const keys = [{ vault: 'own' }, { value: 'k' }];
    const broken = () => {
      throw new Error('the vault is away');
    };
    expect(await of(keys, { org: 'org_a', get: () => 'v' })).toEqual(['openai/a#1@org_a', 'openai/a#2']);
    expect(await of(keys, { org: 'org_b', get: broken })).toEqual(['openai/a#2']);
    expect(await of([{ vault: 'own' }, { vault: 'other' }], { org: 'org_b', get: broken })).toEqual(['openai/a#1@org_b']);
  });
});
