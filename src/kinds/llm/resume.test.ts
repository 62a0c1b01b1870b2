import { describe, expect, it } from 'vitest';
import { compile } from '../../config/compile.ts';
import { rolls } from '../../config/rolls.ts';
import { LlmCall } from '../../core/call.ts';
import type { Dialect } from '../../core/dialect.ts';
import { anthropic } from '../../dialects/anthropic/index.ts';
import { openaiChat } from '../../dialects/openai-chat/index.ts';
import { continuing, prefillOf } from './resume.ts';

const key = { value: 'k' };
const plan = compile(
  {
    providers: {
      anthropic: { key },
      mistral: { key },
      bedrock: { key },
      vllm: {},
      openai: { key },
      own: { like: 'openai', baseUrl: 'http://127.0.0.1:1/v1', key, quirks: { prefill: { by: 'prefix', models: ['mine-*'] } } },
    },
  },
  { revision: 0, local: true, rolls },
);

const readCall = (dialect: Dialect, body: object) => LlmCall.read(dialect, JSON.stringify(body), new Headers());
const chat = readCall(openaiChat, {
  model: 'm',
  stream: true,
  reasoning_effort: 'high',
  max_completion_tokens: 100,
  messages: [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Count' },
  ],
});
const said = 'one two three ';

/** The body that a target is sent to go on with what was said. */
function bodyFor(provider: string, model: string, call = chat) {
  const made = continuing(call, said, { provider, model }, plan);
  return { dialect: made.call.dialect.id, head: made.call.head, body: made.call.wire.json() };
}

describe('who goes on with the answer of another', () => {
  it.each([
    ['anthropic', 'claude-sonnet-4-5-20250929', true],
    ['anthropic', 'claude-3-5-haiku-20241022', true],
    ['anthropic', 'claude-opus-4-20250514', true],
    ['anthropic', 'claude-opus-4-5', true],
    ['anthropic', 'claude-opus-4-6', false],
    ['anthropic', 'claude-sonnet-4-6', false],
    ['anthropic', 'claude-opus-5', false],
    ['bedrock', 'eu.anthropic.claude-sonnet-4-5-20250929-v1:0', true],
    ['bedrock', 'us.anthropic.claude-opus-4-6-v1', false],
    ['bedrock', 'amazon.nova-pro-v1:0', false],
    ['mistral', 'mistral-large-latest', true],
    ['vllm', 'any', true],
    ['openai', 'gpt-5', false],
    ['own', 'Mine-1', true],
    ['own', 'other', false],
    ['nobody', 'any', false],
  ])('%s/%s: %s', (provider, model, goesOn) => {
    expect(prefillOf({ provider, model }, plan) !== undefined).toBe(goesOn);
  });
});

describe('the call that goes on with an answer', () => {
  it('ends with it, without the space behind it and without reasoning, and allows for what is left', () => {
    const { dialect, head, body } = bodyFor('anthropic', 'claude-sonnet-4-5');
    expect(dialect).toBe('anthropic');
    expect(head).toMatchObject({ model: 'claude-sonnet-4-5', stream: true });
    expect(body).toMatchObject({ system: expect.anything(), stream: true });
    expect(body).not.toHaveProperty('thinking');
    const messages = body.messages as readonly { role: string; content: unknown }[];
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant']);
    expect(JSON.stringify(messages.at(-1))).toContain('one two three"');
    expect(body.max_tokens).toBeLessThan(100);
    expect(body.max_tokens).toBeGreaterThan(80);
  });

  it('says so as its provider wants it', () => {
    const { body } = bodyFor('mistral', 'mistral-large-latest');
    expect((body.messages as readonly object[]).at(-1)).toEqual({ role: 'assistant', content: 'one two three', prefix: true });
    expect(body).not.toHaveProperty('continue_final_message');
    expect(bodyFor('vllm', 'm').body).toMatchObject({ continue_final_message: true, add_generation_prompt: false });
  });

  it('names its model in the address where the dialect does', () => {
    const { dialect, head } = bodyFor('bedrock', 'eu.anthropic.claude-sonnet-4-5-20250929-v1:0');
    expect(dialect).toBe('bedrock');
    expect(head).toMatchObject({ model: 'eu.anthropic.claude-sonnet-4-5-20250929-v1:0', stream: true });
  });

  it('is in the dialect in which it is understood, whatever the caller speaks', () => {
    const call = readCall(anthropic, { model: 'm', max_tokens: 50, stream: true, messages: [{ role: 'user', content: 'Count' }] });
    const { dialect, body } = bodyFor('vllm', 'm', call);
    expect(dialect).toBe('openai-chat');
    expect((body.messages as readonly object[]).at(-1)).toMatchObject({ role: 'assistant', content: 'one two three' });
  });

  it('never allows for less than a token', () => {
    const call = readCall(openaiChat, { model: 'm', stream: true, max_tokens: 2, messages: [{ role: 'user', content: 'Count' }] });
    expect(bodyFor('mistral', 'm', call).body).toMatchObject({ max_tokens: 1 });
  });
});
