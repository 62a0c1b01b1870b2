import { GoogleGenAI } from '@google/genai';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY, until } from '../gateway.ts';
import { type OperationsGateway, startOperationsGateway } from '../operations.ts';
import { vectorOf } from '../upstream/operations-wire.ts';

let at: OperationsGateway;
let client: OpenAI;

beforeAll(async () => {
  at = await startOperationsGateway({ policies: [{ use: 'cache', ttl: 300 }] });
  client = new OpenAI({ baseURL: at.baseURL, apiKey: KEY, maxRetries: 0 });
});
afterAll(() => at?.stop());

const say = (path: string, body: object, headers: { readonly [name: string]: string } = {}) =>
  at.call(path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) });
const cacheOf = ({ headers }: { readonly headers: Headers }) => headers.get('x-weir-cache');

const RANKED = { query: 'weir', documents: ['a bridge', 'a weir'], top_n: 2 };
/** One call of each operation that is kept, and of every form in which vendors and callers say it. */
const calls: readonly (readonly [what: string, path: string, body: (mark: string) => object])[] = [
  ['embeddings', '/v1/embeddings', (mark) => ({ model: `up/embed-${mark}`, input: ['one', 'three'] })],
  ['embeddings of another form', '/v1/embeddings', (mark) => ({ model: `co/embed-${mark}`, input: 'one' })],
  ['embeddings one by one', '/v1/embeddings', (mark) => ({ model: `bed/titan-${mark}`, input: ['one', 'three'] })],
  ['rerankings', '/v1/rerank', (mark) => ({ model: `up/jina-${mark}`, ...RANKED })],
  ['rerankings of another form', '/v2/rerank', (mark) => ({ model: `voy/voyage-${mark}`, ...RANKED })],
  ['moderations', '/v1/moderations', (mark) => ({ model: `up/moderation-${mark}`, input: 'Hello' })],
];

describe('answers of operations beside chat', () => {
  it.each(calls)('are given again, byte for byte: %s', async (_what, path, bodyOf) => {
    const mark = crypto.randomUUID();
    const first = await say(path, bodyOf(mark));
    expect(cacheOf(first)).toBe('miss');
    const before = await first.text();
    const asked = at.upstream.of(mark).length;
    const again = await say(path, { user: 'ada', ...bodyOf(mark) });
    expect(await again.text()).toBe(before);
    expect(
      Object.fromEntries(['x-weir-cache', 'x-weir-attempts', 'x-weir-cost', 'content-type'].map((name) => [name, again.headers.get(name)])),
    ).toEqual({
      'x-weir-cache': 'hit',
      'x-weir-attempts': '0',
      'x-weir-cost': '0',
      'content-type': 'application/json',
    });
    expect(again.headers.get('x-weir-model')).toBe(first.headers.get('x-weir-model'));
    expect(again.headers.get('x-weir-loss')).toBe(first.headers.get('x-weir-loss'));
    expect(at.upstream.of(mark)).toHaveLength(asked);
    const row = await at.gateway.row(again.headers.get('x-weir-request-id'));
    expect(row).toMatchObject({ status: 'complete', attempts: 0, usage: { input: 0, output: 0 }, facts: { cache: { hit: true } } });
  });

  it('are what the SDKs understand', async () => {
    const hits: (string | null)[] = [];
    for (let times = 0; times < 2; times++) {
      const { data, response } = await client.embeddings.create({ model: 'up/sdk', input: ['one', 'three'] }).withResponse();
      expect(data.data.map(({ embedding }) => embedding)).toEqual([vectorOf('one'), vectorOf('three')]);
      hits.push(cacheOf(response));
    }
    expect(hits).toEqual(['miss', 'hit']);
    const gemini = new GoogleGenAI({ apiKey: KEY, httpOptions: { baseUrl: at.gateway.url } });
    for (let times = 0; times < 2; times++) {
      const { embeddings } = await gemini.models.embedContent({ model: 'gem/embedding-sdk', contents: ['one', 'three'] });
      expect(embeddings?.map(({ values }) => values)).toEqual([vectorOf('one'), vectorOf('three')]);
    }
    expect(at.upstream.of('embedding-sdk')).toHaveLength(1);
  });

  it('are kept apart by everything they are asked with', async () => {
    const mark = crypto.randomUUID();
    const bodies: readonly (readonly [string, object])[] = [
      ['/v1/embeddings', { input: 'one' }],
      ['/v1/embeddings', { input: ['one'] }],
      ['/v1/embeddings', { input: 'two' }],
      ['/v1/embeddings', { input: 'one', dimensions: 2 }],
      ['/v1/embeddings', { input: 'one', encoding_format: 'base64' }],
      ['/v1/embeddings', { input: 'one', input_type: 'search_query' }],
      ['/v1/moderations', { input: 'one' }],
      ['/v1/rerank', { input: 'one', ...RANKED }],
      ['/v1/rerank', { input: 'one', ...RANKED, top_n: 1 }],
      ['/v1/rerank', { input: 'one', ...RANKED, documents: RANKED.documents.toReversed() }],
    ];
    for (const [path, body] of bodies)
      expect(cacheOf(await say(path, { model: `up/${mark}`, ...body })), JSON.stringify(body)).toBe('miss');
    for (const [path, body] of bodies) expect(cacheOf(await say(path, { model: `up/${mark}`, ...body })), JSON.stringify(body)).toBe('hit');
    expect(cacheOf(await say(`/v1beta/models/up/${mark}:embedContent`, { content: { parts: [{ text: 'one' }] } }))).toBe('miss');
  });

  it('are one call to the provider where they are asked for together', async () => {
    const letGo = at.upstream.holdBack('together');
    const asking = Array.from({ length: 50 }, () => say('/v1/embeddings', { model: 'up/together', input: 'one' }));
    await until(() => at.upstream.of('together').length > 0, 20_000, 'it is asked');
    // Who comes later finds what was kept.
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(at.upstream.of('together')).toHaveLength(1);
    letGo();
    const answers = await Promise.all(asking);
    expect(answers.filter((each) => cacheOf(each) === 'miss')).toHaveLength(1);
    expect(new Set(await Promise.all(answers.map((each) => each.text()))).size).toBe(1);
    expect(at.upstream.of('together')).toHaveLength(1);
  });

  it('are asked for anew, and thrown away, where that is said', async () => {
    const body = { model: 'up/purged', input: 'one' };
    const ask = async (headers: { readonly [name: string]: string } = {}) => cacheOf(await say('/v1/embeddings', body, headers));
    expect([await ask(), await ask(), await ask({ 'x-weir-cache': 'off' }), await ask({ 'x-weir-cache': 'refresh' }), await ask()]).toEqual(
      ['miss', 'hit', 'off', 'miss', 'hit'],
    );
    expect((await at.gateway.admin('/cache', { method: 'DELETE', body: JSON.stringify({ model: 'up/purged' }) })).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    expect([await ask(), await ask()]).toEqual(['miss', 'hit']);
  });

  it('are not kept where they are errors', async () => {
    const model = 'up/status-400-kept';
    for (let times = 0; times < 2; times++) expect((await say('/v1/embeddings', { model, input: 'one' })).status).toBe(400);
    expect(at.upstream.of('status-400-kept')).toHaveLength(2);
  });

  it('are not kept of pictures, sound and files', async () => {
    const picture = { model: 'up/gpt-image-1', prompt: 'a weir' };
    for (let times = 0; times < 2; times++) expect(cacheOf(await say('/v1/images/generations', picture))).toBe('off');
    const speech = { model: 'up/tts-1', input: 'Hello', voice: 'alloy' };
    for (let times = 0; times < 2; times++) {
      const spoken = await say('/v1/audio/speech', speech);
      expect(cacheOf(spoken)).toBe('off');
      await spoken.arrayBuffer();
    }
    expect(cacheOf(await at.call('/v1/files'))).toBe('off');
  });
});
