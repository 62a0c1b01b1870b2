import { readdirSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { newKey } from '../../src/identity/api-key/format.ts';
import { startTestGateway, type TestGateway, until } from '../gateway.ts';
import { ask, type MadeKey, makeFamily, makeKey } from '../tenants.ts';

// Keys that could be: of the right form and with the right checksum, so that each is looked up.

let gateway: TestGateway;
let known: MadeKey;
beforeAll(async () => {
  gateway = await startTestGateway();
  const { app } = await makeFamily(gateway, 'acme');
  known = await makeKey(gateway, { app, name: 'known', limits: [{ unit: 'requests', limit: 1_000, window: '1d' }] });
  // Another gateway's keys are looked up where there are any.
  await makeKey(gateway, { app, name: 'imported', importedHash: 'ab'.repeat(32) });
});
afterAll(() => gateway?.stop());

const CALLS: readonly { readonly method: string; readonly at: string; readonly body?: object }[] = [
  { method: 'POST', at: '/v1/chat/completions', body: { model: 'up/ok/text', messages: [{ role: 'user', content: 'x' }] } },
  { method: 'POST', at: '/v1/responses', body: { model: 'up/ok/text', input: 'x', previous_response_id: 'resp_x' } },
  { method: 'POST', at: '/v1/conversations', body: { metadata: { a: 'b' } } },
  { method: 'GET', at: '/v1/conversations/conv_x/items' },
  { method: 'POST', at: '/v1/batches', body: { input_file_id: 'file-x', endpoint: '/v1/chat/completions', completion_window: '24h' } },
  { method: 'POST', at: '/v1/embeddings', body: { model: 'up/e', input: 'x' } },
  { method: 'GET', at: '/v1/files' },
  { method: 'GET', at: '/v1/models' },
  { method: 'POST', at: '/admin/v1/orgs', body: { name: 'theirs' } },
];

const PLACES: readonly ((key: string) => { readonly [name: string]: string })[] = [
  (key) => ({ authorization: `Bearer ${key}` }),
  (key) => ({ 'x-weir-key': key }),
  (key) => ({ 'x-api-key': key }),
];

async function call(key: string, at: number): Promise<number> {
  const { method, at: target, body } = CALLS[at % CALLS.length] ?? { method: 'GET', at: '/' };
  const place = PLACES[target.startsWith('/admin') ? 0 : at % PLACES.length] ?? (() => ({}));
  const response = await fetch(gateway.url + target, {
    method,
    // All that names something of the caller's: each with another name.
    headers: {
      'content-type': 'application/json',
      'x-weir-run': `run-${at}`,
      'x-weir-user': `user-${at}`,
      'idempotency-key': `${at}`,
      ...place(key),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  await response.arrayBuffer();
  return response.status;
}

/** Files of the state, but for those that a database has while it is open; and how many rows each table of each database has. */
function stored(): readonly string[] {
  const names = readdirSync(gateway.stateDir, { recursive: true, encoding: 'utf8' }).filter((name) => !/-(?:wal|shm|journal)$/.test(name));
  return names.sort().flatMap((name) => (name.endsWith('.sqlite') ? [name, ...counts(path.join(gateway.stateDir, name))] : [name]));
}

function counts(file: string): readonly string[] {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").all();
    return tables.map(({ name }) => `${path.basename(file)} ${name}: ${database.prepare(`SELECT COUNT(*) AS n FROM "${name}"`).get()?.n}`);
  } finally {
    database.close();
  }
}

const rowsOf = (table: string) => stored().flatMap((line) => (line.includes(` ${table}: `) ? [Number(line.split(': ')[1])] : []));

const MOST = 5_000;
/** As many as there is time for on a slow machine. */
const LEAST = 1_500;
const MOST_TIME = 20_000;

it('five thousand keys that strangers make up are 401, and leave no object, file or row behind', async () => {
  // The objects of somebody who may are there before, and all of theirs is written.
  const own = async (at: number) => {
    const before = rowsOf('usage').reduce((sum, each) => sum + each, 0);
    expect(await call(known.key, at)).toBe(200);
    await until(() => rowsOf('usage').reduce((sum, each) => sum + each, 0) > before, 15_000, 'the call is in the account');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  };
  await own(0);
  const before = stored();
  const statuses = new Map<number, number>();
  const end = Date.now() + MOST_TIME;
  let sent = 0;
  const worker = async () => {
    while (sent < MOST && (sent < LEAST || Date.now() < end)) {
      const at = sent++;
      // Every third guesses the secret of a key that there is.
      const { key } = at % 3 === 0 ? newKey('dev', known.id) : newKey(at % 2 === 0 ? 'live' : 'dev');
      const status = await call(at % 10 === 9 ? `sk-${key.slice(-48)}` : key, at);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 24 }, worker));
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect(Object.fromEntries(statuses)).toEqual({ 401: sent });
  expect(stored()).toEqual(before);
  expect(gateway.upstream.journal.all).toHaveLength(1);
  expect((await ask(gateway, 'GET', '/orgs')).body.items).toHaveLength(2);
  // Whoever may is served as before, and what they leave is counted.
  await own(CALLS.length);
  expect(stored()).not.toEqual(before);
}, 120_000);
