import { describe, expect, it } from 'vitest';
import type { Chat } from '../core/chat.ts';
import { type FakeToolsOptions, fakeCall, fakeDialect, fakeExchange, fakeTools } from '../core/fakes.ts';
import { OperationCall } from '../core/operation.ts';
import type { Target } from '../core/strategy.ts';
import { cost } from './cost.ts';

const targets = (names: string): readonly Target[] => [...names].map((model) => ({ provider: 'p', model }));
const asking = (parts: Partial<Chat> = {}) =>
  fakeCall({ model: 'm' }, fakeDialect({ readCall: () => ({ model: 'm', messages: [], tools: [], stream: false, extra: {}, ...parts }) }));
const seeing = asking({ messages: [{ role: 'user', content: [{ type: 'image', source: { kind: 'url', url: 'https://x/y.png' } }] }] });

const costs = { 'p/a': 900_000, 'p/b': 400_000, 'p/c': 2_000_000 };

function order(
  names: string,
  options: FakeToolsOptions,
  call: Parameters<typeof cost.order>[2] = asking(),
  settings: object = {},
  tools = fakeTools(options),
) {
  const ordered = cost.order(targets(names), cost.config.parse(settings), call, fakeExchange(), tools);
  return (ordered as readonly Target[]).map(({ model }) => model).join('');
}

describe('cost', () => {
  it('puts the cheapest first, those without a price last, and equals as listed', () => {
    const tools = fakeTools({ costs: { ...costs, 'p/e': 400_000 } });
    expect(order('xabecy', {}, asking(), {}, tools)).toBe('beacxy');
    expect(tools.explained).toMatchObject({ 'p/b': ['cheapest: $0.0004'], 'p/a': ['costs $0.0009'], 'p/x': ['its price is not known'] });
  });

  it('takes what costs nothing before all else', () => {
    expect(order('abz', { costs: { ...costs, 'p/z': 0 } }, asking(), { tolerance: 0.5 })).toBe('zba');
  });

  it('leaves out what cannot do the job', () => {
    const cards = { 'p/b': { id: 'b', reads: ['text'] }, 'p/a': { id: 'a', reads: ['text', 'image'] } };
    const tools = fakeTools({ costs, cards });
    expect(order('abc', {}, seeing, {}, tools)).toBe('ac');
    expect(tools.explained).toMatchObject({ 'p/b': ['left out: does not read images'] });
    expect(order('abc', { costs, cards })).toBe('bac');
  });

  it('leaves out nothing where nothing would be left: the catalogue may be wrong', () => {
    const cards = Object.fromEntries([...'abc'].map((model) => [`p/${model}`, { id: model, reads: ['text'] }]));
    const tools = fakeTools({ costs, cards });
    expect(order('cab', {}, seeing, {}, tools)).toBe('cab');
    expect(tools.explained['p/c']).toEqual(['as listed: none is known to do the job (does not read images)']);
  });

  it('has those that are not certain to do it behind those that are', () => {
    const cards = { 'p/b': { id: 'b', can: ['tools'] }, 'p/c': { id: 'c', can: ['structured'] } } as const;
    const call = asking({ responseFormat: { type: 'schema', schema: {} } });
    expect(order('abc', { costs, cards }, call)).toBe('acb');
    expect(order('abc', { costs, cards })).toBe('bac');
  });

  it('counts prices as equal within the tolerance, and asks the least busy of them', () => {
    const near = { 'p/a': 100, 'p/b': 109, 'p/c': 111, 'p/d': 122 };
    const health = { 'p/a': { inFlight: 3 }, 'p/b': { inFlight: 1 }, 'p/c': { inFlight: 9 } };
    expect(order('abcd', { costs: near, health }, asking(), { tolerance: 0.1 })).toBe('badc');
    expect(order('abcd', { costs: near, health })).toBe('abcd');
  });

  it('has what is failing last, also before the only ones that can do the job', () => {
    const health = { 'p/b': { state: 'open' } } as const;
    expect(order('abc', { costs, health })).toBe('acb');
  });

  it('orders calls that are no chat, and such as cannot be read, by their price alone', () => {
    const cards = Object.fromEntries([...'abc'].map((model) => [`p/${model}`, { id: model, reads: [], can: [], context: 1 }]));
    const embeddings = OperationCall.read('embeddings', '{"model":"m","input":"Hi"}', new Headers(), 'openai', {
      head: () => ({ model: 'm', stream: false, wantsUsage: false }),
      texts: (same) => same,
    });
    const unreadable = fakeCall(
      { model: 'm' },
      fakeDialect({
        readCall: () => {
          throw new Error('no chat');
        },
      }),
    );
    for (const call of [embeddings, unreadable]) expect(order('abc', { costs, cards }, call)).toBe('bac');
  });
});
