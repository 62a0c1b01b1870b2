import { describe, expect, it } from 'vitest';
import { encodingOf } from './encoding.ts';

describe('encodingOf', () => {
  it.each(['gpt-4o', 'gpt-4o-mini-2024-07-18', 'gpt-4.1-nano', 'gpt-4.5-preview', 'gpt-5', 'gpt-5.4-mini', 'gpt-oss-120b', 'o1', 'o3-pro'])(
    'knows that %s uses o200k_base',
    (model) => expect(encodingOf(model)).toBe('o200k_base'),
  );
  it.each(['o4-mini', 'chatgpt-4o-latest', 'ft:gpt-4o-2024-08-06:acme::1', 'openai/gpt-4o', 'openrouter/openai/gpt-5'])(
    'knows that %s uses o200k_base, however it is written',
    (model) => expect(encodingOf(model)).toBe('o200k_base'),
  );
  it.each(['gpt-4', 'gpt-4-turbo', 'gpt-4-0613', 'gpt-3.5-turbo', 'gpt-35-turbo', 'text-embedding-3-small', 'text-embedding-ada-002'])(
    'knows that %s uses cl100k_base',
    (model) => expect(encodingOf(model)).toBe('cl100k_base'),
  );
  it.each(['claude-sonnet-4-5', 'gemini-3-pro', 'o100', 'gpt-45', 'gpt-2', 'llama-3.3-70b', 'my-gpt-4o', ''])(
    'does not guess for %j',
    (model) => expect(encodingOf(model)).toBeUndefined(),
  );
});
