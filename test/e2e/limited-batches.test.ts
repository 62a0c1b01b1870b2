import OpenAI, { toFile } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../gateway.ts';
import { budget, keyWith, type LimitedKey, PLENTY, priced, usedBy } from '../limited.ts';
import { type OperationsGateway, startOperationsGateway } from '../operations.ts';

let at: OperationsGateway;
beforeAll(async () => {
  at = await startOperationsGateway();
  await at.publish(priced(at));
});
afterAll(() => at?.stop());

const clientOf = ({ key }: LimitedKey) =>
  new OpenAI({ baseURL: at.baseURL, apiKey: key, maxRetries: 0, defaultHeaders: { 'x-weir-provider': 'up' } });

const chat = (model: string, more: object = {}) => ({
  url: '/v1/chat/completions',
  body: { model, max_tokens: 100, messages: [{ role: 'user', content: 'Hello' }], ...more },
});
const linesOf = (calls: readonly object[]) =>
  calls.map((call, each) => `${JSON.stringify({ custom_id: String(each), method: 'POST', ...call })}\n`).join('');

/** Uploads these calls. */
async function upload(client: OpenAI, calls: readonly object[]): Promise<string> {
  const file = await toFile(Buffer.from(linesOf(calls)), 'in.jsonl');
  return (await client.files.create({ file, purpose: 'batch' })).id;
}

const submit = (client: OpenAI, input: string, metadata: Record<string, string> = { looks: '0' }) =>
  client.batches.create({ input_file_id: input, endpoint: '/v1/chat/completions', completion_window: '24h', metadata });

/** What a batch of ten such lines holds of an untouched budget. */
async function foreseenFor(model: string, lines = 10): Promise<number> {
  const key = await keyWith(at, budget(PLENTY));
  const client = clientOf(key);
  await submit(
    client,
    await upload(
      client,
      Array.from({ length: lines }, () => chat(`up/${model}`)),
    ),
    { looks: '99' },
  );
  return usedBy(at, key);
}

describe('a batch of a key with limits', () => {
  it('is foreseen line by line, at the price of batches where there is one', async () => {
    const [one, ten, half] = [await foreseenFor('tokens-one', 1), await foreseenFor('tokens-ten'), await foreseenFor('half-ten')];
    // A hundred tokens of output, and what is said.
    expect(one).toBeGreaterThan(100_000_000);
    expect(one).toBeLessThan(130_000_000);
    expect(ten).toBe(10 * one);
    expect(half).toBe(5 * one);
  });

  it('is submitted where all of it fits, however many come at once', async () => {
    const foreseen = await foreseenFor('half-many');
    const key = await keyWith(at, budget(4.5 * foreseen));
    const client = clientOf(key);
    const input = await upload(
      client,
      Array.from({ length: 10 }, () => chat('up/half-many')),
    );
    const before = at.upstream.asked.filter(({ method, path }) => method === 'POST' && path === '/v1/batches').length;
    const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => submit(client, input, { looks: '99' })));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(4);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ status: 400, code: 'budget_exceeded' });
    }
    expect(at.upstream.asked.filter(({ method, path }) => method === 'POST' && path === '/v1/batches')).toHaveLength(before + 4);
    expect(await usedBy(at, key)).toBe(4 * foreseen);
  });

  it('counts as it was foreseen until its end is known, and then as it came to, once', async () => {
    const foreseen = await foreseenFor('half-true');
    const key = await keyWith(at, budget(PLENTY));
    const client = clientOf(key);
    const input = await upload(
      client,
      Array.from({ length: 10 }, () => chat('up/half-true')),
    );
    const { id } = await submit(client, input, { looks: '2', usage: '100,40' });
    expect((await client.batches.retrieve(id)).status).toBe('in_progress');
    expect(await usedBy(at, key)).toBe(foreseen);
    // 140 tokens of a thousandth of a dollar, at half the price; whoever looks first, and however many look at once.
    await Promise.all(Array.from({ length: 5 }, () => client.batches.retrieve(id)));
    await until(async () => (await usedBy(at, key)) === 70_000_000, 15_000, 'what the batch came to');
    await client.batches.retrieve(id);
    expect(await usedBy(at, key)).toBe(70_000_000);
  });

  it.each([
    ['failed', { status: 'failed' }, 0],
    ['was cancelled before a line was answered', { status: 'cancelled', completed: '0' }, 0],
    ['expired with some lines answered', { status: 'expired', usage: '10,10' }, 10_000_000],
  ])('that %s is charged what was done', async (_name, how, nano) => {
    const key = await keyWith(at, budget(PLENTY));
    const client = clientOf(key);
    const { id } = await submit(client, await upload(client, [chat('up/half-over')]), { looks: '1', ...how });
    await client.batches.retrieve(id);
    await until(async () => (await usedBy(at, key)) === nano, 15_000, `${nano} to be settled`);
  });

  it('stays charged as it was foreseen where its vendor never says', async () => {
    const foreseen = await foreseenFor('half-mute');
    const key = await keyWith(at, budget(PLENTY));
    const client = clientOf(key);
    const { id } = await submit(
      client,
      await upload(
        client,
        Array.from({ length: 10 }, () => chat('up/half-mute')),
      ),
    );
    await client.batches.retrieve(id);
    expect(await usedBy(at, key)).toBe(foreseen);
  });

  it('takes no place among calls at the same time once it is submitted', async () => {
    const key = await keyWith(at, [{ unit: 'concurrent', limit: 1 }]);
    const client = clientOf(key);
    const input = await upload(client, [chat('up/half-place')]);
    for (let each = 0; each < 3; each++)
      await until(
        () =>
          submit(client, input).then(
            () => true,
            () => false,
          ),
        15_000,
        'its place',
      );
  });

  it('costs nothing where it is not accepted', async () => {
    const key = await keyWith(at, budget(PLENTY));
    const client = clientOf(key);
    const input = await upload(client, [chat('up/half-gone')]);
    await expect(submit(client, input, { refused: 'yes' })).rejects.toMatchObject({ status: 400 });
    await until(async () => (await usedBy(at, key)) === 0, 15_000, 'what was held to come back');
    await client.files.delete(input);
    await expect(submit(client, input)).rejects.toMatchObject({ status: 404 });
    await until(async () => (await usedBy(at, key)) === 0, 15_000, 'what was held to come back');
  });

  it('of what cannot be foreseen is refused by its line', async () => {
    const key = await keyWith(at, budget(PLENTY));
    const client = clientOf(key);
    const mixed = await upload(client, [chat('up/half-a'), chat('up/half-b')]);
    await expect(submit(client, mixed)).rejects.toThrow(/Line 2 of the batch asks another model/);
    const unknown = await upload(client, [chat('up/half-a'), { url: '/v1/videos', body: { model: 'up/half-a' } }]);
    await expect(submit(client, unknown)).rejects.toThrow(/Line 2 of the batch asks for something/);
    const unpriced = await upload(client, [chat('up/nobody-knows')]);
    await expect(submit(client, unpriced)).rejects.toThrow(/price/);
  });

  it('counts its pictures', async () => {
    const key = await keyWith(at, [{ unit: 'images', limit: 5, window: 'day' }]);
    const client = clientOf(key);
    const pictures = (n: number) => ({ url: '/v1/images/generations', body: { model: 'up/picture-b', prompt: 'a', n } });
    await expect(submit(client, await upload(client, [pictures(3), pictures(3)]))).rejects.toMatchObject({ status: 400 });
    await submit(client, await upload(client, [pictures(3), pictures(2)]), { looks: '99' });
    await expect(submit(client, await upload(client, [pictures(1)]))).rejects.toMatchObject({ status: 400 });
  });
});
