import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { litellmPaths } from '../../src/admin/litellm/paths.ts';
import { ADMIN_TOKEN, KEY, STATE_SECRET, startTestGateway, type TestGateway, UP_KEY, until } from '../gateway.ts';
import { call as callTool } from '../mcp/gateway.ts';
import { type Scripted, startTools } from '../mcp/scripted.ts';
import { codeFor } from '../oauth/fixture.ts';

// The admin API, asked for what there is: `admin-roles.test.ts` asks every role for what is not.

const METRICS_TOKEN = 'metrics-token-canary-6666';
/** What nobody is ever shown: in the vault of an organisation, and a caller's own. */
const VAULTED = 'vault-canary-5151';
const CONNECTED = 'connection-canary-6161';
const RUN = 'run-of-acme';

let gateway: TestGateway;
let tools: Scripted;
afterAll(() => Promise.all([gateway?.stop(), tools?.close()]));

interface Answer {
  readonly call: string;
  readonly status: number;
  readonly text: string;
}

/** Every answer that an administrator had, in order. */
const had: Answer[] = [];

async function send(
  method: string,
  at: string,
  body?: object,
  headers: { readonly [name: string]: string } = bearer(ADMIN_TOKEN),
): Promise<Answer> {
  const response = await fetch(gateway.url + at, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(body === undefined || method === 'GET' || method === 'HEAD' ? {} : { body: JSON.stringify(body) }),
  });
  const answer = { call: `${method} ${at}`, status: response.status, text: await response.text() };
  if (headers.authorization === `Bearer ${ADMIN_TOKEN}`) had.push(answer);
  return answer;
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into as they came.
async function admin(method: string, at: string, body?: object): Promise<any> {
  const { status, text } = await send(method, `/admin/v1${at}`, body);
  if (status >= 300) throw new Error(`${method} ${at}: ${status} ${text}`);
  return JSON.parse(text);
}

function bearer(text: string) {
  return { authorization: `Bearer ${text}` };
}

/** What there is of each kind that a path of the API names by an id. */
const ids: Record<string, string> = {};
/** What has been told once, and the call that told it. */
const once: { readonly what: string; readonly text: string; readonly by: string }[] = [];
const told = (what: string, text: string) => {
  once.push({ what, text, by: had.at(-1)?.call ?? '' });
  return text;
};
const FOREIGN = 'sk-a-key-that-another-gateway-made-4242';
const FOREIGN_HASH = createHash('sha256').update(FOREIGN).digest('hex');

interface Described {
  readonly method: string;
  readonly path: string;
}
let described: readonly Described[];

beforeAll(async () => {
  tools = await startTools({ read: () => ({ content: [] }) });
  gateway = await startTestGateway({}, { WEIR_METRICS_TOKEN: METRICS_TOKEN });
  const { url: _, upstream } = gateway;
  const held = { kind: 'remote', url: tools.url, prefix: '', transforms: [{ use: 'pin' }, { use: 'approve', by: 'operator', wait: 0 }] };
  await admin('PUT', '/config', {
    identities: [{ use: 'oauth', name: 'keys' }],
    providers: { up: { like: 'openai', baseUrl: `${upstream.origin}/v1`, key: { secret: 'UP_KEY' } } },
    routes: [
      { name: 'llm', kind: 'llm' },
      { name: 'held', kind: 'mcp', sources: [held] },
      { name: 'own', kind: 'mcp', sources: [{ kind: 'remote', url: tools.url, name: 'desk', auth: { use: 'user-key' } }] },
    ],
  });
  ids.orgs = (await admin('POST', '/orgs', { name: 'acme', limits: [{ unit: 'requests', limit: 1_000, window: '1d' }] })).id;
  ids.teams = (await admin('POST', '/teams', { name: 'acme', org: ids.orgs })).id;
  ids.apps = (await admin('POST', '/apps', { name: 'acme', team: ids.teams })).id;
  const key = await admin('POST', '/keys', { name: 'acme', app: ids.apps, metadata: { of: 'acme' } });
  ids.keys = key.id;
  told('the first key', key.key);
  told('the key', (await admin('POST', `/keys/${key.id}/rotate`, { overlap: '24h' })).key);
  told('an imported key', (await admin('POST', '/keys', { name: 'imported', app: ids.apps, importedHash: FOREIGN_HASH })).key);
  const other = await admin('POST', '/orgs', { name: 'other' });
  const team = await admin('POST', '/teams', { name: 'other', org: other.id });
  const app = await admin('POST', '/apps', { name: 'other', team: team.id });
  told('a key of others', (await admin('POST', '/keys', { name: 'other', app: app.id })).key);
  const webhook = await admin('POST', '/webhooks', { org: ids.orgs, url: `${upstream.origin}/hook` });
  ids.webhooks = webhook.id;
  told('a signing secret', webhook.secret);
  told('the signing secret', (await admin('POST', `/webhooks/${webhook.id}/rotate`, { overlap: '24h' })).secret);
  await admin('POST', `/webhooks/${webhook.id}/test`, {});
  await callTool(`${gateway.url}/mcp/held`, 1, 'read', {}, bearer(keyOf('the key')));
  ids.tools = (await admin('GET', '/tools')).items[0].id;
  ids.approvals = (await admin('GET', '/approvals')).items[0].id;
  ids.credentials = (await admin('POST', '/credentials', { org: ids.orgs, name: 'desk', value: VAULTED })).id;
  const connected = await send('PUT', '/oauth/connect/own/desk', { key: CONNECTED }, bearer(keyOf('the key')));
  expect(connected.status, connected.text).toBe(200);
  ids.connections = (await admin('GET', '/connections')).items[0].id;
  await codeFor(gateway.url, { resource: gateway.url, scope: '' });
  ids.grants = (await admin('GET', '/grants')).items[0].id;
  ids.runs = RUN;
  const called = await send(
    'POST',
    '/v1/chat/completions',
    { model: 'up/ok/text', messages: [{ role: 'user', content: 'x' }] },
    { ...bearer(keyOf('the key')), 'x-weir-run': RUN },
  );
  expect(called.status, called.text).toBe(200);
  const rows = await gateway.rows({ run: RUN });
  ids.requests = rows[0]?.id ?? '';
  await until(
    () => tables().some(({ table, rows: accounted }) => table === 'usage' && accounted.length > 1),
    15_000,
    'both calls are in the account',
  );
  const { paths } = (await admin('GET', '/openapi.json')) as { readonly paths: { readonly [path: string]: object } };
  described = Object.entries(paths).flatMap(([at, methods]) =>
    Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path: at })),
  );
});

const keyOf = (what: string) => once.find((each) => each.what === what)?.text ?? '';
const kindOf = (at: string) => at.split('/')[1] ?? '';

/** A path of the document with the id of something that there is. */
const real = (at: string, id = ids[kindOf(at)] ?? 'unknown') => `/admin/v1${at.replace(/\{\w+\}/, encodeURIComponent(id))}`;

/** Bodies with which these would do something to what there is. */
function effective({ method, path: at }: Described): object {
  if (method === 'PATCH' && kindOf(at) === 'webhooks') return { disabled: true };
  if (method === 'PATCH') return kindOf(at) === 'credentials' ? { description: 'changed' } : { metadata: { changed: 'yes' } };
  if (at.endsWith('/rotate')) return { overlap: '0s' };
  if (at === '/config') return { providers: {} };
  const made: { readonly [at: string]: object } = {
    '/orgs': { name: 'new' },
    '/teams': { name: 'new', org: ids.orgs },
    '/apps': { name: 'new', team: ids.teams },
    '/keys': { name: 'new', app: ids.apps },
    '/webhooks': { org: ids.orgs, url: `${gateway.upstream.origin}/new` },
    '/credentials': { org: ids.orgs, name: 'new', value: 'new' },
    '/connections': { org: ids.orgs, route: 'own', source: 'desk' },
  };
  return made[at] ?? {};
}

it('every id in a path is of something that there is here', () => {
  const withId = described.filter(({ path: at }) => at.includes('{'));
  expect(withId.length).toBeGreaterThan(20);
  expect(withId.filter(({ path: at }) => ids[kindOf(at)] === undefined || at.split('{').length !== 2)).toEqual([]);
});

/** All that the database and the ledgers keep, but for what time alone changes. */
const standing = () => tables().filter(({ table }) => !/^(?:requests|totals|counters|d1_migrations|_cf_|sqlite_)/.test(table));

interface Table {
  readonly table: string;
  readonly rows: readonly Record<string, unknown>[];
}

function tables(): readonly Table[] {
  const root = path.join(gateway.stateDir, 'v3', 'd1');
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.sqlite'))
    .flatMap((name) => {
      const database = new DatabaseSync(path.join(root, name), { readOnly: true });
      try {
        const named = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
        return named.map(({ name: table }) => ({ table: String(table), rows: database.prepare(`SELECT * FROM "${table}"`).all() }));
      } finally {
        database.close();
      }
    });
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

it('every path is closed to all but administrators, by every method, and does nothing for them', async () => {
  const credentials: { readonly [who: string]: { readonly headers: { readonly [name: string]: string }; readonly expected: number } } = {
    nobody: { headers: {}, expected: 401 },
    'a wrong token': { headers: bearer(`${ADMIN_TOKEN.slice(0, -1)}x`), expected: 401 },
    'the secret': { headers: bearer(STATE_SECRET), expected: 401 },
    'the metrics token': { headers: bearer(METRICS_TOKEN), expected: 401 },
    'the owner’s key': { headers: bearer(keyOf('the key')), expected: 403 },
    'the owner’s key elsewhere': { headers: { 'x-weir-key': keyOf('the key'), 'x-api-key': keyOf('the key') }, expected: 401 },
    'others’ key': { headers: bearer(keyOf('a key of others')), expected: 403 },
    'a foreign key that was taken over': { headers: bearer(FOREIGN), expected: 403 },
  };
  const paths = [...new Set(described.map(({ path: at }) => at))];
  const isDescribed = (method: string, at: string) => described.some((each) => each.method === method && each.path === at);
  const rows = paths.flatMap((at) =>
    METHODS.map((method) => ({ method, at: real(at), body: effective({ method, path: at }), served: isDescribed(method, at) })),
  );
  const key = { key: keyOf('the key'), keys: [keyOf('the key')], team_id: 'acme', team_alias: 'acme' };
  for (const [method, at] of litellmPaths) {
    rows.push({ method, at: method === 'GET' ? `${at}?key=${ids.keys}&team_id=${ids.teams}` : at, body: key, served: true });
  }
  const before = standing();
  const wrong: string[] = [];
  // By methods that are none, those ask who come furthest.
  const furthest = ['nobody', 'the owner’s key'];
  const waiting = Object.entries(credentials).flatMap(([who, { headers, expected }]) =>
    rows.filter(({ served }) => served || furthest.includes(who)).map((row) => ({ who, headers, expected, ...row })),
  );
  const worker = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { status, text } = await send(next.method, next.at, next.body, next.headers);
      if (status !== next.expected || text.includes('acme'))
        wrong.push(`${next.who}: ${status} ${next.method} ${next.at} ${text.slice(0, 200)}`);
    }
  };
  await Promise.all(Array.from({ length: 24 }, worker));
  expect(wrong).toEqual([]);
  expect(standing()).toEqual(before);
  expect((await send('GET', '/metrics', undefined, bearer(METRICS_TOKEN))).status).toBe(200);
  for (const who of ['a wrong token', 'the owner’s key', 'nobody'] as const) {
    expect((await send('GET', '/metrics', undefined, credentials[who]?.headers)).status, who).toBe(401);
  }
}, 120_000);

it('an id is found below its own kind alone', async () => {
  const before = standing();
  const rows = described
    .filter(({ path: at }) => at.includes('{'))
    .flatMap((route) => {
      const foreign = Object.entries(ids).filter(([kind]) => kind !== kindOf(route.path));
      // What is a path to another thing when it is decoded once more is no id either.
      const spelled = [
        '',
        '%2e%2e',
        '*',
        'null',
        `${ids[kindOf(route.path)]}%00`,
        `${ids[kindOf(route.path)]}/../${ids[kindOf(route.path)]}`,
      ].map((id) => [id, id]);
      return [...foreign, ...spelled].map(([, id = '']) => ({ ...route, id }));
    })
    .filter(({ id }) => id !== '');
  const wrong: string[] = [];
  for (const { id, ...route } of rows) {
    const { status, text, call } = await send(route.method, real(route.path, id), effective(route));
    if (status !== 404 || !text.includes('"code":"not_found"')) wrong.push(`${call}: ${status} ${text.slice(0, 200)}`);
  }
  expect(wrong).toEqual([]);
  expect(standing()).toEqual(before);
  for (const route of described.filter(({ method, path: at }) => method === 'GET' && at.includes('{'))) {
    expect((await send('GET', real(route.path))).status, route.path).toBe(200);
  }
}, 60_000);

/** Asks for everything that can be got, with what each list leads to. */
async function walk(): Promise<void> {
  const lists = described.filter(({ method, path: at }) => method === 'GET' && !at.includes('{'));
  const seen = new Set<string>();
  for (const { path: at } of lists) {
    for (const query of ['', '?limit=500', '?deleted=true&limit=500']) {
      const { status, text } = await send('GET', `/admin/v1${at}${query}`);
      // The chain of the audit comes as lines, which name nothing that could be asked for.
      const isPage = status === 200 && text.startsWith('{"items":');
      const { items } = isPage ? (JSON.parse(text) as { readonly items: readonly { readonly id?: unknown }[] }) : { items: [] };
      for (const { id } of items) if (typeof id === 'string') seen.add(`${at}/{id} ${id}`);
    }
  }
  for (const { path: at } of described.filter(({ method, path: each }) => method === 'GET' && each.includes('{'))) {
    const kind = `/${kindOf(at)}/{id} `;
    const known = [...seen].flatMap((each) => (each.startsWith(kind) ? [each.slice(kind.length)] : []));
    for (const id of new Set([...known, ids[kindOf(at)] ?? ''])) {
      await send('GET', real(at, id));
      await send('GET', `${real(at, id)}?deleted=true`);
    }
  }
  await send('GET', '/metrics');
  for (const key of [ids.keys, keyOf('the key'), FOREIGN_HASH]) await send('GET', `/key/info?key=${key}`);
  await send('GET', `/team/info?team_id=${ids.teams}`);
}

/** What stands sealed in the database, and the texts from which it could be made. */
function secrets(): readonly { readonly what: string; readonly text: string }[] {
  const columns = /digest|pepper|secret/;
  const sealed = tables().flatMap(({ table, rows }) =>
    rows.flatMap((row) =>
      Object.entries(row).flatMap(([column, value]) =>
        // Digests of tools and arguments are no secrets: operators compare them.
        columns.test(column) && !table.startsWith('mcp_') && typeof value === 'string' ? [{ what: `${table}.${column}`, text: value }] : [],
      ),
    ),
  );
  expect(new Set(sealed.map(({ what }) => what))).toEqual(
    new Set([
      ...['keys.digest', 'keys.pepper', 'keys.previous_digest', 'keys.previous_pepper'],
      ...['key_aliases.digest', 'key_aliases.pepper', 'webhooks.secret', 'webhooks.previous_secret'],
    ]),
  );
  const texts = { ADMIN_TOKEN, STATE_SECRET, KEY, UP_KEY, METRICS_TOKEN, FOREIGN, VAULTED, CONNECTED };
  const keys = once.flatMap(({ what, text }) => [
    { what, text: text.replace(/^whsec_|^weir_[a-z]+_\w{16}_/, '') },
    { what: `the digest of ${what}`, text: createHash('sha256').update(text).digest('hex') },
  ]);
  return [...sealed, ...Object.entries(texts).map(([what, text]) => ({ what, text })), ...keys];
}

it('nothing that an administrator is answered holds a digest, a pepper, a sealed secret, or a key but the one just made', async () => {
  await admin('PATCH', `/keys/${ids.keys}`, { metadata: { of: 'acme', by: 'test' } });
  await admin('PATCH', `/webhooks/${ids.webhooks}`, { events: null });
  const generated = await send('POST', '/key/generate', { key_alias: 'generated', team_id: ids.teams });
  told('a generated key', JSON.parse(generated.text).key);
  const doomed = await admin('POST', '/keys', { name: 'doomed', app: ids.apps });
  told('a deleted key', doomed.key);
  await admin('DELETE', `/keys/${doomed.id}`);
  await walk();
  const found = secrets().flatMap(({ what, text }) =>
    had
      .filter(({ call, text: answer }) => {
        // What the caller put into the question is the caller's own.
        if (!answer.includes(text) || call.includes(text)) return false;
        return !once.some((each) => each.what === what && each.by === call && answer.includes(each.text));
      })
      .map(({ call }) => `${what} in ${call}`),
  );
  expect([...new Set(found)]).toEqual([]);
  // Each was told, by one call, and would have been found elsewhere.
  for (const { what, text } of once)
    expect(had.filter((answer) => answer.text.includes(text) && !answer.call.includes(text)).length, what).toBe(1);
  // The audit names the digest of a configuration so, and its own key; tools and approvals those of what was looked at.
  const named = had.filter(
    ({ call, text }) =>
      !/openapi|schema|config|audit|\/tools|\/approvals/.test(call) &&
      /"(?:\w*digest|\w*pepper|\w*[cC]iphertext|sealed\w*|password)"/.test(text),
  );
  expect(named.map(({ call }) => call)).toEqual([]);
  expect(had.filter(({ status }) => status === 200).length).toBeGreaterThan(60);
}, 60_000);

it('what is stored of a key opens nothing', async () => {
  for (const { what, text } of secrets().filter(({ what }) => /^\w+\.\w+$|^the digest of/.test(what))) {
    for (const at of ['/v1/models', '/admin/v1/keys', '/metrics']) {
      for (const headers of [bearer(text), { 'x-api-key': text }]) {
        const { status } = await send('GET', at, undefined, headers);
        expect(status, `${what} at ${at}`).toBe(401);
      }
    }
  }
});
