import { describe, expect, it } from 'vitest';
import { addSystem } from './add-system.ts';

const messages = [{ role: 'user', content: 'Hi' }];

describe('instructions added to an Anthropic call', () => {
  it('are the system text where the caller has none', () => {
    const body = { model: 'm', max_tokens: 5, messages };
    expect(addSystem(body, 'Be brief.', 'start')).toEqual({ ...body, system: 'Be brief.' });
    expect(addSystem({ ...body, system: '' }, 'Be brief.', 'end')).toEqual({ ...body, system: 'Be brief.' });
  });

  it("stand before or after the caller's text", () => {
    expect(addSystem({ system: 'Own.', messages }, 'Added.', 'start')).toEqual({ system: 'Added.\n\nOwn.', messages });
    expect(addSystem({ system: 'Own.', messages }, 'Added.', 'end')).toEqual({ system: 'Own.\n\nAdded.', messages });
  });

  it("stand before or after the caller's blocks, which keep their cache breakpoints", () => {
    const own = { type: 'text', text: 'Own.', cache_control: { type: 'ephemeral' } };
    const added = { type: 'text', text: 'Added.' };
    expect(addSystem({ system: [own] }, 'Added.', 'start').system).toEqual([added, own]);
    expect(addSystem({ system: [own] }, 'Added.', 'end').system).toEqual([own, added]);
  });

  it('are refused where the system text has another form', () => {
    expect(() => addSystem({ system: 7 }, 'Added.', 'end')).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });
});
