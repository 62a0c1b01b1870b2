import type OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { KEY, startTestGateway, type TestGateway } from '../gateway.ts';
import { type AccountsVendor, startAccountsVendor } from '../upstream/accounts-vendor.ts';

// A provider with several credentials, and targets that stand in several places.

let gateway: TestGateway;
let vendor: AccountsVendor;
beforeAll(async () => {
  [gateway, vendor] = await Promise.all([startTestGateway(), startAccountsVendor()]);
});
afterAll(async () => {
  await gateway?.stop();
  await vendor?.close();
});
beforeEach(() => {
  vendor.refusing.clear();
  vendor.asked.length = 0;
});

async function publish(document: object): Promise<void> {
  const response = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify(document) });
  if (!response.ok) throw new Error(await response.text());
}

const like = (...keys: readonly string[]) => ({
  like: 'openai',
  baseUrl: `${vendor.origin}/v1`,
  dialects: ['openai-chat', 'openai-responses'],
  keys: keys.map((value) => ({ value })),
});

const ask = (model: string, body: object = {}) =>
  fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hi' }], ...body }),
  });
const codeOf = async (response: Response) => ((await response.json()) as { error: { code: string } }).error.code;

describe('a provider with several credentials', () => {
  // A name of its own each time: what was learnt of one credential stays.
  let number = 0;
  let model = '';
  beforeEach(async () => {
    number += 1;
    model = `p${number}/m`;
    await publish({ providers: { [`p${number}`]: like('a', 'b', 'c') } });
  });

  it('is asked with all of them', async () => {
    await Promise.all(Array.from({ length: 30 }, () => ask(model)));
    expect([...new Set(vendor.asked)].toSorted()).toEqual(['a', 'b', 'c']);
  });

  it.each([401, 402, 403, 429])('goes on with another one where one is refused with %i', async (status) => {
    vendor.refusing.set('a', status);
    vendor.refusing.set('b', status);
    for (let call = 0; call < 10; call++) {
      const response = await ask(model);
      expect(response.status).toBe(200);
      expect(((await response.json()) as OpenAI.ChatCompletion).choices[0]?.message.content).toBe('c');
    }
    // Those that were refused are left alone.
    expect(vendor.asked.filter((account) => account !== 'c').length).toBeLessThanOrEqual(2);
  });

  it('is not asked with another one for what is the fault of the call', async () => {
    for (const account of ['a', 'b', 'c']) vendor.refusing.set(account, 400);
    const response = await ask(model);
    expect([response.status, vendor.asked.length]).toEqual([400, 1]);
  });

  it('tells nobody its credentials', async () => {
    for (const account of ['a', 'b', 'c']) vendor.refusing.set(account, 401);
    const response = await ask(model);
    expect([response.status, await codeOf(response)]).toEqual([502, 'upstream_credential']);
    expect(vendor.asked.toSorted()).toEqual(['a', 'b', 'c']);
  });
});

describe('a requirement', () => {
  beforeEach(() =>
    publish({
      providers: { eu: { ...like('eu'), region: 'eu-west-1' }, us: { ...like('us'), region: 'us' }, somewhere: like('somewhere') },
      models: {
        kept: { targets: ['us/m', 'somewhere/m', 'eu/m'], require: { regions: ['eu'] }, retry: { attempts: 1 }, breaker: { cooldown: 50 } },
        outer: { targets: ['kept', 'us/m'], retry: { attempts: 1 }, breaker: { cooldown: 50 } },
        drawn: { strategy: 'weighted', targets: ['us/m', 'eu/m', 'somewhere/m'], require: { regions: ['eu'] } },
        nowhere: { targets: ['us/m', 'somewhere/m'], require: { regions: ['eu'] } },
      },
    }),
  );

  it('lets nothing leave, whatever fails', async () => {
    for (const status of [500, 503, 429, 401, 400]) {
      vendor.refusing.set('eu', status);
      for (const model of ['kept', 'drawn']) expect((await ask(model)).status).toBeGreaterThanOrEqual(400);
      expect((await ask('kept', { stream: true })).status).toBeGreaterThanOrEqual(400);
    }
    expect([...new Set(vendor.asked)]).toEqual(['eu']);
  });

  it('holds within the model that has it, and not around it', async () => {
    vendor.refusing.set('eu', 500);
    expect((await ask('outer')).status).toBe(200);
    expect(vendor.asked.at(-1)).toBe('us');
    expect(vendor.asked).not.toContain('somewhere');
  });

  it('refuses a call that no target may answer, and says why', async () => {
    const response = await ask('nowhere');
    expect(response.status).toBe(403);
    expect(((await response.json()) as { error: { message: string } }).error.message).toContain('it is in us, and must be in one of eu');
    expect(vendor.asked).toEqual([]);
  });

  it('of a route holds for targets that are named outright, for other operations and for files', async () => {
    await publish({
      providers: { eu: { ...like('eu'), region: 'eu' }, us: { ...like('us'), region: 'us' } },
      // A model that nothing before has asked: what failed there would still be known.
      models: { any: ['us/routed', 'eu/routed'] },
      routes: [{ name: 'llm', kind: 'llm', require: { regions: ['eu'] } }],
    });
    expect((await ask('us/m')).status).toBe(403);
    expect((await ask('any')).headers.get('x-weir-model')).toBe('eu/routed');
    const headers = { authorization: `Bearer ${KEY}` };
    const embedded = await fetch(`${gateway.url}/v1/embeddings`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'us/m', input: 'Hi' }),
    });
    expect(embedded.status).toBe(403);
    const form = new FormData();
    form.set('purpose', 'user_data');
    form.set('file', new Blob(['Hi']), 'hi.txt');
    const file = await fetch(`${gateway.url}/v1/files`, { method: 'POST', headers: { ...headers, 'x-weir-provider': 'us' }, body: form });
    expect(file.status).toBe(403);
    expect(vendor.asked).toEqual(['eu']);
  });
});
