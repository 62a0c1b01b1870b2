import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChatChunk } from '../../core/chat.ts';
import type { Json } from '../../core/json.ts';
import { Frame } from '../../core/sse.ts';
import noArgs from '../fixtures/gemini-no-args-tool-call.json';
import reasoning from '../fixtures/gemini-reasoning.json';
import reasoningStream from '../fixtures/gemini-reasoning-gemini3.json';
import streamed from '../fixtures/gemini-streamed-arguments.json';
import streamedArray from '../fixtures/gemini-streamed-array-arguments.json';
import streamedNested from '../fixtures/gemini-streamed-nested-arguments.json';
import text from '../fixtures/gemini-text.json';
import toolCall from '../fixtures/gemini-tool-call-gemini3-stream.json';
import { ArgumentsText } from './args.ts';
import { gemini } from './index.ts';

const frame = (event: unknown) => Frame.of(`data: ${JSON.stringify(event)}\r\n\r\n`);

function read(events: readonly unknown[], close = true): readonly ChatChunk[] {
  const reader = gemini.replyReader();
  const chunks = events.flatMap((event) => reader.read(frame(event)));
  return close ? [...chunks, ...(reader.close?.() ?? [])] : chunks;
}

const of = <T extends ChatChunk['type']>(chunks: readonly ChatChunk[], type: T) =>
  chunks.filter((chunk): chunk is Extract<ChatChunk, { type: T }> => chunk.type === type);
const textOf = (chunks: readonly ChatChunk[]) =>
  of(chunks, 'text')
    .map((chunk) => chunk.text)
    .join('');
const callsOf = (chunks: readonly ChatChunk[]) =>
  of(chunks, 'tool-call').map(({ name, part }) => ({
    name,
    input: JSON.parse(
      of(chunks, 'tool-input')
        .filter((chunk) => chunk.part === part)
        .map((chunk) => chunk.text)
        .join(''),
    ) as Json,
  }));
const lastUsage = (chunks: readonly ChatChunk[]) => of(chunks, 'usage').at(-1)?.usage;
const candidate = (parts: readonly object[], more: object = {}) => ({
  candidates: [{ content: { parts, role: 'model' }, index: 0, ...more }],
});

describe('recorded streams', () => {
  it('say their text, its signature, and usage with thoughts counted once', () => {
    const chunks = read(text);
    expect(chunks[0]).toEqual({ type: 'start', id: 'bH6LaZW8Fp_3nsEPqtaSwQ4', model: 'gemini-3-pro-preview' });
    expect(textOf(chunks)).toBe('There are **3** "r"s in strawberry.\n\nst**r**awbe**rr**y');
    expect(new Set(of(chunks, 'text').map(({ part }) => part))).toEqual(new Set([0]));
    const [signature] = of(chunks, 'signature');
    expect(signature).toMatchObject({ part: 0, issuer: 'gemini', signature: expect.stringMatching(/^EqsFCqgFAb4/) });
    expect(JSON.stringify(text)).toContain(`"thoughtSignature":${JSON.stringify(signature?.signature)}`);
    expect(lastUsage(chunks)).toEqual({ input: 9, output: 23 + 185, reasoning: 185 });
    expect(chunks.slice(-2)).toEqual([{ type: 'finish', choice: 0, reason: 'stop' }, { type: 'end' }]);
  });

  it('are the same answer as one that came whole', () => {
    const [streamedText, whole] = [read(reasoningStream), gemini.readReply(reasoning)];
    expect(of(streamedText, 'signature')).toHaveLength(1);
    expect(of(whole, 'signature')).toMatchObject([{ part: 0, issuer: 'gemini' }]);
    expect(textOf(whole)).toContain('There are **3**');
    expect(gemini.replyUsage(reasoning)).toEqual({ input: 9, output: 29 + 282, reasoning: 282 });
  });

  it('call functions whole, signed on the call, and stop for them', () => {
    const chunks = read(toolCall);
    expect(callsOf(chunks)).toEqual([{ name: 'weather', input: { location: 'San Francisco' } }]);
    const [call] = of(chunks, 'tool-call');
    expect(of(chunks, 'signature')).toMatchObject([{ part: call?.part, issuer: 'gemini' }]);
    expect(of(chunks, 'finish')).toMatchObject([{ reason: 'tool-calls' }]);
    expect(call?.id).toMatch(/^gemini-QHiLaa6LBrb8vdIPoNztsAg-1$/);
  });

  it('stream the arguments of two calls of one name', () => {
    const chunks = read(streamed);
    expect(callsOf(chunks)).toEqual([
      { name: 'getWeather', input: { location: 'Boston' } },
      { name: 'getWeather', input: { location: 'San Francisco' } },
    ]);
    expect(of(chunks, 'tool-input').length).toBeGreaterThan(4);
    expect(new Set(of(chunks, 'tool-call').map(({ id }) => id)).size).toBe(2);
    expect(of(chunks, 'signature')).toHaveLength(1);
    expect(lastUsage(chunks)).toEqual({ input: 26, output: 23 + 132, reasoning: 132 });
  });

  it('mix calls without arguments with streamed ones, after a thought', () => {
    const chunks = read(noArgs);
    expect(of(chunks, 'thinking')[0]?.text).toMatch(/^\*\*Processing User Requests/);
    expect(callsOf(chunks)).toEqual([
      { name: 'read_theme', input: {} },
      { name: 'read_screen', input: { id: 'A' } },
      { name: 'read_screen', input: { id: 'B' } },
      { name: 'read_screen', input: { id: 'C' } },
    ]);
  });

  it('stream arrays, whose call is never closed by itself', () => {
    expect(callsOf(read(streamedArray))).toEqual([
      {
        name: 'writeItems',
        input: {
          operations: [
            { action: 'add', description: 'Fresh red apple', itemid: 'apple_001', price: 0.5 },
            { action: 'add', description: 'Ripe yellow banana', itemid: 'banana_001', price: 0.3 },
          ],
        },
      },
    ]);
  });

  it('stream objects in arrays in objects', () => {
    const [call] = callsOf(read(streamedNested));
    const input = call?.input as { readonly recipe: { readonly ingredients: readonly object[]; readonly steps: readonly string[] } };
    expect(call?.name).toBe('cookRecipe');
    expect(input.recipe.ingredients.slice(0, 2)).toEqual([
      { amount: '16 oz', name: 'Lasagna noodles' },
      { amount: '1 lb', name: 'Ground beef' },
    ]);
    expect(input.recipe.steps.every((step) => typeof step === 'string')).toBe(true);
  });
});

describe('a Gemini stream read', () => {
  it('is complete only where every candidate said why it ended, and the stream ended by itself', () => {
    expect(read([candidate([{ text: 'a' }])]).map(({ type }) => type)).not.toContain('end');
    const two = {
      candidates: [candidate([{ text: 'a' }], { finishReason: 'STOP' }).candidates[0], { index: 1, content: { parts: [{ text: 'b' }] } }],
    };
    expect(read([two]).map(({ type }) => type)).not.toContain('end');
    const both = read([two, { candidates: [{ index: 1, finishReason: 'MAX_TOKENS' }] }]);
    expect(of(both, 'finish')).toEqual([
      { type: 'finish', choice: 0, reason: 'stop' },
      { type: 'finish', choice: 1, reason: 'length' },
    ]);
    expect(of(both, 'text').map(({ choice, part }) => [choice, part])).toEqual([
      [0, 0],
      [1, 1],
    ]);
  });

  it('takes the last word on why it ended: the first models said STOP with every event', () => {
    const chunks = read([candidate([{ text: 'a' }], { finishReason: 'STOP' }), candidate([{ text: 'b' }], { finishReason: 'MAX_TOKENS' })]);
    expect(textOf(chunks)).toBe('ab');
    expect(of(chunks, 'finish')).toEqual([{ type: 'finish', choice: 0, reason: 'length' }]);
  });

  it('knows a prompt that was blocked by its lack of candidates', () => {
    const chunks = read([
      { promptFeedback: { blockReason: 'PROHIBITED_CONTENT' }, usageMetadata: { promptTokenCount: 4, totalTokenCount: 4 } },
    ]);
    expect(of(chunks, 'finish')).toEqual([{ type: 'finish', choice: 0, reason: 'content-filter', vendor: 'PROHIBITED_CONTENT' }]);
    expect(lastUsage(chunks)).toEqual({ input: 4, output: 0 });
    expect(chunks.at(-1)).toEqual({ type: 'end' });
  });

  it.each([
    ['MALFORMED_FUNCTION_CALL', 'error'],
    ['SAFETY', 'content-filter'],
    ['RECITATION', 'content-filter'],
    ['IMAGE_SAFETY', 'content-filter'],
    ['LANGUAGE', 'other'],
    ['SOMETHING_NEW', 'other'],
  ])('reads %s as %s', (finishReason, reason) => {
    expect(of(read([candidate([], { finishReason })]), 'finish')[0]).toMatchObject({ reason });
  });

  it('counts what its own tools fed in as input, and zeros that were left out as zeros', () => {
    const counts = {
      promptTokenCount: 10,
      toolUsePromptTokenCount: 5,
      thoughtsTokenCount: 3,
      totalTokenCount: 18,
      cachedContentTokenCount: 8,
    };
    expect(lastUsage(read([{ ...candidate([]), usageMetadata: counts }]))).toEqual({ input: 15, output: 3, cacheRead: 8, reasoning: 3 });
    const absurd = { promptTokenCount: -4, candidatesTokenCount: 1 };
    expect(lastUsage(read([{ ...candidate([]), usageMetadata: absurd }]))).toBeUndefined();
    const inclusive = { promptTokenCount: 10, candidatesTokenCount: 9, thoughtsTokenCount: 4, totalTokenCount: 19 };
    expect(lastUsage(read([{ ...candidate([]), usageMetadata: inclusive }]))).toMatchObject({ output: 9, reasoning: 4 });
  });

  it('hands on raw what only it knows, once', () => {
    const grounding = { webSearchQueries: ['a', 'b'], groundingChunks: [] };
    const picture = { inlineData: { mimeType: 'image/png', data: 'AAAA' }, thoughtSignature: 'c2ln' };
    const event = {
      ...candidate([picture], { groundingMetadata: grounding, finishReason: 'STOP' }),
      usageMetadata: { promptTokenCount: 1, trafficType: 'ON_DEMAND' },
    };
    const chunks = read([event, { ...event, candidates: [{ groundingMetadata: grounding }] }]);
    expect(of(chunks, 'raw').map(({ name }) => name)).toEqual(['inlineData', 'groundingMetadata', 'usageMetadata.trafficType']);
    expect(lastUsage(chunks)).toMatchObject({ searches: 2 });
    const { body } = gemini.writeReply(chunks, { id: 'i', model: 'm', created: 1, wantsUsage: true });
    expect(body).toMatchObject({
      ...candidate([picture], { groundingMetadata: grounding, finishReason: 'STOP' }),
      usageMetadata: { trafficType: 'ON_DEMAND' },
    });
  });

  it('fails on an error, as an event or as the bare JSON that the vendor sends', () => {
    const error = { error: { code: 503, message: 'The model is overloaded.', status: 'UNAVAILABLE' } };
    for (const broken of [frame(error), frame([error]), Frame.of(`${JSON.stringify(error, undefined, 2)}\n\n`)]) {
      const reader = gemini.replyReader();
      reader.read(frame(candidate([{ text: 'a' }], { finishReason: 'STOP' })));
      expect(reader.read(broken)).toMatchObject([
        { type: 'error', error: { code: 'upstream_overloaded', message: 'The model is overloaded.' } },
      ]);
      expect(reader.read(frame(candidate([{ text: 'b' }])))).toEqual([]);
      expect(reader.close?.()).toEqual([]);
    }
    expect(() => gemini.replyReader().read(Frame.of('data: 4\n\n'))).toThrow('not an answer of the Gemini API');
  });

  it('says nothing for pings and comments', () => {
    const reader = gemini.replyReader();
    expect([
      ...reader.read(Frame.of('\n\n')),
      ...reader.read(Frame.of(': ping\n\n')),
      ...reader.read(Frame.of('data: [DONE]\n\n')),
    ]).toEqual([]);
  });
});

/** Arguments as the vendor streams them: leaves from left to right, texts in pieces that an empty one ends. */
function pieces(value: Json, path: string, cut: number): readonly object[] {
  if (Array.isArray(value)) return value.flatMap((item, at) => pieces(item, `${path}[${at}]`, cut));
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).flatMap(([name, item]) =>
      pieces(item ?? null, /^\w+$/.test(name) ? `${path}.${name}` : `${path}['${name.replace(/(['\\])/g, '\\$1')}']`, cut),
    );
  }
  if (typeof value === 'string') {
    const parts: object[] = [];
    for (let at = 0; at < value.length; at += cut)
      parts.push({ jsonPath: path, stringValue: value.slice(at, at + cut), willContinue: true });
    return [...parts, { jsonPath: path, stringValue: '' }];
  }
  if (value === null) return [{ jsonPath: path, nullValue: 'NULL_VALUE' }];
  return [{ jsonPath: path, ...(typeof value === 'number' ? { numberValue: value } : { boolValue: value }) }];
}

describe('streamed arguments', () => {
  // Names in any script; empty containers have no leaf, and cannot be streamed.
  const leaf = fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer(), fc.boolean(), fc.constant(null));
  const { tree } = fc.letrec<{ tree: Json; name: string }>((tie) => ({
    name: fc.string({ minLength: 1, maxLength: 6 }),
    tree: fc.oneof(
      { maxDepth: 3 },
      leaf,
      fc.array(tie('tree'), { minLength: 1, maxLength: 3 }),
      fc.dictionary(tie('name'), tie('tree'), { minKeys: 1, maxKeys: 3, noNullPrototype: true }),
    ),
  }));

  it('are the JSON that the model wrote, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ minLength: 1, maxLength: 6 }), tree, { maxKeys: 3, noNullPrototype: true }),
        fc.integer({ min: 1, max: 4 }),
        (value, cut) => {
          const args = new ArgumentsText();
          const written = pieces(value, '$', cut).map((piece) => args.add([piece as Json]));
          expect(JSON.parse(written.join('') + args.close())).toEqual(value);
          expect(args.close()).toBe('');
        },
      ),
    );
  });

  it('are refused in an order that makes no JSON', () => {
    const args = new ArgumentsText();
    args.add([{ jsonPath: '$.a.x', numberValue: 1 }]);
    args.add([{ jsonPath: '$.b', numberValue: 2 }]);
    expect(() => args.add([{ jsonPath: '$.a.y', numberValue: 3 }])).toThrow('makes no JSON');
    expect(() => new ArgumentsText().add([{ jsonPath: '$', numberValue: 3 }])).toThrow('makes no JSON');
    expect(() => new ArgumentsText().add([{ jsonPath: '$.a[99999]', numberValue: 3 }])).toThrow('makes no JSON');
  });
});
