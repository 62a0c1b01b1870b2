import { describe, expect, it } from 'vitest';
import type { Plan } from '../../../../core/plan.ts';
import { checkLines } from './batch-lines.ts';

const plan = {
  providers: new Map(['up', 'other'].map((id) => [id, {}])),
  models: new Map([
    [
      'smart',
      {
        require: {},
        options: [
          { provider: 'other', model: 'o' },
          { provider: 'up', model: 'gpt-real' },
        ],
      },
    ],
    ['elsewhere', { require: {}, options: [{ provider: 'other', model: 'o' }] }],
  ]),
} as unknown as Plan;
const rules = { provider: 'up', plan, required: [], chain: undefined };
const line = (model: string) => `{"custom_id":"1","url":"/v1/chat/completions","body":{"model":"${model}","seed":12345678901234567890}}`;

describe('the lines of a batch', () => {
  it('name models as their provider does, and are otherwise as they came', async () => {
    const raw = `${line('gpt-4o')}\n\n${line('vendor/model')}\r\n`;
    expect(await checkLines(raw, rules)).toBe(raw);
    const [first, second] = (await checkLines(`${line('up/gpt-x')}\n${line('smart')}`, rules)).split('\n');
    expect(JSON.parse(first ?? '')).toMatchObject({ custom_id: '1', body: { model: 'gpt-x' } });
    expect(JSON.parse(second ?? '')).toMatchObject({ body: { model: 'gpt-real' } });
  });

  it('do not go where the route or the model forbids it', async () => {
    const kept = { ...rules, required: [{ regions: ['eu'] }] };
    await expect(checkLines(line('smart'), kept)).rejects.toMatchObject({ code: 'invalid_request', message: /Line 1/ });
  });

  it('that nobody could run are refused by their number', async () => {
    for (const bad of [line('other/o'), line('elsewhere'), 'no json', '{"url":"/v1/x"}', '{"body":{}}']) {
      await expect(checkLines(`${line('gpt')}\n${bad}`, rules)).rejects.toMatchObject({ code: 'invalid_request', message: /Line 2/ });
    }
  });
});
