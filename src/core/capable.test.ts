import { describe, expect, it } from 'vitest';
import { doubts, grouped, lacks, needsOf } from './capable.ts';
import type { Chat, Part } from './chat.ts';
import type { ModelCard } from './price.ts';

const chat = (parts: Partial<Chat> = {}): Chat => ({ model: 'm', messages: [], tools: [], stream: false, extra: {}, ...parts });
const saying = (...content: readonly Part[]) => chat({ messages: [{ role: 'user', content }] });
const card = (parts: Partial<ModelCard>): ModelCard => ({ id: 'm', ...parts });

const size = { input: 1_000, output: 500 };
const text = card({ reads: ['text'], can: [], context: 8_192, maxOutput: 4_096 });
const TOOL = { type: 'function', name: 'f' } as const;
const png: Part = { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'iVBO' } };
const file = (mediaType: string, name?: string): Part => ({
  type: 'file',
  source: { kind: 'base64', mediaType, data: 'AAAA' },
  ...(name === undefined ? {} : { name }),
});

describe('what a model lacks for a call', () => {
  it.each<[string, Chat, ModelCard, string | undefined]>([
    ['tools', chat({ tools: [TOOL] }), text, 'no tools'],
    ['tools of a vendor', chat({ tools: [{ type: 'raw', dialect: 'anthropic', value: {} }] }), text, 'no tools'],
    ['tools that it has', chat({ tools: [TOOL] }), card({ can: ['tools'] }), undefined],
    ['images', saying(png), text, 'does not read images'],
    ['images in the result of a tool', saying({ type: 'tool-result', callId: 'c', content: [png] }), text, 'does not read images'],
    ['images sent as files', saying(file('image/jpeg')), text, 'does not read images'],
    ['images that it reads', saying(png), card({ reads: ['text', 'image'] }), undefined],
    ['sound', saying({ type: 'audio', data: 'AAAA', format: 'wav' }), text, 'does not read audio'],
    ['films', saying(file('video/mp4')), text, 'does not read video'],
    ['PDF files', saying(file('application/pdf')), text, 'does not read PDF files'],
    [
      'PDF files by their name',
      saying({ type: 'file', source: { kind: 'url', url: 'https://x/a.PDF?b=1#c' } }),
      text,
      'does not read PDF files',
    ],
    [
      'PDF files by the name of an upload',
      saying({ type: 'file', source: { kind: 'file', id: 'file_1' }, name: 'a.pdf' }),
      text,
      'does not read PDF files',
    ],
    ['a PDF file where it reads images', saying(file('application/pdf')), card({ reads: ['text', 'image'] }), undefined],
    ['a file that nobody knows', saying({ type: 'file', source: { kind: 'file', id: 'file_1' } }), text, undefined],
    [
      'a file of text',
      saying({ type: 'file', source: { kind: 'text', mediaType: 'text/plain', text: 'Hi' }, name: 'not.pdf' }),
      text,
      undefined,
    ],
    ['reasoning', chat({ reasoning: { effort: 'low' } }), text, 'no reasoning'],
    ['a budget for thinking', chat({ reasoning: { mode: 'enabled', budgetTokens: 1_024 } }), text, 'no reasoning'],
    ['no effort', chat({ reasoning: { effort: 'none' } }), text, undefined],
    ['no thinking', chat({ reasoning: { mode: 'disabled', effort: 'high' } }), text, undefined],
    ['reasoning that it has', chat({ reasoning: { effort: 'low' } }), card({ can: ['reasoning'] }), undefined],
    ['a long answer', chat({ maxTokens: 5_000 }), text, 'answers of 4,096 tokens are too short'],
    ['an answer that just fits', chat({ maxTokens: 4_096 }), text, undefined],
    ['plain text', chat(), text, undefined],
  ])('%s', (_what, from, of, why) => {
    expect(lacks(from, of, size)).toBe(why);
  });

  it('may be the room for input and answer together', () => {
    const small = 'context of 8,192 tokens is too small';
    expect(lacks(chat({ maxTokens: 4_000 }), text, { input: 4_193, output: 4_000 })).toBe(small);
    expect(lacks(chat({ maxTokens: 4_000 }), text, { input: 4_192, output: 4_000 })).toBeUndefined();
    // An answer that nobody limited need not become as long as it may.
    expect(lacks(chat(), text, { input: 7_168, output: 128_000 })).toBeUndefined();
    expect(lacks(chat(), text, { input: 7_169, output: 128_000 })).toBe(small);
    expect(lacks(chat(), text, { input: 8_000, output: 100 })).toBeUndefined();
  });

  it('is nothing where nothing is known', () => {
    const needy = { ...saying(png, file('application/pdf')), tools: [TOOL], reasoning: { effort: 'high' }, maxTokens: 1e9 };
    expect(lacks(needy, undefined, { input: 1e9, output: 1e9 })).toBeUndefined();
    expect(lacks(needy, card({}), { input: 1e9, output: 1e9 })).toBeUndefined();
  });
});

describe('what is not certain', () => {
  const structured = needsOf(chat({ responseFormat: { type: 'schema', schema: {} } }));
  const pdf = needsOf(saying(file('application/pdf')));

  it('is what catalogues leave out: structured output and PDF files', () => {
    expect(doubts(structured, card({ can: ['tools'] }))).toBe('structured output is not known of it');
    expect(doubts(structured, card({ can: ['structured'] }))).toBeUndefined();
    expect(doubts(pdf, card({ reads: ['text', 'image'] }))).toBe('reading PDF files is not known of it');
    expect(doubts(pdf, card({ reads: ['text', 'pdf'] }))).toBeUndefined();
  });

  it('is nothing of a model of which nothing is known, or for a call that does not need it', () => {
    for (const needs of [structured, pdf]) {
      expect(doubts(needs, undefined)).toBeUndefined();
      expect(doubts(needs, card({}))).toBeUndefined();
    }
    expect(doubts(needsOf(chat({ responseFormat: { type: 'json' } })), card({ can: [], reads: [] }))).toBeUndefined();
  });
});

it('counts are written with commas', () => {
  expect([0, 999, 1_000, 12_345.6, 1_048_576].map(grouped)).toEqual(['0', '999', '1,000', '12,346', '1,048,576']);
});
