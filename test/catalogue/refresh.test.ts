import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildCatalogue, patternsOf } from '../../scripts/catalogue/build.mjs';
import { absurdities } from '../../scripts/catalogue/check.mjs';
import { providers } from '../../scripts/catalogue/providers.mjs';

type Line = { readonly [field: string]: unknown };

/** A catalogue of one provider with these models, and of enough others that a missing one is nothing. */
function catalogue(models: readonly Line[], others = 100): string {
  const rest = Array.from({ length: others }, (_, at) => ({ id: `other-${at}`, prices: [{ input: 1, output: 1 }] }));
  const lines = [{ version: 'x' }, { provider: 'openai' }, ...models, { provider: 'rest' }, ...rest];
  return `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`;
}

const model = (price: Line, more: Line = {}) => catalogue([{ id: 'gpt', ...more, prices: [{ input: 2, output: 8, ...price }] }]);
const found = (before: string | undefined, after: string, accepted?: ReadonlySet<string>) =>
  absurdities(before, after, accepted).map(({ key, what }) => `${key}: ${what}`);

describe('a refresh', () => {
  it('takes changes as vendors make them', () => {
    expect(found(undefined, model({}))).toEqual([]);
    expect(found(model({}), model({}))).toEqual([]);
    expect(found(model({}), model({ input: 6, output: 8 / 3, cacheRead: 0 }))).toEqual([]);
    expect(found(model({ cacheRead: 1 }), model({}))).toEqual([]);
    expect(found(model({}, { context: 1000 }), model({}, { context: 501 }))).toEqual([]);
    expect(found(model({ input: 0 }), model({ input: 10 }))).toEqual([]);
  });

  it.each([
    ['three times dearer', model({}), model({ input: 6.01 }), 'openai/gpt: input was 2 and is 6.01'],
    ['three times cheaper', model({}), model({ output: 2.66 }), 'openai/gpt: output was 8 and is 2.66'],
    ['for nothing', model({}), model({ input: 0 }), 'openai/gpt: input was 2 and is 0'],
    ['without its price', model({}), model({ output: undefined }), 'openai/gpt: output was 8 and is unknown'],
    ['negative', model({}), model({ cacheRead: -0.1 }), 'openai/gpt: cacheRead is -0.1'],
    ['no number', model({}), model({ cacheRead: '1' }), 'openai/gpt: cacheRead is 1'],
    ['dearer than anything', model({}), model({ reasoning: 2001 }), 'openai/gpt: reasoning is 2001, more than anything costs'],
    ['with half the context', model({}, { context: 1000 }), model({}, { context: 500 }), 'openai/gpt: context was 1000 and is 500'],
    ['with no context', model({}), model({}, { context: 0 }), 'openai/gpt: context is 0'],
  ])('is refused where a model is %s', (_name, before, after, what) => {
    expect(found(before, after)).toEqual([what]);
    expect(found(before, after, new Set(['openai/gpt']))).toEqual([]);
    expect(found(before, after, new Set(['openai/other']))).toEqual([what]);
  });

  it('looks into tiers, and past hours and dates that are over', () => {
    const tiered = (input: number) => model({ tiers: [{ above: 200_000, input }] });
    expect(found(tiered(4), tiered(40))).toEqual(['openai/gpt: input above 200000 was 4 and is 40']);
    const night = (input: number) => catalogue([{ id: 'gpt', prices: [{ input: 2 }, { between: ['01:00', '04:00'], input }] }]);
    expect(found(night(1), night(5))).toEqual([]);
    expect(
      found(
        model({}),
        catalogue([
          {
            id: 'gpt',
            prices: [
              { input: 90, output: 90 },
              { from: '2026-01-01', input: 2, output: 8 },
            ],
          },
        ]),
      ),
    ).toEqual([]);
  });

  it('is refused where more than a tenth of the models are gone, of one provider or of all', () => {
    const many = (number: number) => catalogue(Array.from({ length: number }, (_, at) => ({ id: `gpt-${at}` })));
    expect(found(many(20), many(18))).toEqual([]);
    expect(found(many(20), many(17))).toEqual(['openai: 3 of 20 models are gone']);
    expect(found(many(20), many(17), new Set(['openai']))).toEqual([]);
    expect(found(catalogue([], 0).concat('{"id":"a"}\n'), catalogue([], 0))).toEqual(['*: 1 of 1 models are gone']);
  });
});

describe('the build', () => {
  const genai = [...new Set(providers.flatMap(({ genai: lists = [] }) => lists))].map((id) => ({ id, models: [] as object[] }));
  const modelsDev: { [id: string]: { models: { [id: string]: object } } } = Object.fromEntries(
    providers.flatMap(({ modelsDev: id }) => (id === undefined ? [] : [[id, { models: {} }]])),
  );
  const build = (openai: object[], described: { [id: string]: object } = {}, provider = 'openai') => {
    const text = buildCatalogue({
      genai: genai.map((list) => (list.id === 'openai' ? { ...list, models: openai } : list)),
      modelsDev: { ...modelsDev, [provider]: { models: described } },
      sources: [],
      date: '2026-01-02',
    });
    const lines: Line[] = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const start = lines.findIndex((line) => line.provider === provider) + 1;
    const end = lines.findIndex((line, at) => at > start && line.provider !== undefined);
    return { version: lines[0]?.version, models: lines.slice(start, end) };
  };
  const gpt = { id: 'GPT', match: { or: [{ equals: 'GPT' }, { starts_with: 'gpt-' }] }, context_window: 10 };

  it('writes prices in USD a million tokens, or each', () => {
    const prices = {
      input_mtok: { base: 2, tiers: [{ start: 200, price: 4 }] },
      output_mtok: { base: 3, tiers: [{ start: 100, price: 5 }] },
      web_searches_kcount: 10,
      audio_hours: 0.36,
      output_citation_mtok: 9,
    };
    expect(build([{ ...gpt, prices }]).models).toEqual([
      {
        id: 'gpt',
        as: ['gpt-*'],
        context: 10,
        prices: [
          {
            input: 2,
            output: 3,
            perSearch: 0.01,
            perSecond: 0.0001,
            tiers: [
              { above: 100, output: 5 },
              { above: 200, output: 5, input: 4 },
            ],
          },
        ],
      },
    ]);
  });

  it('takes capabilities from the other source, and the price where there is none', () => {
    const described = {
      'gpt-2': {
        id: 'gpt-2',
        limit: { context: 5, output: 3 },
        modalities: { input: ['text'], output: ['text'] },
        tool_call: true,
        cost: { input: 9, output: 9 },
      },
      new: { id: 'New', cost: { input: 1, output: 2, cache_read: 0.1 } },
      plan: { id: 'plan', cost: { input: 0, output: 0 } },
    };
    expect(build([{ ...gpt, prices: { input_mtok: 2 } }], described).models).toEqual([
      { id: 'gpt', as: ['gpt-*'], context: 10, prices: [{ input: 2 }], maxOutput: 3, reads: ['text'], writes: ['text'], can: ['tools'] },
      { id: 'new', prices: [{ input: 1, output: 2, cacheRead: 0.1 }] },
      { id: 'plan' },
    ]);
  });

  it('knows how the vendors of a subscription write their prices, and how Anthropic prices an hour', () => {
    const claude = { 'claude-x': { id: 'claude-x', cost: { input: 4, output: 20, cache_write: 5 } } };
    expect(build([], claude, 'anthropic').models).toEqual([
      { id: 'claude-x', prices: [{ input: 4, output: 20, cacheWrite5m: 5, cacheWrite1h: 8 }] },
    ]);
    expect(build([], { x: { id: 'x', cost: { input: 4, output: 20 } } }, 'nvidia').models).toEqual([{ id: 'x' }]);
  });

  it('names its version by the content', () => {
    const one = build([{ ...gpt, prices: { input_mtok: 2 } }]).version;
    expect(one).toMatch(/^2026-01-02\+[0-9a-f]{6}$/);
    expect(build([{ ...gpt, prices: { input_mtok: 2 } }]).version).toBe(one);
    expect(build([{ ...gpt, prices: { input_mtok: 3 } }]).version).not.toBe(one);
  });

  it('stops at what it does not understand', () => {
    expect(() => patternsOf({ regex: '^gpt-[0-9]$' })).toThrow('a rule that is not known here');
    expect(patternsOf({ regex: '^gpt-5\\.6-sol-\\d{4}-\\d{2}-\\d{2}$' })).toEqual([]);
    expect(() => build([{ ...gpt, prices: [{ constraint: { type: 'moon' }, prices: { input_mtok: 1 } }] }])).toThrow(
      'a constraint that is not known',
    );
    expect(() => buildCatalogue({ genai: [], modelsDev, sources: [], date: '' })).toThrow('has no list');
  });

  it('made what is committed', () => {
    const text = readFileSync(path.join(import.meta.dirname, '../../src/catalogue/catalogue.txt'), 'utf8');
    expect(absurdities(undefined, text)).toEqual([]);
  });
});
