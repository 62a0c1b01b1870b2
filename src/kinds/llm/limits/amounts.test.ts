import { describe, expect, it } from 'vitest';
import type { Chat, Message } from '../../../core/chat.ts';
import type { Foreseen } from '../../../core/hold.ts';
import { nanoUsd } from '../../../core/money.ts';
import { amountsOf, numbersOf, takenBy } from './amounts.ts';
import { choicesOf, outputLimit } from './asked-output.ts';
import { toolCallsIn } from './tool-calls.ts';

const foreseen = (parts: Partial<Foreseen>): Foreseen => ({
  provider: 'up',
  model: 'up/m',
  usage: { input: 10, output: 5 },
  cost: nanoUsd(7),
  ...parts,
});

describe('what a call came to', () => {
  it('has an amount of every unit, so that what was held of it and not used comes back', () => {
    expect(amountsOf({ input: 10, output: 5 }, 7)).toEqual({
      requests: 1,
      concurrent: 1,
      tokens: 15,
      'tokens-in': 10,
      'tokens-out': 5,
      usd: 7,
      images: 0,
      seconds: 0,
      'tool-calls': 0,
    });
  });

  it('counts what was begun', () => {
    expect(amountsOf({ input: 0, output: 0, images: 3, seconds: 3.2, toolCalls: 4 }, 0)).toMatchObject({
      images: 3,
      seconds: 4,
      'tool-calls': 4,
    });
    expect(numbersOf({ input: 1, output: 2, seconds: 0.1, cacheRead: 0 })).toEqual({ input: 1, output: 2, seconds: 1, cacheRead: 0 });
  });
});

describe('what a call takes', () => {
  it('is nothing of a unit that it will come to nothing of', () => {
    expect(takenBy(foreseen({}))).toEqual({ requests: 1, concurrent: 1, tokens: 15, 'tokens-in': 10, 'tokens-out': 5, usd: 7 });
    expect(takenBy(foreseen({ usage: { input: 3, output: 0, images: 2 }, toolCalls: 1 }))).toEqual({
      requests: 1,
      concurrent: 1,
      tokens: 3,
      'tokens-in': 3,
      usd: 7,
      images: 2,
      'tool-calls': 1,
    });
  });

  it('is one request where the call costs nothing', () => {
    expect(takenBy(foreseen({ isFree: true }))).toEqual({ requests: 1, concurrent: 1 });
  });

  it('is money, be it none, where the price is known to be zero', () => {
    expect(takenBy(foreseen({ cost: nanoUsd(0) })).usd).toBe(0);
  });
});

describe('tool calls', () => {
  const result: Message['content'][number] = { type: 'tool-result', callId: 'c', content: [] };
  const raw: Message['content'][number] = { type: 'raw', dialect: 'openai-responses', value: { type: 'computer_call_output' } };
  const chat = (...messages: Message[]): Chat => ({ model: 'm', messages, tools: [], stream: false, extra: {} });

  it('are those whose results came since the last answer', () => {
    const asked: Message = { role: 'user', content: [{ type: 'text', text: 'hi' }] };
    const called: Message = { role: 'assistant', content: [{ type: 'tool-call', id: 'c', name: 'n', input: '{}' }] };
    expect(toolCallsIn(chat(asked))).toBe(0);
    expect(toolCallsIn(chat(asked, called, { role: 'tool', content: [result] }, { role: 'tool', content: [result, raw] }))).toBe(3);
    expect(toolCallsIn(chat(asked, called, { role: 'tool', content: [result] }, called, { role: 'user', content: [result] }))).toBe(1);
    expect(toolCallsIn(chat(asked, called, { role: 'tool', content: [result] }, { role: 'assistant', content: [] }))).toBe(0);
  });
});

describe('what is asked for', () => {
  const chat = (parts: Partial<Chat>): Chat => ({ model: 'm', messages: [], tools: [], stream: false, extra: {}, ...parts });

  it('is read for the most that it can mean', () => {
    expect(choicesOf(chat({}))).toBe(1);
    expect(choicesOf(chat({ choices: -3 }))).toBe(1);
    expect(choicesOf(chat({ choices: 1.5 }))).toBe(2);
    expect(choicesOf(chat({ choices: 2, extra: { 'openai-completions': { best_of: 20 } } }))).toBe(20);
    expect(outputLimit(chat({ maxTokens: -1 }))).toBeUndefined();
    expect(outputLimit(chat({ maxTokens: 0.5 }))).toBe(1);
  });
});
