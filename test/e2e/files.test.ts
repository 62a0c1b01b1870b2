import OpenAI, { NotFoundError, toFile } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY } from '../gateway.ts';
import { type OperationsGateway, startOperationsGateway } from '../operations.ts';

let at: OperationsGateway;
let client: OpenAI;
beforeAll(async () => {
  at = await startOperationsGateway();
  client = new OpenAI({ baseURL: at.baseURL, apiKey: KEY, maxRetries: 0, defaultHeaders: { 'x-weir-provider': 'up' } });
});
afterAll(() => at?.stop());

const LINES = '{"custom_id":"1","method":"POST","url":"/v1/chat/completions","body":{"model":"up/gpt-x","messages":[]}}\n';
const upload = (text: string, name: string, purpose: 'batch' | 'user_data' = 'user_data') =>
  toFile(Buffer.from(text), name).then((file) => client.files.create({ file, purpose }));

describe('files', () => {
  it('are kept under ids of this gateway, and found by them', async () => {
    const made = await upload('hello', 'a.txt');
    expect(made.id).toMatch(/^file-weir_[\w-]+$/);
    expect(await client.files.retrieve(made.id)).toEqual(made);
    const content = await client.files.content(made.id);
    expect(await content.text()).toBe('hello');
    // The vendor calls it HTML: on the gateway's own origin it must not be run.
    expect(content.headers.get('content-type')).toBe('application/octet-stream');
    expect(content.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await client.files.delete(made.id)).toEqual({ id: made.id, object: 'file', deleted: true });
    const gone = await client.files.retrieve(made.id).catch((error: unknown) => error);
    expect(gone).toBeInstanceOf(NotFoundError);
    expect((gone as Error).message).toContain(made.id);
    expect((gone as Error).message).not.toContain('file-up');
  });

  it('of others, and ids that were made up, are not there', async () => {
    // The vendor's own id, as another tenant of the same credential may know it.
    await upload('mine', 'mine.txt');
    const payload = Buffer.from('up\nfile-up1').toString('base64url');
    const made = [...'ab'].map((letter) => `file-weir_${payload}${letter.repeat(22)}`);
    for (const id of ['file-up1', ...made, 'file-weir_', 'batch_weir_x', '..%2Ffiles']) {
      await expect(client.files.retrieve(id)).rejects.toBeInstanceOf(NotFoundError);
      await expect(client.files.delete(id)).rejects.toBeInstanceOf(NotFoundError);
    }
  });

  it('are listed, the caller’s own alone, page by page', async () => {
    // Others use the same credential of the vendor's.
    for (let each = 0; each < 120; each++) await fetch(`${at.upstream.origin}/v1/files`, { method: 'POST', body: formOf(`other-${each}`) });
    const mine = [];
    for (const name of ['l1', 'l2', 'l3', 'l4', 'l5']) mine.push((await upload(name, name)).id);
    const seen: string[] = [];
    for await (const { id, filename } of client.files.list({ limit: 2 })) {
      expect(filename).not.toContain('other');
      seen.push(id);
    }
    expect(seen.slice(0, 5)).toEqual(mine.toReversed());
    expect(new Set(seen).size).toBe(seen.length);
  });
});

const textOf = (part: unknown) => (part instanceof File ? part.text() : undefined);
const formOf = (name: string) => {
  const form = new FormData();
  form.set('purpose', 'user_data');
  form.set('file', new File(['x'], name));
  return form;
};

describe('batches', () => {
  it('run at the provider that has their input, whose models they name', async () => {
    const input = await upload(LINES, 'in.jsonl', 'batch');
    const sent = at.upstream.asked.findLast(({ path }) => path === '/v1/files');
    expect(await textOf(sent?.form.get('file'))).toBe(LINES.replace('up/gpt-x', 'gpt-x'));
    const batch = await client.batches.create({ input_file_id: input.id, endpoint: '/v1/chat/completions', completion_window: '24h' });
    expect(batch).toMatchObject({ input_file_id: input.id, status: 'completed', error_file_id: null });
    expect(batch.id).toMatch(/^batch_weir_/);
    const again = await client.batches.retrieve(batch.id);
    expect(again).toEqual(batch);
    const output = await client.files.content(again.output_file_id ?? '');
    expect(await output.text()).toContain('custom_id');
    expect((await client.batches.list()).data.map(({ id }) => id)).toEqual([batch.id]);
    expect((await client.batches.cancel(batch.id)).status).toBe('cancelling');
  });

  it('ask for nothing that the route does not allow', async () => {
    await at.publish({
      policies: [
        { use: 'models', allow: ['up/gpt-x'] },
        { use: 'terms', entries: [{ action: 'mask', terms: ['Ada'], in: 'requests' }] },
      ],
    });
    const lines = LINES.replace('[]', '[{"role":"user","content":"Ada?"}]');
    await upload(lines, 'in.jsonl', 'batch');
    const sent = at.upstream.asked.findLast(({ path }) => path === '/v1/files');
    expect(await textOf(sent?.form.get('file'))).toContain('[masked]?');
    await expect(upload(lines.replace('gpt-x', 'gpt-forbidden'), 'in.jsonl', 'batch')).rejects.toThrow(/does not allow the model/);
    await expect(upload('{"url":"/v1/unknown","body":{}}', 'in.jsonl', 'batch')).rejects.toThrow(/Line 1/);
    // A file that was never looked at cannot become one.
    const other = await upload(lines.replace('gpt-x', 'gpt-forbidden'), 'in.jsonl');
    await expect(
      client.batches.create({ input_file_id: other.id, endpoint: '/v1/chat/completions', completion_window: '24h' }),
    ).rejects.toThrow(/purpose/);
    await at.publish({});
  });
});

it('asks which provider is meant where several could be', async () => {
  const anybody = new OpenAI({ baseURL: at.baseURL, apiKey: KEY, maxRetries: 0 });
  await expect(anybody.files.list()).rejects.toThrow(/x-weir-provider: .*up/);
  await expect(anybody.files.list({ query: { provider: 'up' } })).resolves.toBeDefined();
});
