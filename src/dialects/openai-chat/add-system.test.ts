import { describe, expect, it } from 'vitest';
import { addSystem } from './add-system.ts';

const user = { role: 'user', content: 'Hi' };

describe('instructions added to an OpenAI chat call', () => {
  it('become a system message where the caller has none', () => {
    const body = { model: 'm', messages: [user], seed: 1 };
    const expected = { model: 'm', messages: [{ role: 'system', content: 'Be brief.' }, user], seed: 1 };
    expect(addSystem(body, 'Be brief.', 'start')).toEqual(expected);
    expect(addSystem(body, 'Be brief.', 'end')).toEqual(expected);
    expect(body.messages).toEqual([user]);
  });

  it("stand before or after the caller's own, and before the conversation", () => {
    const own = { role: 'system', content: 'Own.' };
    const later = { role: 'system', content: 'Later.' };
    const added = { role: 'system', content: 'Added.' };
    const body = { messages: [own, user, later] };
    expect(addSystem(body, 'Added.', 'start').messages).toEqual([added, own, user, later]);
    expect(addSystem(body, 'Added.', 'end').messages).toEqual([own, added, user, later]);
  });

  it('take the role developer where the caller uses it', () => {
    const own = { role: 'developer', content: [{ type: 'text', text: 'Own.' }] };
    const added = { role: 'developer', content: 'Added.' };
    expect(addSystem({ messages: [own, user] }, 'Added.', 'start').messages).toEqual([added, own, user]);
    expect(addSystem({ messages: [own] }, 'Added.', 'end').messages).toEqual([own, added]);
  });

  it('are refused where there is no list of messages', () => {
    expect(() => addSystem({ messages: 'Hi' }, 'Added.', 'start')).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });
});
