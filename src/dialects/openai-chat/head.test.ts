import { describe, expect, it } from 'vitest';
import type { Quirks } from '../../core/dialect.ts';
import type { JsonObject } from '../../core/json.ts';
import { Wire } from '../../core/wire.ts';
import { openaiChat } from './index.ts';

const patched = (body: JsonObject, model: string, quirks: Quirks = {}) => {
  const wire = Wire.of(body);
  const changes = openaiChat.patch(openaiChat.head(wire.fields), model, quirks, wire.fields);
  return JSON.parse(wire.patched(changes));
};

describe('the head of an OpenAI chat call', () => {
  it('is read off the top-level fields', () => {
    const head = (body: JsonObject) => openaiChat.head(Wire.of(body).fields);
    expect(head({ model: 'm' })).toEqual({ model: 'm', stream: false, wantsUsage: false });
    expect(head({ model: 'm', stream: true, stream_options: { include_usage: true } })).toEqual({
      model: 'm',
      stream: true,
      wantsUsage: true,
    });
    for (const [body, param] of [
      [{}, 'model'],
      [{ model: '' }, 'model'],
      [{ model: 'm', stream: 1 }, 'stream'],
      [{ model: 'm', stream_options: [] }, 'stream_options'],
    ] as const) {
      expect(() => head(body)).toThrow(expect.objectContaining({ code: 'invalid_request', details: { param } }));
    }
  });

  it('is patched no more than the provider needs', () => {
    const plain = { model: 'm', messages: [], max_tokens: 5 };
    expect(patched(plain, 'm')).toEqual(plain);
    expect(patched(plain, 'n')).toEqual({ ...plain, model: 'n' });
    expect(patched({ model: 'm', stream: true, stream_options: { include_obfuscation: false } }, 'm')).toEqual({
      model: 'm',
      stream: true,
      stream_options: { include_obfuscation: false, include_usage: true },
    });
  });

  it('is patched by the quirks of a provider', () => {
    const body = { model: 'm', stream: true, stream_options: { include_usage: true }, max_tokens: 5 };
    expect(patched(body, 'm', { streamUsage: false })).toEqual({ model: 'm', stream: true, max_tokens: 5 });
    expect(patched(body, 'm', { maxTokensField: 'max_tokens' })).toEqual(body);
    const { max_tokens: limit, ...others } = body;
    expect(patched(body, 'm', { maxTokensField: 'max_completion_tokens' })).toEqual({ ...others, max_completion_tokens: limit });
    expect(patched({ ...body, max_completion_tokens: 6 }, 'm', { maxTokensField: 'max_tokens' })).toEqual(body);
    const messages = [
      { role: 'developer', content: 'a' },
      { role: 'user', content: 'b' },
    ];
    expect(patched({ model: 'm', messages }, 'm', { developerRole: 'system' })).toEqual({
      model: 'm',
      messages: [
        { role: 'system', content: 'a' },
        { role: 'user', content: 'b' },
      ],
    });
  });
});
