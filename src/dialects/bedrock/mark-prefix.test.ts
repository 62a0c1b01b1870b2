import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../core/json.ts';
import type { PrefixMarks } from '../../core/prompt-cache.ts';
import { markPrefix } from './mark-prefix.ts';

const CLAUDE = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0';
const marks = (parts: Partial<PrefixMarks> = {}): PrefixMarks => ({ model: CLAUDE, quirks: {}, keyFor: (text) => text, ...parts });

const LONG = 'The terms of the service say that the customer may ask for a refund within thirty days. '.repeat(80);
const POINT = { cachePoint: { type: 'default' } };
const spec = { toolSpec: { name: 'a', description: LONG, inputSchema: { json: { type: 'object' } } } };
const body: JsonObject = {
  toolConfig: { tools: [spec], toolChoice: { auto: {} } },
  system: [{ text: LONG }],
  messages: [
    { role: 'user', content: [{ text: 'One' }] },
    { role: 'assistant', content: [{ text: 'Two' }, { reasoningContent: { reasoningText: { text: 'Hm', signature: 's' } } }] },
    { role: 'user', content: [{ text: 'Three' }] },
  ],
};

describe('cache points', () => {
  it('stand behind tools, instructions and history, and never behind reasoning', () => {
    expect(markPrefix(body, marks())).toEqual({
      toolConfig: { tools: [spec, POINT], toolChoice: { auto: {} } },
      system: [{ text: LONG }, POINT],
      messages: [
        { role: 'user', content: [{ text: 'One' }] },
        { role: 'assistant', content: [{ text: 'Two' }, POINT, { reasoningContent: { reasoningText: { text: 'Hm', signature: 's' } } }] },
        { role: 'user', content: [{ text: 'Three' }] },
      ],
    });
  });

  it('stand behind the newest results too in a loop of tools', () => {
    const messages = [
      { role: 'user', content: [{ text: LONG }] },
      { role: 'assistant', content: [{ toolUse: { toolUseId: 't', name: 'a', input: {} } }] },
      { role: 'user', content: [{ toolResult: { toolUseId: 't', content: [{ text: LONG }] } }] },
    ];
    expect(markPrefix({ messages }, marks()).messages).toEqual([
      messages[0],
      { role: 'assistant', content: [{ toolUse: { toolUseId: 't', name: 'a', input: {} } }, POINT] },
      { role: 'user', content: [{ toolResult: { toolUseId: 't', content: [{ text: LONG }] } }, POINT] },
    ]);
  });

  it('are not set behind the tools of Nova, which keeps none', () => {
    const marked = markPrefix(body, marks({ model: 'amazon.nova-pro-v1:0', ttl: '1h' }));
    expect(marked.toolConfig).toBe(body.toolConfig);
    expect(marked.system).toEqual([{ text: LONG }, POINT]);
  });

  it.each([
    ['us.anthropic.claude-sonnet-4-5-20250929-v1:0', '1h'],
    ['anthropic.claude-opus-4-6-v1', undefined],
    ['anthropic.claude-sonnet-4-20250514-v1:0', undefined],
    ['anthropic.claude-opus-4-1-20250805-v1:0', undefined],
    ['anthropic.claude-3-7-sonnet-20250219-v1:0', undefined],
  ])('are kept for an hour only by models that do: %s', (model, ttl) => {
    const text = LONG.repeat(4);
    const { system } = markPrefix({ system: [{ text }], messages: [] }, marks({ model, ttl: '1h' }));
    const lasts = /4-[5-9]/.test(model);
    expect(system).toEqual([{ text }, { cachePoint: lasts ? { type: 'default', ttl: '1h' } : { type: 'default' } }]);
    expect(ttl === undefined || lasts).toBe(true);
  });

  it.each([
    'anthropic.claude-3-sonnet-20240229-v1:0',
    'anthropic.claude-3-5-sonnet-20240620-v1:0',
    'meta.llama3-70b-instruct-v1:0',
    'amazon.titan-text-express-v1',
    'arn:aws:bedrock:us-east-1:1:application-inference-profile/x',
  ])('are not set for %s, which has no cache or does not tell', (model) => {
    expect(markPrefix(body, marks({ model }))).toBe(body);
  });

  it('are left to the caller who has set one, and to prefixes that are long enough', () => {
    const own = { ...body, system: [{ text: LONG }, POINT] };
    expect(markPrefix(own, marks())).toBe(own);
    const short = { system: [{ text: 'Be brief.' }], messages: [{ role: 'user', content: [{ text: 'One' }] }] };
    expect(markPrefix(short, marks())).toBe(short);
  });
});
