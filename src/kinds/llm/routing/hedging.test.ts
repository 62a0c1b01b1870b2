import { describe, expect, it } from 'vitest';
import { LlmCall } from '../../../core/call.ts';
import { fakePorts } from '../../../core/fakes.ts';
import { Places } from '../../../core/health/places.ts';
import { DEFAULT_BREAKER, type Health } from '../../../core/health.ts';
import { openaiChat } from '../../../dialects/openai-chat/index.ts';
import { openaiResponses } from '../../../dialects/openai-responses/index.ts';
import type { Keeper } from '../continuity/keeper.ts';
import { hedgeTime, leavesNothing, mayRace } from './hedging.ts';

const chat = (fields: object = {}) =>
  LlmCall.read(openaiChat, JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'a' }], ...fields }), new Headers());
const response = (fields: object = {}) =>
  LlmCall.read(openaiResponses, JSON.stringify({ model: 'm', input: 'a', ...fields }), new Headers());

describe('a call that leaves nothing at its vendor', () => {
  it.each([
    ['a chat', chat(), true],
    ['a chat that is not kept', chat({ store: false }), true],
    ['a chat that is kept', chat({ store: true }), false],
    ['a response, which is kept unless the caller says otherwise', response(), false],
    ['a response that is not kept', response({ store: false }), true],
    ['a response in the background', response({ store: false, background: true }), false],
  ])('%s', (_name, call, leaves) => {
    expect(leavesNothing(call)).toBe(leaves);
  });
});

describe('an answer that may come from either of two', () => {
  const hearing: Keeper = { hear() {} };
  const keeping: Keeper = { whole: (body) => body };

  it('is one of which nobody keeps anything before it is known whose it is', () => {
    expect(mayRace({ call: chat(), keepers: [] })).toBe(true);
    expect(mayRace({ call: chat({ stream: true }), keepers: [hearing] })).toBe(true);
    expect(mayRace({ call: chat(), keepers: [hearing] })).toBe(false);
    expect(mayRace({ call: chat({ stream: true }), keepers: [keeping] })).toBe(false);
    expect(mayRace({ call: chat({ store: true }), keepers: [] })).toBe(false);
  });
});

describe('the time after which another is asked', () => {
  const candidate = {
    target: { provider: 'p', model: 'm' },
    credential: 'key',
    place: 'p/m#key',
    attempts: 1,
    on: [],
    breaker: DEFAULT_BREAKER,
  };

  it('is what the model says, or what is usual of the place once that is known', () => {
    const ports = fakePorts();
    const health: Health = new Places({ clock: ports.clock, random: () => 0.5 });
    expect(hedgeTime({ after: 250 }, candidate, undefined, true)).toBe(250);
    expect(hedgeTime({ after: 'p95' }, candidate, undefined, true)).toBeUndefined();
    for (let at = 1; at <= 20; at++) {
      expect(hedgeTime({ after: 'p95' }, candidate, health, true)).toBeUndefined();
      const trying = health.begin(candidate.place, DEFAULT_BREAKER, 'go');
      ports.clock.advance(at * 10);
      trying.began();
      trying.ended(1);
    }
    expect(hedgeTime({ after: 'p95' }, candidate, health, true)).toBe(190);
    expect(hedgeTime({ after: 'p95' }, candidate, health, false)).toBeUndefined();
  });
});
