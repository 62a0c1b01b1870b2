import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import OpenAI from 'openai';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, startGateway } from '../../scripts/gateway.mjs';
import { KEY, until } from '../gateway.ts';
import { type AccountsVendor, startAccountsVendor } from '../upstream/accounts-vendor.ts';

// Calls that belong together go where the first of them was answered, since its vendor has kept their beginning, or
// sealed its thoughts for one account.

let stateDir: string;
let vendor: AccountsVendor;
let gateway: Gateway;

const start = () => startGateway({ port: 0, stateDir, secrets: { WEIR_ADMIN_TOKEN: 'admin', WEIR_DEV_KEY: KEY, WEIR_SECRET: 'affinity' } });

beforeAll(async () => {
  stateDir = await mkdtemp(path.join(tmpdir(), 'weir-affinity-'));
  vendor = await startAccountsVendor();
  gateway = await start();
  const accounts = ['a', 'b', 'c'];
  const providers = Object.fromEntries(
    accounts.map((name) => [name, { like: 'openai', baseUrl: `${vendor.origin}/v1`, dialects: DIALECTS, key: { value: name } }]),
  );
  const keys = accounts.map((value) => ({ value }));
  const targets = accounts.map((name) => `${name}/m`);
  const breaker = { cooldown: 100 };
  const published = await fetch(`${gateway.url}/admin/v1/config`, {
    method: 'PUT',
    headers: { authorization: 'Bearer admin', 'content-type': 'application/json' },
    body: JSON.stringify({
      providers: { ...providers, all: { like: 'openai', baseUrl: `${vendor.origin}/v1`, dialects: DIALECTS, keys } },
      models: {
        sticky: { strategy: 'weighted', targets, affinity: { by: 'conversation' }, retry: { attempts: 1 }, breaker },
        session: { strategy: 'weighted', targets, affinity: { by: 'session', seconds: 60 }, retry: { attempts: 1 } },
        plain: { strategy: 'weighted', targets, retry: { attempts: 1 }, breaker },
        keyed: { targets: ['all/m'], affinity: { by: 'conversation' }, retry: { attempts: 1 } },
      },
    }),
  });
  if (!published.ok) throw new Error(await published.text());
}, 30_000);
afterEach(() => vendor.refusing.clear());
afterAll(async () => {
  await gateway?.stop();
  await vendor?.close();
  await rm(stateDir, { recursive: true, force: true });
});

const DIALECTS = ['openai-chat', 'openai-responses'];

const client = () => new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: KEY, maxRetries: 0 });

/** The accounts that answer so many turns of a conversation that begins so. */
async function turns(model: string, beginning: string, count: number, headers: Record<string, string> = {}): Promise<readonly string[]> {
  const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: beginning }];
  const accounts: string[] = [];
  for (let turn = 0; turn < count; turn++) {
    const answer = await client().chat.completions.create({ model, messages }, { headers });
    const account = answer.choices[0]?.message.content ?? '';
    accounts.push(account);
    messages.push({ role: 'assistant', content: account }, { role: 'user', content: `and ${turn}` });
  }
  return accounts;
}

const distinct = (values: readonly string[]) => [...new Set(values)];

describe('a conversation', () => {
  it('goes back to the target that answered it, while others are drawn as ever', async () => {
    const conversations = await Promise.all(Array.from({ length: 24 }, (_, at) => turns('sticky', `conversation ${at}`, 6)));
    for (const accounts of conversations) expect(distinct(accounts)).toHaveLength(1);
    expect(distinct(conversations.flat()).toSorted()).toEqual(['a', 'b', 'c']);
    // Without it turns are drawn one by one: 24 of them, all to one target, would be chance of one in 10^11.
    expect(distinct(await turns('plain', 'unstuck', 24)).length).toBeGreaterThan(1);
  });

  it('moves where its target fails, and stays there', async () => {
    const [home = ''] = await turns('sticky', 'moving', 1);
    vendor.refusing.set(home, 503);
    const [refuge = ''] = distinct(await turns('sticky', 'moving', 3));
    expect(refuge).not.toBe(home);
    vendor.refusing.clear();
    expect(distinct(await turns('sticky', 'moving', 3))).toEqual([refuge]);
  });

  it('goes back to the credential that answered it', async () => {
    const conversations = await Promise.all(Array.from({ length: 12 }, (_, at) => turns('keyed', `keyed ${at}`, 4)));
    for (const accounts of conversations) expect(distinct(accounts)).toHaveLength(1);
    expect(distinct(conversations.flat()).length).toBeGreaterThan(1);
  });

  it('is known by the session that its client names', async () => {
    const first = await turns('session', 'one', 3, { 'x-session-id': 's1' });
    const second = await turns('session', 'another', 3, { 'x-session-id': 's1' });
    expect(distinct([...first, ...second])).toHaveLength(1);
  });

  it('is known to another isolate', async () => {
    const homes = await Promise.all(Array.from({ length: 12 }, (_, at) => turns('sticky', `restart ${at}`, 2)));
    await gateway.stop();
    gateway = await start();
    for (const [at, accounts] of homes.entries()) {
      expect(await turns('sticky', `restart ${at}`, 1), `restart ${at}`).toEqual(accounts.slice(-1));
    }
  }, 30_000);
});

describe('a response that its vendor keeps', () => {
  it('is continued with the credential it was made with', async () => {
    const made = await Promise.all(Array.from({ length: 12 }, () => client().responses.create({ model: 'all/m', input: 'Hello' })));
    expect(distinct(made.map(({ output_text: account }) => account)).length).toBeGreaterThan(1);
    for (const { id, output_text: account } of made) {
      const next = await client().responses.create({ model: 'all/m', input: 'And?', previous_response_id: id });
      expect(next.output_text).toBe(account);
    }
  });
});

describe('reasoning that is sealed for one account', () => {
  const ask = (input: OpenAI.Responses.ResponseInput) =>
    client()
      .responses.create({ model: 'plain', input, store: false, include: ['reasoning.encrypted_content'] })
      .withResponse();

  async function conversation(beginning: string, count: number) {
    const input: OpenAI.Responses.ResponseInput = [{ role: 'user', content: beginning }];
    const accounts: string[] = [];
    const losses: (string | null)[] = [];
    for (let turn = 0; turn < count; turn++) {
      const { data, response } = await ask(input);
      accounts.push(data.output_text);
      losses.push(response.headers.get('x-weir-loss'));
      input.push(...(data.output as OpenAI.Responses.ResponseInput), { role: 'user', content: `and ${turn}` });
    }
    return { accounts, losses, input };
  }

  it('brings its conversation back to that account, though nobody has asked for it', async () => {
    for (let at = 0; at < 8; at++) {
      const before = vendor.asked.length;
      const { accounts, losses } = await conversation(`sealed ${at}`, 4);
      expect(distinct(accounts)).toHaveLength(1);
      expect(distinct(losses.map(String))).toEqual(['null']);
      expect(vendor.asked.length - before).toBe(4);
    }
  });

  it('is left out where that account cannot answer, and the caller is told', async () => {
    const { accounts, input } = await conversation('left out', 2);
    vendor.refusing.set(accounts[0] ?? '', 503);
    let told: { readonly text: string; readonly loss: string | null } | undefined;
    await until(
      async () => {
        const { data, response } = await ask(input);
        told = { text: data.output_text, loss: response.headers.get('x-weir-loss') };
        return true;
      },
      15_000,
      'another account answers',
    );
    expect(told?.text).not.toBe(accounts[0]);
    expect(told?.loss).toBe('thinking.signature');
  });
});
