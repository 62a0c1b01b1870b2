import { describe, expect, it } from 'vitest';
import { fakeCall, fakeExchange, fakeTools } from '../../core/fakes.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Target } from '../../core/strategy.ts';
import { conditional } from './index.ts';

const targets: readonly Target[] = [
  { provider: 'p', model: 'a' },
  { provider: 'p', model: 'b', name: 'fast' },
  { provider: 'q', model: 'c', name: 'eu' },
];

async function ordered(written: JsonObject, metadata: JsonObject = {}, of: readonly Target[] = targets) {
  const exchange = fakeExchange({ metadata });
  const tools = fakeTools();
  const chosen = await conditional.order(
    of,
    conditional.config.parse(written),
    fakeCall({ model: 'm', messages: ['Hi'] }),
    exchange,
    tools,
  );
  return { models: chosen.map(({ model }) => model).join(''), notes: exchange.notes, explained: tools.explained };
}

const settings = {
  rules: [
    { when: 'metadata.plan == "gold"', use: ['eu', 'p/a'] },
    { name: 'bulk', when: 'metadata.bulk', use: ['fast'], rest: true },
  ],
};

describe('conditional', () => {
  it('asks the targets of the first rule that is true, in its order, and no others', async () => {
    expect(await ordered(settings, { plan: 'gold', bulk: true })).toMatchObject({
      models: 'ca',
      notes: { rule: 1 },
      explained: { 'q/c': ['rule 1'], 'p/a': ['rule 1'] },
    });
  });

  it('adds the rest where a rule says so, and tells which rules could not be worked out', async () => {
    const { models, notes, explained } = await ordered(settings, { bulk: true });
    expect(models).toBe('bac');
    expect(notes).toEqual({ rule: 'bulk' });
    expect(explained['p/b']).toEqual(['rule 2 (bulk); rule 1 counts as false: there is no "plan"']);
  });

  it('asks those of `otherwise` where no rule is true, and all as listed without it', async () => {
    const said = { plan: 'basic', bulk: false };
    expect(await ordered({ ...settings, otherwise: ['p/b'] }, said)).toMatchObject({ models: 'b', notes: { rule: 'otherwise' } });
    expect(await ordered(settings, said)).toMatchObject({ models: 'abc', explained: { 'p/a': ['no rule is true'] } });
  });

  it('asks no other where those of the rule that decides may not be asked', async () => {
    const without = targets.filter(({ model }) => model === 'b');
    expect((await ordered(settings, { plan: 'gold' }, without)).models).toBe('');
    expect((await ordered(settings, { bulk: true }, targets.slice(2))).models).toBe('c');
  });

  it('says nothing of targets that it does not know at all', async () => {
    const foreign = [{ provider: 'x', model: 'y' }];
    expect((await ordered(settings, { plan: 'gold' }, foreign)).models).toBe('y');
  });

  it('names every target that the model does not have', () => {
    const config = conditional.config.parse({ ...settings, otherwise: ['p/z'] });
    expect(conditional.check?.(config, new Set(['p/a', 'p/b', 'fast', 'q/c']))).toEqual([
      { path: ['rules', 0, 'use', 0], message: '"eu" is none of the model\'s targets: p/a, p/b, fast, q/c' },
      { path: ['otherwise', 0], message: '"p/z" is none of the model\'s targets: p/a, p/b, fast, q/c' },
    ]);
  });

  it('tells where in the settings a text is no rule', () => {
    const parsed = conditional.config.safeParse({ rules: [settings.rules[0], { when: 'modle == "x"', use: ['a'] }] });
    expect(parsed.error?.issues).toMatchObject([
      { path: ['rules', 1, 'when'], message: expect.stringMatching(/^is not a rule: there is no variable "modle"/) },
    ]);
  });
});
