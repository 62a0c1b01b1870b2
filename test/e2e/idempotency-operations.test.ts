import OpenAI, { toFile } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY, until } from '../gateway.ts';
import { OPERATIONS, priced } from '../limited.ts';
import { type OperationsGateway, startOperationsGateway } from '../operations.ts';

let at: OperationsGateway;
let client: OpenAI;
beforeAll(async () => {
  at = await startOperationsGateway();
  client = new OpenAI({ baseURL: at.baseURL, apiKey: KEY, maxRetries: 0 });
});
afterAll(() => at?.stop());

const made = () => crypto.randomUUID();
const asked = () => at.upstream.asked.length;

interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
}

async function told(path: string, init: RequestInit): Promise<Told> {
  const response = await at.call(path, { method: 'POST', ...init });
  return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
}

/** Makes a call twice, with forms whose boundaries differ, and returns both answers. */
async function twice(path: string, init: () => RequestInit, key = made()): Promise<[Told, Told]> {
  const ask = () => {
    const { headers, ...rest } = init();
    return told(path, { ...rest, headers: { ...(headers as Record<string, string>), 'idempotency-key': key } });
  };
  const first = await ask();
  const before = asked();
  const again = await ask();
  expect(asked()).toBe(before);
  return [first, again];
}

function expectReplay([first, again]: readonly [Told, Told]): void {
  expect(first.status).toBe(200);
  expect(again.status).toBe(200);
  expect(Buffer.compare(again.bytes, first.bytes)).toBe(0);
  expect(again.headers.get('content-type')).toBe(first.headers.get('content-type'));
  expect([first, again].map(({ headers }) => headers.get('idempotent-replayed'))).toEqual([null, 'true']);
  expect(again.headers.get('x-weir-replayed-request-id')).toBe(first.headers.get('x-weir-request-id'));
}

describe('every operation beside chat', () => {
  it.each(OPERATIONS)('is done once, and told again: %s', async (_name, model, _billed, { path, headers, body }) => {
    await at.publish(priced(at));
    expectReplay(await twice(path(model), () => ({ body: body(model), headers: headers?.(model) ?? {} })));
    await at.publish();
  });

  it('is another one with another file, or another boundary of the same', async () => {
    const key = made();
    const form = (text: string) => {
      const fields = new FormData();
      fields.set('model', 'up/whisper-1');
      fields.set('file', new File([text], 'a.wav'));
      return { body: fields };
    };
    expectReplay(await twice('/v1/audio/transcriptions', () => form('RIFF one'), key));
    const other = await told('/v1/audio/transcriptions', { ...form('RIFF two'), headers: { 'idempotency-key': key } });
    expect(other.status).toBe(422);
  });

  it('holds a form whole, and refuses one that has no room', async () => {
    await at.publish({ limits: { body: 4096 } });
    const fields = new FormData();
    fields.set('model', 'up/whisper-1');
    fields.set('file', new File(['RIFF'.repeat(2_000)], 'a.wav'));
    const before = asked();
    // Sent in one piece: a client that is still writing when it is refused may see its connection break first.
    const form = new Response(fields);
    const headers = { 'content-type': form.headers.get('content-type') ?? '', 'idempotency-key': made() };
    const refused = await told('/v1/audio/transcriptions', { body: await form.arrayBuffer(), headers });
    expect(refused.status).toBe(413);
    expect(refused.bytes.toString()).toContain('Idempotency-Key');
    expect(asked()).toBe(before);
    await at.publish();
  });

  it('is a file, which is kept once', async () => {
    const options = { headers: { 'idempotency-key': made(), 'x-weir-provider': 'up' } };
    const upload = async () => client.files.create({ file: await toFile(Buffer.from('hello'), 'a.txt'), purpose: 'user_data' }, options);
    const { id } = await upload();
    expect((await upload()).id).toBe(id);
    expect(at.upstream.asked.filter(({ path, method }) => method === 'POST' && path.endsWith('/files'))).toHaveLength(1);
  });

  it('is a conversation, and what is put into it', async () => {
    const json = { 'content-type': 'application/json' };
    const item = { type: 'message', role: 'user', content: 'Hello' };
    const made = await twice('/v1/conversations', () => ({ headers: json, body: JSON.stringify({ items: [item] }) }));
    expectReplay(made);
    const { id } = JSON.parse(made[0].bytes.toString()) as { id: string };
    expectReplay(await twice(`/v1/conversations/${id}/items`, () => ({ headers: json, body: JSON.stringify({ items: [item] }) })));
    const items = await at.call(`/v1/conversations/${id}/items`);
    expect(((await items.json()) as { data: unknown[] }).data).toHaveLength(2);
  });
});

describe('the configuration', () => {
  const chat = (key: string) =>
    told('/v1/embeddings', {
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({ model: 'up/tokens-e', input: 'a' }),
    });
  const isReplay = async (key: string) => (await chat(key)).headers.has('idempotent-replayed');

  it('says how long an answer is told again', async () => {
    await at.publish({ state: { idempotencyHours: 1.5 / 3_600 } });
    const key = made();
    expect(await isReplay(key)).toBe(false);
    expect(await isReplay(key)).toBe(true);
    await until(async () => !(await isReplay(key)), 15_000, 'the end of the answer');
    await at.publish();
  });

  it('may have the keys mean nothing', async () => {
    await at.publish({ state: { idempotencyHours: 0 } });
    const key = made();
    expect([await isReplay(key), await isReplay(key), await isReplay('')]).toEqual([false, false, false]);
    await at.publish();
  });
});

describe('the admin API', () => {
  const post = async (path: string, key: string, body: object) => {
    const response = await at.gateway.admin(path, { method: 'POST', body: JSON.stringify(body), headers: { 'idempotency-key': key } });
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as { id?: string; key?: string; code?: string },
    };
  };

  it('makes a key once, and shows it again to who asks with the same key', async () => {
    const [key, name] = [made(), made()];
    const first = await post('/keys', key, { app: 'dev', name });
    const again = await post('/keys', key, { app: 'dev', name });
    expect(first.status).toBe(201);
    expect(again.status).toBe(201);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.headers.get('x-weir-replayed-request-id')).toBe(first.headers.get('x-weir-request-id'));
    expect(again.headers.get('cache-control')).toBe('no-store');
    expect(again.headers.get('x-weir-request-id')).not.toBe(first.headers.get('x-weir-request-id'));
    const other = await post('/keys', key, { app: 'dev', name: `${name}-2` });
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_mismatch']);
    const listed = (await (await at.gateway.admin(`/keys?limit=100`)).json()) as { items: { name: string }[] };
    expect(listed.items.filter((each) => each.name === name)).toHaveLength(1);
  });

  it('makes one of twenty that are asked for at once', async () => {
    const [key, name] = [made(), made()];
    const answers = await Promise.all(Array.from({ length: 20 }, () => post('/orgs', key, { name })));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(201));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
  });

  it('looks anew at what it refused', async () => {
    const [key, name] = [made(), made()];
    expect((await post('/teams', key, { name, org: name })).status).toBeGreaterThanOrEqual(400);
    expect((await post('/orgs', made(), { name })).status).toBe(201);
    expect((await post('/teams', key, { name, org: name })).status).toBe(201);
    const empty = await post('/orgs', '', { name: made() });
    expect([empty.status, empty.body.code]).toEqual([400, 'invalid_request']);
  });

  it('keeps its keys apart from those of callers', async () => {
    const key = made();
    expect((await post('/orgs', key, { name: made() })).status).toBe(201);
    const called = await told('/v1/embeddings', {
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({ model: 'up/tokens-e', input: 'a' }),
    });
    expect(called.status).toBe(200);
  });
});
