import { describe, expect, it } from 'vitest';
import { namesOf } from './names.ts';

describe('the names of a model', () => {
  it.each([
    ['gpt-4o', ['gpt-4o']],
    [' GPT-4o ', ['gpt-4o']],
    ['gpt-4o-2024-08-06', ['gpt-4o-2024-08-06', 'gpt-4o']],
    ['claude-sonnet-4-20250514', ['claude-sonnet-4-20250514', 'claude-sonnet-4']],
    ['claude-sonnet-4@20250514', ['claude-sonnet-4@20250514', 'claude-sonnet-4']],
    ['claude-opus-5@default', ['claude-opus-5@default', 'claude-opus-5']],
    ['models/gemini-2.5-pro', ['models/gemini-2.5-pro', 'gemini-2.5-pro']],
    ['publishers/google/models/gemini-2.5-pro', ['publishers/google/models/gemini-2.5-pro', 'gemini-2.5-pro']],
    ['openai/gpt-4o', ['openai/gpt-4o', 'gpt-4o']],
    // What looks like a version, and is the model's own.
    ['deepseek-v3', ['deepseek-v3']],
    ['gpt-4-0613', ['gpt-4-0613']],
    ['llama3.1:8b', ['llama3.1:8b']],
    ['grok-4-latest', ['grok-4-latest']],
  ])('of %j are %j', (model, names) => expect(namesOf(model)).toEqual(names));

  it('look past a region of Bedrock, its version and its date, in this order', () => {
    const names = namesOf('arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0');
    expect(names.slice(1)).toEqual([
      'us.anthropic.claude-sonnet-4-5-20250929-v1:0',
      'us.anthropic.claude-sonnet-4-5-20250929',
      'us.anthropic.claude-sonnet-4-5',
      'anthropic.claude-sonnet-4-5-20250929-v1:0',
      'anthropic.claude-sonnet-4-5-20250929',
      'anthropic.claude-sonnet-4-5',
    ]);
  });

  it('are none where no vendor would have such a name', () => expect(namesOf('x'.repeat(257))).toEqual([]));
});
