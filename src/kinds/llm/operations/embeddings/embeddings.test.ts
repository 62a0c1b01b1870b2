import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../core/json.ts';
import type { OperationCall } from '../../../../core/operation.ts';
import { openGeminiEmbeddings, openJson } from '../open.ts';
import { embeddings } from './index.ts';
import { asFormat } from './vectors.ts';

const call = (body: JsonObject) => openJson(embeddings, JSON.stringify({ model: 'm', ...body }), new Headers());
const geminiCall = (body: JsonObject) => openGeminiEmbeddings('m', JSON.stringify(body), new Headers());
const translated = (asked: OperationCall, shape: string, model = 'm') => {
  const translation = embeddings.translate?.(asked, shape, model);
  if (translation === undefined) throw new Error('not translated');
  return translation;
};

describe('vectors', () => {
  it('come back from base64 as they went in', () => {
    fc.assert(
      fc.property(fc.array(fc.float({ noNaN: true }), { maxLength: 50 }), (vector) => {
        const text = asFormat(vector, 'base64');
        const back = asFormat(text, 'float') as readonly number[];
        // JSON knows no negative zero.
        expect(back.map((each) => each + 0)).toEqual(vector.map((each) => each + 0));
        expect(asFormat(back, 'base64')).toBe(text);
      }),
    );
  });

  it('are OpenAI’s: little-endian 32-bit floats', () => {
    expect(asFormat([1, -0.5], 'base64')).toBe('AACAPwAAAL8=');
  });

  it('that are none are the provider’s fault', () => {
    for (const bad of [undefined, null, {}, 'AAA=', [1, 'x']] as const) {
      expect(() => asFormat(bad, Array.isArray(bad) ? 'base64' : 'float')).toThrow(/without vectors/);
    }
    expect(() => translated(call({ input: ['a', 'b'] }), 'cohere').answer([{ embeddings: { float: [[1]] } }])).toThrow(/without vectors/);
  });
});

describe('a call', () => {
  it('says in each vendor’s form what it says', () => {
    const asked = call({ input: ['a', 'b'], dimensions: 3, input_type: 'search_query', user: 'u' });
    expect(translated(asked, 'cohere')).toMatchObject({
      bodies: [{ model: 'm', texts: ['a', 'b'], input_type: 'search_query', embedding_types: ['float'], output_dimension: 3 }],
      loss: ['user'],
    });
    expect(translated(asked, 'gemini').bodies).toEqual([
      {
        requests: ['a', 'b'].map((text) => ({
          model: 'models/m',
          content: { parts: [{ text }] },
          taskType: 'RETRIEVAL_QUERY',
          outputDimensionality: 3,
        })),
      },
    ]);
    expect(translated(asked, 'ollama')).toMatchObject({
      bodies: [{ model: 'm', input: ['a', 'b'], dimensions: 3 }],
      loss: ['input_type', 'user'],
    });
    expect(translated(asked, 'bedrock', 'amazon.titan-embed-text-v1')).toMatchObject({
      bodies: [{ inputText: 'a' }, { inputText: 'b' }],
      loss: ['dimensions', 'input_type', 'user'],
    });
    expect(translated(asked, 'bedrock', 'eu.cohere.embed-v4:0').bodies).toMatchObject([{ texts: ['a', 'b'], output_dimension: 3 }]);
    expect(embeddings.translate?.(asked, 'unknown', 'm')).toBeUndefined();
  });

  it('comes from Gemini’s clients too, one content or many, and nothing of it vanishes', () => {
    const content = { parts: [{ text: 'a' }, { text: 'b' }] };
    const one = translated(geminiCall({ content, taskType: 'SEMANTIC_SIMILARITY', title: 't', extra: 1 }), 'openai');
    expect(one).toMatchObject({
      bodies: [{ model: 'm', input: ['a\nb'], encoding_format: 'float' }],
      loss: ['title', 'taskType', 'extra'],
    });
    expect(one.answer([{ data: [{ embedding: [1] }] }]).body).toEqual({ embedding: { values: [1] } });
    const many = translated(geminiCall({ requests: [{ content }, { content }] }), 'openai');
    expect(
      many.answer([
        {
          data: [
            { index: 1, embedding: [2] },
            { index: 0, embedding: [1] },
          ],
        },
      ]).body,
    ).toEqual({
      embeddings: [{ values: [1] }, { values: [2] }],
    });
    expect(() => translated(geminiCall({ requests: [{ content }, { content, taskType: 'CLUSTERING' }] }), 'openai')).toThrow(/alike/);
    expect(() => translated(geminiCall({ content: { parts: [{ inlineData: {} }] } }), 'openai')).toThrow(/text/);
  });

  it('of Gemini’s for Gemini itself keeps what this gateway does not know', () => {
    const content = { parts: [{ inlineData: { data: 'x' } }] };
    const passed = translated(geminiCall({ content, future: true }), 'gemini', 'real');
    expect(passed.bodies).toEqual([{ requests: [{ content, future: true, model: 'models/real' }] }]);
    expect(passed.answer([{ embeddings: [{ values: [1] }], usageMetadata: { promptTokenCount: 4 } }])).toEqual({
      body: { embedding: { values: [1] }, usageMetadata: { promptTokenCount: 4 } },
      usage: { input: 4, output: 0 },
    });
  });

  it('shows policies its texts, in every form', () => {
    const shout = (text: string) => text.toUpperCase();
    expect(call({ input: 'a' }).texts(shout).wire.json().input).toBe('A');
    expect(
      call({ input: ['a', 'B'] })
        .texts(shout)
        .wire.json().input,
    ).toEqual(['A', 'B']);
    const same = call({ input: [[1, 2]] });
    expect(same.texts(shout)).toBe(same);
    expect(
      geminiCall({ requests: [{ content: { parts: [{ text: 'a' }, {}] }, title: 't' }] })
        .texts(shout)
        .wire.json(),
    ).toEqual({
      requests: [{ content: { parts: [{ text: 'A' }, {}] }, title: 'T' }],
    });
  });
});
