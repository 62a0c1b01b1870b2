import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway } from '../../scripts/gateway.mjs';
import { callOf, type Dialect, paths } from '../client.ts';
import { KEY, startTestGateway, type TestGateway, UP_KEY, until } from '../gateway.ts';
import { ask, makeFamily, makeKey } from '../tenants.ts';

let gateway: TestGateway;
let app: string;
beforeAll(async () => {
  gateway = await startTestGateway({ models: { smart: { targets: ['up/ok/text'] } } });
  ({ app } = await makeFamily(gateway, 'acme'));
});
afterAll(() => gateway?.stop());

type Headers = { readonly [name: string]: string };
const bearer = (key: string): Headers => ({ authorization: `Bearer ${key}` });
const post = (
  headers: Headers,
  { dialect = 'openai', model = 'up/ok/text', query = '' }: { dialect?: Dialect; model?: string; query?: string } = {},
) =>
  fetch(gateway.url + paths[dialect] + query, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(callOf(dialect, model)),
  });
const statusOf = async (headers: Headers, options = {}) => {
  const response = await post(headers, options);
  await response.arrayBuffer();
  return response.status;
};
const codeOf = async (response: Response) => ((await response.json()) as { error: { code: string } }).error.code;
const patch = (path: string, body: object) => ask(gateway, 'PATCH', path, body);

describe('a key of an app', () => {
  const places: readonly [string, (key: string) => { readonly headers: Headers; readonly query?: string }][] = [
    ['authorization', (key) => ({ headers: bearer(key) })],
    ['x-api-key', (key) => ({ headers: { 'x-api-key': key } })],
    ['api-key', (key) => ({ headers: { 'api-key': key } })],
    ['x-goog-api-key', (key) => ({ headers: { 'x-goog-api-key': key } })],
    ['x-weir-key', (key) => ({ headers: { 'x-weir-key': key } })],
    ['x-weir-key beside another credential', (key) => ({ headers: { 'x-weir-key': key, authorization: 'Bearer sk-mine' } })],
    ['?key=', (key) => ({ headers: {}, query: `?key=${key}` })],
  ];

  it.each(places)('is good in %s, in both dialects, and never handed on', async (place, at) => {
    const { id, key } = await makeKey(gateway, { app, name: 'places' });
    for (const dialect of ['openai', 'anthropic'] as const) {
      const mark = `id=tenant-${place.replace(/\W/g, '')}-${dialect}`;
      const { headers, query = '' } = at(key);
      const response = await post(headers, { dialect, query, model: `${dialect === 'openai' ? 'up' : 'ant'}/ok/text?${mark}` });
      expect(response.status).toBe(200);
      const seen = gateway.upstream.journal.of(mark).at(-1);
      expect(`${seen?.rawHeaders.join('\n')}\n${seen?.path}\n${seen?.body}`).not.toMatch(/weir_|sk-mine/);
      expect(await gateway.row(response.headers.get('x-weir-request-id'))).toMatchObject({ keyId: id });
    }
  });

  it('works from the moment it is made, and not from the moment it is disabled, deleted, or expired', async () => {
    const { id, key } = await makeKey(gateway, { app, name: 'life' });
    expect(await statusOf(bearer(key))).toBe(200);
    await patch(`/keys/${id}`, { disabled: true });
    expect(await statusOf(bearer(key))).toBe(401);
    await patch(`/keys/${id}`, { disabled: false });
    expect(await statusOf(bearer(key))).toBe(200);
    await patch(`/keys/${id}`, { expiresAt: Date.now() + 3_600_000 });
    expect(await statusOf(bearer(key))).toBe(200);
    await patch(`/keys/${id}`, { expiresAt: Date.now() + 700 });
    await until(async () => (await statusOf(bearer(key))) === 401, 15_000, 'it expires');
    await patch(`/keys/${id}`, { expiresAt: null });
    expect(await statusOf(bearer(key))).toBe(200);
    await ask(gateway, 'DELETE', `/keys/${id}`);
    expect(await statusOf(bearer(key))).toBe(401);
  });

  it.each(['orgs', 'teams', 'apps'] as const)('stops with its %s', async (plural) => {
    const family = await makeFamily(gateway, `stops-${plural}`);
    const { key } = await makeKey(gateway, { app: family.app, name: 'k' });
    const at = { orgs: `/orgs/${family.org}`, teams: `/teams/${family.team}`, apps: `/apps/${family.app}` }[plural];
    expect(await statusOf(bearer(key))).toBe(200);
    await patch(at, { disabled: true });
    expect(await statusOf(bearer(key))).toBe(401);
    await patch(at, { disabled: false });
    expect(await statusOf(bearer(key))).toBe(200);
    await ask(gateway, 'DELETE', at);
    expect(await statusOf(bearer(key))).toBe(401);
  });

  it('is rotated with an overlap in which both are good, or with none', async () => {
    const { id, key: first } = await makeKey(gateway, { app, name: 'turns' });
    const rotate = async (overlap: string) => String((await ask(gateway, 'POST', `/keys/${id}/rotate`, { overlap })).body.key);
    const second = await rotate('24h');
    expect(second).not.toBe(first);
    expect([await statusOf(bearer(first)), await statusOf(bearer(second))]).toEqual([200, 200]);
    // Only the one before is kept.
    const third = await rotate('5s');
    expect([await statusOf(bearer(first)), await statusOf(bearer(second)), await statusOf(bearer(third))]).toEqual([401, 200, 200]);
    await until(async () => (await statusOf(bearer(second))) === 401, 20_000, 'the overlap is over');
    expect(await statusOf(bearer(third))).toBe(200);
    const fourth = await rotate('0s');
    expect([await statusOf(bearer(third)), await statusOf(bearer(fourth))]).toEqual([401, 200]);
  });
});

describe("the deployment's own key", () => {
  it('is good, and is an app’s key like any other', async () => {
    expect(await statusOf(bearer(KEY))).toBe(200);
    await patch('/keys/key_dev', { models: ['nothing'] });
    expect(await statusOf(bearer(KEY))).toBe(403);
    await patch('/keys/key_dev', { models: null });
    await patch('/apps/app_dev', { disabled: true });
    expect(await statusOf(bearer(KEY))).toBe(401);
    await patch('/apps/app_dev', { disabled: false });
    expect(await statusOf(bearer(KEY))).toBe(200);
    expect((await ask(gateway, 'POST', '/keys/key_dev/rotate', {})).status).toBe(400);
  });
});

describe('what is no key', () => {
  it('is told the same, whatever is wrong with it', async () => {
    const [expired, disabled, deleted, good] = await Promise.all([
      makeKey(gateway, { app, name: 'x', expiresAt: 1 }),
      makeKey(gateway, { app, name: 'x', disabled: true }),
      makeKey(gateway, { app, name: 'x' }),
      makeKey(gateway, { app, name: 'x' }),
    ]);
    await ask(gateway, 'DELETE', `/keys/${deleted.id}`);
    const unknown = good.key.replace(/_[^_]+$/, expired.key.slice(expired.key.lastIndexOf('_')));
    const told = new Set<string>();
    for (const key of [expired.key, disabled.key, deleted.key, unknown, good.key.slice(0, -1), `${good.key}0`, 'x', good.id]) {
      const response = await post(bearer(key));
      expect(response.status).toBe(401);
      const { error } = (await response.json()) as { error: { message: string; code: string } };
      expect(error.code).toBe('invalid_key');
      told.add(error.message.replace(/req_\w+/, ''));
    }
    expect([...told]).toHaveLength(1);
  });

  it('is 401 ten thousand times, crafted in every way, and nothing else', async () => {
    const { key } = await makeKey(gateway, { app, name: 'crafted' });
    const statuses = new Map<number, number>();
    const crafted = craft(key);
    const worker = async () => {
      for (let value = crafted.pop(); value !== undefined; value = crafted.pop()) {
        const status = await statusOf(value);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: 16 }, worker));
    expect(Object.fromEntries(statuses)).toEqual({ 401: 10_000 });
    expect(await statusOf(bearer(key))).toBe(200);
    expect(await statusOf(bearer(KEY))).toBe(200);
  }, 120_000);
});

/** Credentials that are none: SQL, other forms, valid forms of keys that there are not, real ones bent. */
function craft(key: string): Headers[] {
  const texts = [
    "' OR 1=1 --",
    '"; DROP TABLE keys; --',
    '%00',
    '#{jndi:x}',
    '../../etc/passwd',
    '[object Object]',
    'undefined',
    'null',
    '__proto__',
    '\\u0000',
    '{"$ne":1}',
  ];
  const places = ['authorization', 'x-api-key', 'api-key', 'x-goog-api-key', 'x-weir-key'];
  let seed = 7;
  const random = (most: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % most;
  };
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  const letters = (length: number) => Array.from({ length }, () => digits[random(62)]).join('');
  const sorts: readonly (() => string)[] = [
    () => `${texts[random(texts.length)]}${letters(random(9))}`,
    () => `weir_live_${letters(16)}_${letters(49)}`,
    () => key.slice(0, random(key.length - 1) + 1),
    () => {
      const at = random(key.length);
      return key.slice(0, at) + (key[at] === 'x' ? 'y' : 'x') + key.slice(at + 1);
    },
    () => `weir_${letters(random(3_000) + 1)}`,
    () => `weir_dev_${texts[random(texts.length)]}_${letters(49)}`,
    // All that a header may hold beside ASCII.
    () => String.fromCharCode(...Array.from({ length: random(60) + 1 }, () => 0xa1 + random(0x5e))),
    () => `eyJhbGciOiJub25lIn0.${letters(80)}.`,
  ];
  return Array.from({ length: 10_000 }, (_, at) => {
    const place = places[at % places.length] ?? 'x-api-key';
    const value = (sorts[random(sorts.length)]?.() ?? '').trim() || 'x';
    return { [place]: place === 'authorization' ? `Bearer ${value}` : value };
  });
}

describe('what a key may', () => {
  it('is asked for models that it and all above it list, which are also all it is shown', async () => {
    const family = await makeFamily(gateway, 'lists');
    const { id, key } = await makeKey(gateway, { app: family.app, name: 'k', models: ['smart', 'sandbox/*'] });
    expect(await statusOf(bearer(key), { model: 'smart' })).toBe(200);
    const refused = await post(bearer(key), { model: 'up/ok/text' });
    expect(refused.status).toBe(403);
    expect(await codeOf(refused)).toBe('model_not_allowed');
    const shown = async () => {
      const response = await fetch(`${gateway.url}/v1/models`, { headers: bearer(key) });
      return ((await response.json()) as { data: { id: string }[] }).data.map((model) => model.id);
    };
    expect(await shown()).toContain('smart');
    expect((await shown()).filter((model) => model !== 'smart' && !model.startsWith('sandbox/'))).toEqual([]);
    expect((await fetch(`${gateway.url}/v1/models/smart`, { headers: bearer(key) })).status).toBe(200);
    await patch(`/orgs/${family.org}`, { models: ['sandbox/*'] });
    expect(await statusOf(bearer(key), { model: 'smart' })).toBe(403);
    expect(await shown()).not.toContain('smart');
    expect((await fetch(`${gateway.url}/v1/models/smart`, { headers: bearer(key) })).status).toBe(404);
    await patch(`/keys/${id}`, { models: null });
    expect(await statusOf(bearer(key), { model: 'sandbox/echo' })).toBe(200);
    expect(await statusOf(bearer(key), { model: 'up/ok/text' })).toBe(403);
  });

  it.each([
    ['/v1/embeddings', { model: 'up/e', input: 'x' }],
    ['/v1/messages/count_tokens', { model: 'ant/ok/text', messages: [{ role: 'user', content: 'x' }] }],
    ['/v1/responses', { model: 'up/ok/text', input: 'x' }],
    ['/v1beta/models/up%2Fok:generateContent', { contents: [{ parts: [{ text: 'x' }] }] }],
    ['/v1/images/generations', { model: 'up/i', prompt: 'x' }],
    ['/model/up%2Fok/converse', { messages: [{ role: 'user', content: [{ text: 'x' }] }] }],
  ])('holds for %s too', async (at, body) => {
    const { key } = await makeKey(gateway, { app, name: 'k', models: ['smart'] });
    const before = gateway.upstream.journal.all.length;
    const response = await fetch(gateway.url + at, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...bearer(key) },
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(403);
    expect(gateway.upstream.journal.all).toHaveLength(before);
  });

  it('is used on the routes that it lists', async () => {
    const { id, key } = await makeKey(gateway, { app, name: 'k', routes: ['tools'] });
    for (const at of ['/v1/models', '/v1/conversations/conv_1', '/v1/files']) {
      expect((await fetch(gateway.url + at, { headers: bearer(key) })).status, at).toBe(403);
    }
    const refused = await post(bearer(key));
    expect([refused.status, await codeOf(refused)]).toEqual([403, 'not_allowed']);
    await patch(`/keys/${id}`, { routes: ['llm'] });
    expect(await statusOf(bearer(key))).toBe(200);
  });

  it('is used from the addresses that it lists, which an unknown one is not', async () => {
    const { id, key } = await makeKey(gateway, { app, name: 'k', ips: ['192.0.2.0/24'] });
    const from = (ip?: string) => statusOf({ ...bearer(key), ...(ip === undefined ? {} : { 'cf-connecting-ip': ip }) });
    expect(await from('192.0.2.9')).toBe(200);
    expect(await from('198.51.100.1')).toBe(403);
    expect(await from()).toBe(403);
    // Others may say what they like of where they come from.
    expect(await statusOf({ ...bearer(key), 'x-forwarded-for': '192.0.2.9', 'x-real-ip': '192.0.2.9' })).toBe(403);
    await patch(`/keys/${id}`, { ips: null, countries: ['DE'] });
    expect(await statusOf({ ...bearer(key), 'cf-ipcountry': 'DE' })).toBe(403);
  });
});

describe('two credentials at once', () => {
  const document = () => ({
    providers: {
      up: { like: 'openai', baseUrl: `${gateway.upstream.origin}/v1`, key: { secret: 'UP_KEY' } },
      own: { like: 'openai', baseUrl: `${gateway.upstream.origin}/v1`, key: { passthrough: true } },
      ant: { like: 'anthropic', baseUrl: gateway.upstream.origin, key: { passthrough: true } },
    },
    models: { either: { strategy: 'failover', targets: ['own/down/503', 'up/ok/text'] } },
  });
  let key: string;
  beforeAll(async () => {
    ({ key } = await makeKey(gateway, { app, name: 'two' }));
    const published = await ask(gateway, 'PUT', '/config', document());
    if (published.status !== 200) throw new Error(JSON.stringify(published.body));
  });

  const seenBy = (mark: string) => gateway.upstream.journal.of(mark).at(-1)?.headers ?? {};

  it.each([
    ['own', 'openai', { authorization: 'Bearer sk-callers-own' }],
    ['ant', 'anthropic', { 'x-api-key': 'sk-ant-callers-own' }],
    ['ant', 'anthropic', { authorization: 'Bearer oauth-callers-own', 'x-api-key': 'sk-ant-callers-own' }],
  ] as const)('the caller’s goes to %s, which takes it', async (provider, dialect, own) => {
    const mark = `id=own-${provider}-${Object.keys(own).join('')}`;
    expect(await statusOf({ 'x-weir-key': key, ...own }, { dialect, model: `${provider}/ok/text?${mark}` })).toBe(200);
    const seen = seenBy(mark);
    for (const name of ['authorization', 'x-api-key']) expect(seen[name]).toBe(({ ...own } as Headers)[name]);
    expect(JSON.stringify(seen)).not.toContain('weir_');
  });

  it('the caller’s does not go to a provider with a key of its own', async () => {
    const mark = 'id=own-not';
    const headers = { 'x-weir-key': key, authorization: 'Bearer sk-callers-own', 'x-api-key': 'sk-ant-callers-own' };
    expect(await statusOf(headers, { model: `up/ok/text?${mark}` })).toBe(200);
    expect(seenBy(mark).authorization).toBe(`Bearer ${UP_KEY}`);
    expect(JSON.stringify(seenBy(mark))).not.toContain('callers-own');
  });

  it('without one of the caller’s own, or with the gateway’s in its place, nothing is sent', async () => {
    const other = await makeKey(gateway, { app, name: 'other' });
    const before = gateway.upstream.journal.all.length;
    for (const headers of [
      bearer(key),
      { 'x-weir-key': key },
      { 'x-weir-key': key, authorization: `Bearer ${key}` },
      { 'x-weir-key': key, 'x-api-key': other.key },
      { 'x-weir-key': KEY, authorization: `Bearer ${KEY}` },
    ]) {
      const response = await post(headers, { model: 'own/ok/text' });
      expect([response.status, await codeOf(response)]).toEqual([401, 'missing_key']);
    }
    expect(gateway.upstream.journal.all).toHaveLength(before);
  });
});

describe('what is stored', () => {
  it('is never the key, and is of no use with another secret', async () => {
    const stateDir = await mkdtemp(path.join(tmpdir(), 'weir-keys-'));
    const secrets = { WEIR_ADMIN_TOKEN: 'admin', WEIR_DEV_KEY: KEY };
    const run = async (extra: { readonly [name: string]: string }, work: (url: string, database: D1Database) => Promise<void>) => {
      const own = await startGateway({ port: 0, stateDir, secrets: { ...secrets, ...extra } });
      try {
        await work(own.url, await own.miniflare.getD1Database('DB'));
      } finally {
        await own.stop();
      }
    };
    const models = async (url: string, key: string) => (await fetch(`${url}/v1/models`, { headers: bearer(key) })).status;
    let id = '';
    let key = '';
    try {
      await run({ WEIR_SECRET: 'one' }, async (url) => {
        const made = await fetch(`${url}/admin/v1/keys`, {
          method: 'POST',
          headers: { authorization: 'Bearer admin', 'content-type': 'application/json' },
          body: JSON.stringify({ app: 'dev', name: 'k' }),
        });
        ({ id, key } = (await made.json()) as { id: string; key: string });
        expect(await models(url, key)).toBe(200);
      });
      const files = (await readdir(stateDir, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
      const secret = key.slice(key.lastIndexOf('_') + 1, -6);
      for (const file of files) expect((await readFile(path.join(file.parentPath, file.name))).includes(secret), file.name).toBe(false);
      expect(files.length).toBeGreaterThan(0);
      await run({ WEIR_SECRET: 'two' }, async (url) => expect(await models(url, key)).toBe(401));
      // The old secret beside the new one: the key is good, and sealed anew behind the answer.
      await run({ WEIR_SECRET: 'two', WEIR_SECRET_PREVIOUS: 'one' }, async (url, database) => {
        const seal = () => database.prepare('SELECT pepper FROM keys WHERE id = ?').bind(id).first<string>('pepper');
        const before = await seal();
        expect(await models(url, key)).toBe(200);
        await until(async () => (await seal()) !== before, 15_000, 'the key is sealed with the new secret');
      });
      await run({ WEIR_SECRET: 'two' }, async (url) => expect(await models(url, key)).toBe(200));
      await run({}, async (url) => {
        expect(await models(url, key)).toBe(401);
        expect(await models(url, KEY)).toBe(200);
        const refused = await fetch(`${url}/admin/v1/keys`, {
          method: 'POST',
          headers: { authorization: 'Bearer admin' },
          body: JSON.stringify({ app: 'dev', name: 'k' }),
        });
        expect(refused.status).toBe(501);
      });
    } finally {
      await rm(stateDir, { recursive: true, force: true });
    }
  }, 60_000);
});
