import { afterAll, beforeAll, expect, it } from 'vitest';
import { raw } from '../client.ts';
import { ADMIN_TOKEN, KEY, startTestGateway, type TestGateway } from '../gateway.ts';
import { ask } from '../tenants.ts';

// What is authorised is what is dispatched, however a path is written: nothing is told or done without the credential of
// the path that answers.

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway?.stop());

type Role = 'key' | 'admin';
interface Target {
  readonly method: string;
  readonly path: string;
  /** Whose credential opens it. */
  readonly opens: Role;
  readonly body?: string;
}

const CHAT = '{"model":"up/ok/text","max_tokens":5,"messages":[{"role":"user","content":"x"}]}';
const TARGETS: readonly Target[] = [
  { method: 'GET', path: '/admin/v1/keys', opens: 'admin' },
  { method: 'GET', path: '/admin/v1/config', opens: 'admin' },
  { method: 'GET', path: '/admin/v1/orgs/org_dev', opens: 'admin' },
  { method: 'POST', path: '/admin/v1/orgs', opens: 'admin', body: '{"nonsense":true}' },
  { method: 'DELETE', path: '/admin/v1/apps/app_none', opens: 'admin' },
  { method: 'GET', path: '/metrics', opens: 'admin' },
  { method: 'GET', path: '/key/info?key=key_dev', opens: 'admin' },
  { method: 'GET', path: '/v1/models', opens: 'key' },
  { method: 'POST', path: '/v1/chat/completions', opens: 'key', body: CHAT },
  { method: 'POST', path: '/v1/messages', opens: 'key', body: CHAT },
  { method: 'POST', path: '/v1beta/models/up/ok/text:generateContent', opens: 'key', body: '{"contents":[{"parts":[{"text":"x"}]}]}' },
  { method: 'GET', path: '/v1/files', opens: 'key' },
];

const last = (path: string, slash: string) => path.replace(/\/(?=[^/?]*(?:\?|$))/, slash);
const beforeQuery = (path: string, more: string) => path.replace(/(?=\?|$)/, more);

/** How paths have been written elsewhere so that one part of a server saw another path than the next. */
const PATHS: readonly (readonly [how: string, write: (path: string) => string])[] = [
  ['as it is', (path) => path],
  ['an encoded slash at the end', (path) => last(path, '%2f')],
  ['encoded slashes', (path) => `/${path.slice(1).replaceAll('/', '%2F')}`],
  ['a slash encoded twice', (path) => last(path, '%252f')],
  ['an overlong slash', (path) => last(path, '%c0%af')],
  ['a fullwidth slash', (path) => last(path, '%ef%bc%8f')],
  ['an encoded backslash', (path) => last(path, '%5c')],
  ['backslashes', (path) => path.replaceAll('/', '\\')],
  ['two slashes before it', (path) => `/${path}`],
  ['a host before it', (path) => `//other.example${path}`],
  ['two slashes within', (path) => last(path, '//')],
  ['a slash behind it', (path) => beforeQuery(path, '/')],
  ['a dot within', (path) => last(path, '/./')],
  ['an encoded dot within', (path) => last(path, '/%2e/')],
  ['a way up', (path) => last(path, '/x/../')],
  ['an encoded way up', (path) => last(path, '/x/%2e%2E/')],
  ['a way up with a parameter', (path) => last(path, '/x/..;/')],
  ['from what is open', (path) => `/healthz/..${path}`],
  ['from what is open, encoded', (path) => `/healthz/%2e%2e${path}`],
  ['from what is open, with its slash encoded', (path) => `/healthz%2f..${path}`],
  ['from a pattern of the other API', (path) => `/v1/models/x/../../..${path}`],
  ['from the admin API', (path) => `/admin/v1/../..${path}`],
  ['a parameter', (path) => beforeQuery(path, ';x')],
  ['a parameter within', (path) => last(path, ';x=1/')],
  ['in capitals', (path) => path.toUpperCase()],
  ['its first letter a capital', (path) => path.replace(/[a-z]/, (letter) => letter.toUpperCase())],
  ['its first letter encoded', (path) => path.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`)],
  ['a dot behind it', (path) => beforeQuery(path, '.')],
  ['dots behind it', (path) => beforeQuery(path, '..')],
  ['an ending', (path) => beforeQuery(path, '.json')],
  ['a NUL', (path) => beforeQuery(path, '%00')],
  ['a NUL and what is open', (path) => beforeQuery(path, '%00/healthz')],
  ['a blank', (path) => beforeQuery(path, '%20')],
  ['a line', (path) => beforeQuery(path, '%0d%0aX:%20y')],
  ['a fragment', (path) => `${path}#/healthz`],
  ['an encoded question mark', (path) => beforeQuery(path, '%3f')],
  ['what is open as its query', (path) => `/healthz?${path}`],
  ['without its slash', (path) => path.slice(1)],
  ['with another host', (path) => `http://other.example${path}`],
  ['with another scheme', (path) => `https://localhost${path}`],
  ['with a user', (path) => `http://admin:${'x'}@127.0.0.1${path}`],
];

/** What stands in the headers instead: each with a path that is open, and one that names what is closed. */
const HEADERS: readonly (readonly [how: string, headers: (path: string) => string])[] = [
  ['no host', () => ''],
  ['an empty host', () => 'Host:\r\n'],
  ['two hosts', () => 'Host: 127.0.0.1\r\nHost: localhost\r\n'],
  ['a host that is nobody’s', () => 'Host: other.example\r\n'],
  ['a host in capitals with a dot', () => 'Host: LOCALHOST.:8787\r\n'],
  ['a host with a path', (path) => `Host: 127.0.0.1${path}?\r\n`],
  ['a host with a way up', (path) => `Host: 127.0.0.1${path}/x/..\r\n`],
  ['a host with a fragment', (path) => `Host: 127.0.0.1${path}#\r\n`],
  ['a host with a user', () => 'Host: admin@127.0.0.1\r\n'],
  ['a path that was rewritten', (path) => `Host: x\r\nX-Original-URL: ${path}\r\nX-Rewrite-URL: ${path}\r\nX-Forwarded-Uri: ${path}\r\n`],
  ['another method', () => 'Host: x\r\nX-HTTP-Method-Override: HEAD\r\nX-Method-Override: OPTIONS\r\n'],
  [
    'from nearby',
    () => 'Host: localhost\r\nX-Forwarded-For: 127.0.0.1\r\nForwarded: for=127.0.0.1;host=localhost\r\nX-Real-IP: 127.0.0.1\r\n',
  ],
];

interface Row extends Target {
  readonly how: string;
  readonly target: string;
  readonly headers: string;
}

function rows(): readonly Row[] {
  return TARGETS.flatMap((each) => [
    ...PATHS.map(([how, write]) => ({ ...each, how, target: write(each.path), headers: 'Host: 127.0.0.1\r\n' })),
    ...HEADERS.flatMap(([how, headers]) => [
      { ...each, how, target: each.path, headers: headers(each.path) },
      { ...each, how: `${how}, and an open path`, target: '/healthz', headers: headers(each.path) },
    ]),
  ]);
}

const SHOWN: { readonly [role in Role | 'nobody']: string } = {
  nobody: '',
  key: `Authorization: Bearer ${KEY}\r\n`,
  admin: `Authorization: Bearer ${ADMIN_TOKEN}\r\n`,
};

/** What everybody may see, by its beginning. */
const OPEN = /^(?:ok\n|\{"name":"weir",|$)/;

async function send({ method, target, headers, body = '' }: Row, shown: string) {
  const length = method === 'POST' ? `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n` : '';
  const request = `${method} ${target} HTTP/1.1\r\n${headers}${shown}${length}Connection: close\r\n\r\n${method === 'POST' ? body : ''}`;
  const text = await raw(gateway.url, Buffer.from(request, 'latin1'), { quiet: 5_000 });
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const content = rest.join('\r\n\r\n');
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? 0),
    content: /transfer-encoding: chunked/i.test(head) ? content.replace(/^[0-9a-f]+\r\n/i, '').replace(/^0\r\n$/, '') : content,
  };
}

/**
 * The path that a URL of this spelling has, by the URL standard; letters are the same whether they are encoded or not
 * (RFC 3986 section 6.2.2.2), and what stands for a model may be any text.
 */
const pathOf = (target: string) =>
  URL.parse(target, 'http://127.0.0.1')
    ?.pathname.replace(/%[46][1-9a-f]|%[57][0-9a]/gi, decodeURIComponent)
    .replace(/^(\/v1beta\/models\/)[^:]+(?=:generateContent$)/, '$1model');

it('no spelling of a path opens it without its credential', async () => {
  const all = rows();
  expect(all.length).toBeGreaterThan(400);
  const state = async () =>
    (await Promise.all(['/orgs', '/apps', '/keys', '/config', '/audit'].map((at) => ask(gateway, 'GET', at)))).map(({ body }) => body);
  const before = await state();
  const asked = gateway.upstream.journal.all.length;
  const wrong: string[] = [];
  let opened = 0;
  const work = all.flatMap((row) => (['nobody', row.opens === 'admin' ? 'key' : 'admin'] as const).map((shown) => ({ row, shown })));
  const worker = async () => {
    for (let next = work.pop(); next !== undefined; next = work.pop()) {
      const { row, shown } = next;
      const { status, content } = await send(row, SHOWN[shown]);
      const isOpen = status >= 200 && status < 300;
      if (isOpen) opened++;
      if ((isOpen && !OPEN.test(content)) || (status >= 500 && status !== 501) || (status >= 300 && status < 400) || status === 0) {
        wrong.push(`${shown}: ${status} ${row.method} ${row.target}, ${row.how}: ${content.slice(0, 120)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: 24 }, worker));
  expect(wrong).toEqual([]);
  // What is open was asked for too.
  expect(opened).toBeGreaterThan(0);
  expect(gateway.upstream.journal.all).toHaveLength(asked);
  expect(await state()).toEqual(before);
}, 120_000);

it('with it a spelling is that path, or it is none', async () => {
  const wrong: string[] = [];
  const served: string[] = [];
  const work = rows().filter(({ headers }) => headers === 'Host: 127.0.0.1\r\n');
  const worker = async () => {
    for (let row = work.pop(); row !== undefined; row = work.pop()) {
      const { status, content } = await send(row, SHOWN[row.opens]);
      if (status < 200 || status >= 300 || OPEN.test(content)) continue;
      served.push(row.target);
      if (pathOf(row.target) !== pathOf(row.path))
        wrong.push(`${status} ${row.method} ${row.target}, ${row.how}: ${content.slice(0, 120)}`);
    }
  };
  await Promise.all(Array.from({ length: 24 }, worker));
  expect(wrong).toEqual([]);
  const open = TARGETS.filter(
    ({ method, path, opens }) => (method === 'GET' && path !== '/v1/files') || (opens === 'key' && method === 'POST'),
  );
  for (const { path } of open) expect(served).toContain(path);
}, 120_000);
