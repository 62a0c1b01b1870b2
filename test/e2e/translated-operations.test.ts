import { createOpenAI } from '@ai-sdk/openai';
import { GoogleGenAI } from '@google/genai';
import { embedMany } from 'ai';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY } from '../gateway.ts';
import { type OperationsGateway, startOperationsGateway, VENDOR_KEY } from '../operations.ts';
import { vectorOf } from '../upstream/operations-wire.ts';

let at: OperationsGateway;
let client: OpenAI;
beforeAll(async () => {
  at = await startOperationsGateway();
  client = new OpenAI({ baseURL: at.baseURL, apiKey: KEY, maxRetries: 0 });
});
afterAll(() => at?.stop());

const rerank = async (path: string, body: object) => {
  const response = await at.call(path, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
  return { response, body: (await response.json()) as { results: { index: number; relevance_score: number; document?: object }[] } };
};

describe('embeddings in OpenAI’s form', () => {
  it.each([
    ['gem/embedding-001', 5, '/v1beta/models/embedding-001:batchEmbedContents'],
    ['co/embed-v4', 3, '/v2/embed'],
    ['oll/nomic', 6, '/api/embed'],
    ['bed/amazon.titan-embed-text-v2:0', 4, '/model/amazon.titan-embed-text-v2%3A0/invoke'],
  ])('are made by %s', async (model, tokens, path) => {
    const before = at.upstream.asked.length;
    const { data, response } = await client.embeddings.create({ model, input: ['one', 'three'] }).withResponse();
    expect(data.data.map(({ embedding, index }) => [index, embedding])).toEqual([
      [0, vectorOf('one')],
      [1, vectorOf('three')],
    ]);
    expect(data.usage.prompt_tokens).toBe(tokens);
    expect(response.headers.get('x-weir-loss')).toBeNull();
    const asked = at.upstream.asked.slice(before);
    expect(asked.map((each) => each.path)).toEqual(model.startsWith('bed/') ? [path, path] : [path]);
  });

  it('say what a vendor cannot be told, and refuse what it could only misread', async () => {
    const { response } = await client.embeddings.create({ model: 'oll/nomic', input: 'one', user: 'u-1' }).withResponse();
    expect(response.headers.get('x-weir-loss')).toBe('user');
    const strict = { headers: { 'x-weir-strict': '1' } };
    await expect(client.embeddings.create({ model: 'oll/nomic', input: 'one', user: 'u-1' }, strict)).rejects.toThrow(/x-weir-strict/);
    await expect(client.embeddings.create({ model: 'oll/nomic', input: [[1, 2, 3]] })).rejects.toThrow(/token numbers/);
    const { data } = await client.embeddings.create({ model: 'gem/embedding-001', input: 'one', dimensions: 2 });
    expect(data[0]?.embedding).toHaveLength(2);
  });

  it('are what the AI SDK embeds with', async () => {
    const openai = createOpenAI({ baseURL: at.baseURL, apiKey: KEY });
    const { embeddings } = await embedMany({ model: openai.textEmbeddingModel('co/embed-v4'), values: ['one', 'three'] });
    expect(embeddings).toEqual([vectorOf('one'), vectorOf('three')]);
  });
});

describe('embeddings in Gemini’s form', () => {
  it.each(['gem/embedding-001', 'up/embed', 'co/embed-v4'])('are made by %s', async (model) => {
    const gemini = new GoogleGenAI({ apiKey: KEY, httpOptions: { baseUrl: at.gateway.url } });
    const { embeddings } = await gemini.models.embedContent({ model, contents: ['one', 'three'] });
    expect(embeddings?.map(({ values }) => values)).toEqual([vectorOf('one'), vectorOf('three')]);
  });

  it('may be one', async () => {
    for (const model of ['gem/embedding-001', 'up/embed']) {
      const response = await at.call(`/v1beta/models/${model}:embedContent`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ content: { parts: [{ text: 'one' }] }, taskType: 'RETRIEVAL_QUERY' }),
      });
      expect(await response.json()).toMatchObject({ embedding: { values: vectorOf('one') } });
      expect(response.headers.get('x-weir-loss')).toBe(model === 'up/embed' ? 'taskType' : null);
    }
  });
});

describe('rerank', () => {
  const asked = { query: 'weir', documents: ['a bridge', 'a weir'], top_n: 2, return_documents: true };

  it.each(['up/jina-like', 'co/rerank-v4', 'voy/voyage-rerank', 'bed/cohere.rerank-v3-5:0'])('is done by %s', async (model) => {
    const { response, body } = await rerank('/v1/rerank', { model, ...asked });
    expect(response.status).toBe(200);
    expect(body.results).toMatchObject([
      { index: 1, relevance_score: 0.9 },
      { index: 0, relevance_score: 0.1 },
    ]);
    // Who passes it through says it as it likes; who cannot say it is helped.
    if (/voy|bed/.test(model)) expect(body.results[0]?.document).toEqual({ text: 'a weir' });
    expect((await rerank('/v2/rerank', { model, ...asked })).body.results).toHaveLength(2);
  });

  it('is not asked of chat’s sandbox', async () => {
    expect((await rerank('/v1/rerank', { model: 'sandbox/echo', ...asked })).response.status).toBe(501);
  });
});

describe('the list of models', () => {
  it('comes in each dialect’s shape, with what the caller may ask for', async () => {
    await at.publish({
      models: { smart: ['up/gpt-4o'], hidden: ['up/gpt-4o'] },
      policies: [{ use: 'models', deny: ['hidden', 'closed/*', 'sandbox/*', 'co/*'] }],
    });
    const openai = (await client.models.list()).data;
    expect(openai.map(({ id }) => id)).toContain('smart');
    expect(openai.map(({ id }) => id)).toContain('up/gpt-4o');
    expect(openai.some(({ id }) => /^(hidden|closed|sandbox|co)/.test(id))).toBe(false);
    expect(openai.find(({ id }) => id === 'smart')).toMatchObject({ object: 'model', owned_by: 'weir', context_length: 128_000 });
    await expect(client.models.retrieve('hidden')).rejects.toThrow(/no model "hidden"/);
    const read = async (path: string, headers = {}) => (await (await at.call(path, { headers })).json()) as { [field: string]: unknown };
    const page = await read('/v1/models?limit=2', { 'anthropic-version': '2023-06-01' });
    expect(page).toMatchObject({ has_more: true, data: [{ type: 'model', id: 'smart' }, { type: 'model' }], first_id: 'smart' });
    const next = await read(`/v1/models?limit=2&after_id=${String(page.last_id)}`, { 'anthropic-version': '2023-06-01' });
    expect(next.first_id).not.toBe(page.last_id);
    const gemini = await read('/v1beta/models?pageSize=1');
    expect(gemini).toMatchObject({ models: [{ name: 'models/smart', inputTokenLimit: 128_000 }], nextPageToken: 'smart' });
    expect(await read('/v1beta/models/up/gpt-4o')).toMatchObject({ name: 'models/up/gpt-4o' });
    const [tag] = (await read('/api/tags')).models as object[];
    expect(tag).toMatchObject({ name: 'smart', model: 'smart' });
    await at.publish();
  });
});

it('the credential of a vendor goes there in the vendor’s own header', () => {
  const gemini = at.upstream.of('batchEmbedContents')[0];
  expect(gemini?.headers['x-goog-api-key'] ?? gemini?.headers.authorization).toContain(VENDOR_KEY);
});
