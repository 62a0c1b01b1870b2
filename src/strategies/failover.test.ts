import { expect, it } from 'vitest';
import { fakeCall, fakeExchange, seededRandom } from '../core/fakes.ts';
import { failover } from './failover.ts';

it('leaves the targets as they are listed', () => {
  const targets = ['a', 'b', 'c'].map((model) => ({ provider: 'p', model, weight: 0 }));
  expect(failover.order(targets, {}, fakeCall({ model: 'm' }), fakeExchange(), seededRandom(1))).toEqual(targets);
});
