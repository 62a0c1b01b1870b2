import { expect, it } from 'vitest';
import { fakeCall, fakeExchange, fakeTools } from '../core/fakes.ts';
import { failover } from './failover.ts';

it('leaves the targets as they are listed', () => {
  const targets = ['a', 'b', 'c'].map((model) => ({ provider: 'p', model, weight: 0 }));
  const tools = fakeTools({ health: { 'p/a': { state: 'open' } } });
  expect(failover.order(targets, {}, fakeCall({ model: 'm' }), fakeExchange(), tools)).toEqual(targets);
  expect(tools.explained).toMatchObject({ 'p/b': ['number 2 of the list'] });
});
