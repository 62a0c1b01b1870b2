import { describe, expect, it } from 'vitest';
import { LlmCall } from '../../../core/call.ts';
import type { JsonObject } from '../../../core/json.ts';
import { openaiChat } from '../../../dialects/openai-chat/index.ts';
import { openaiCompletions } from '../../../dialects/openai-completions/index.ts';
import { limitedTo } from './limited.ts';
import { prompted } from './prompts.ts';

const completion = (body: JsonObject) =>
  LlmCall.read(openaiCompletions, JSON.stringify({ model: 'm', max_tokens: 7, n: 2, ...body }), new Headers());

const read = (body: JsonObject) => {
  const { call, prompts, tokens } = prompted(completion(body));
  const texts = call.chat().messages.map(({ content }) => content.map((part) => (part.type === 'text' ? part.text : part.type)).join());
  return { texts, prompts, tokens, output: call.chat().maxTokens, choices: call.chat().choices };
};

describe('the prompts of a completion', () => {
  it('are counted each, as texts or by their tokens', () => {
    expect(read({ prompt: 'a' })).toEqual({ texts: ['a'], prompts: 1, tokens: 0, output: 7, choices: 2 });
    expect(read({ prompt: ['a', 'b c'] })).toEqual({ texts: ['a', 'b c'], prompts: 2, tokens: 0, output: 7, choices: 2 });
    expect(read({ prompt: [5, 6, 7] })).toEqual({ texts: [], prompts: 1, tokens: 3, output: 7, choices: 2 });
    expect(read({ prompt: [[5, 6], 'x', [7]] })).toEqual({ texts: ['x'], prompts: 3, tokens: 3, output: 7, choices: 2 });
  });

  it('share what is held for their answers', () => {
    const limited = limitedTo(completion({ prompt: ['a', 'b', 'c'], max_tokens: 100 }), 60, {});
    expect(limited.wire.json()).toEqual({ model: 'm', max_tokens: 10, n: 2, prompt: ['a', 'b', 'c'] });
    // Whoever would have to ask another API for them says that it cannot.
    expect(() => limited.chat()).toThrow('prompt');
    expect(limitedTo(completion({ prompt: 'a' }), 60, {}).chat()).toMatchObject({ maxTokens: 7 });
  });

  it('are no matter of other dialects', () => {
    const body = { model: 'm', messages: [{ role: 'user', content: 'x' }], prompt: ['a', 'b'] };
    const call = LlmCall.read(openaiChat, JSON.stringify(body), new Headers());
    expect(prompted(call)).toEqual({ call, prompts: 1, tokens: 0 });
  });
});
