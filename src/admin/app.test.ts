import { applyD1Migrations, reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { Hono } from 'hono';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { fakeRolls as rolls } from '../config/fake-rolls.ts';
import { PlanSource } from '../config/load.ts';
import { fakePorts } from '../core/fakes.ts';
import { isObject } from '../core/json.ts';
import { LedgerClient } from '../state/ledger/client.ts';
import { insertRecords } from '../state/records.ts';
import { revisionReader } from '../state/revisions.ts';
import { type AdminDeps, adminApp } from './app.ts';

const TOKEN = 'the-admin-token';
const { DB: db } = env;
const { clock } = fakePorts();

beforeEach(async () => {
  await reset();
  await applyD1Migrations(db, env.TEST_MIGRATIONS);
});

const bundled = { models: { demo: 'sandbox/echo' } };
const smart = (target = 'openai/gpt-a') => ({ models: { smart: { targets: [target] } } });

/** A plan source as another isolate of the same deployment would have. */
const isolate = (local = true) => new PlanSource({ bundled, local, rolls, clock, revisions: revisionReader(db) });

interface Call {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: { readonly [name: string]: string };
  readonly token?: string | null;
}

/** The app mounted as the gateway mounts it. */
function gateway(deps: Partial<AdminDeps> = {}) {
  const planSource = deps.planSource ?? isolate();
  const ledger = (org: string) => new LedgerClient(env.LEDGER, org);
  const app = adminApp({ db, planSource, rolls, token: TOKEN, clock, ledger, ...deps });
  const root = new Hono().route('/admin/v1', app);
  const call = async (path: string, { method = 'GET', body, headers = {}, token = TOKEN }: Call = {}) => {
    const response = await root.request(`http://gateway/admin/v1${path}`, {
      method,
      headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const json: unknown = text === '' ? undefined : JSON.parse(text);
    return { status: response.status, headers: response.headers, body: json };
  };
  const put = (body: unknown, headers = {}) =>
    call('/config', { method: 'PUT', body, headers: { 'content-type': 'application/json', ...headers } });
  const rollback = (body?: unknown, headers = {}) => call('/config/rollback', { method: 'POST', body, headers });
  return { app, root, planSource, call, put, rollback };
}

const problemPaths = (body: unknown) =>
  isObject(body) && Array.isArray(body.problems) ? body.problems.map((problem) => (isObject(problem) ? problem.path : undefined)) : [];

describe('who may', () => {
  const { app, call } = gateway();
  const routes = app.routes.filter(({ method }) => method !== 'ALL').map(({ method, path }) => [method, path.replace(':id', 'x')] as const);

  const refused: [string, Call, string][] = [
    ['no token', { token: null }, 'missing_key'],
    ['another scheme', { token: null, headers: { authorization: `Basic ${TOKEN}` } }, 'missing_key'],
    ['the bare token', { token: null, headers: { authorization: TOKEN } }, 'missing_key'],
    ['an empty token', { token: '' }, 'missing_key'],
    ['another token', { token: 'wrong' }, 'invalid_key'],
    ['the beginning of the token', { token: TOKEN.slice(0, -1) }, 'invalid_key'],
    ['a longer token', { token: `${TOKEN}x` }, 'invalid_key'],
    ['the token in another header', { token: null, headers: { 'x-api-key': TOKEN, 'x-weir-key': TOKEN } }, 'missing_key'],
  ];

  it.each(routes.flatMap(([method, path]) => refused.map((each) => [method, path, ...each] as const)))(
    '%s %s refuses %s',
    async (method, path, _what, options, code) => {
      const answer = await call(path, { method, ...options });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(answer.body).toMatchObject({ type: `urn:weir:error:${code}`, code, status: 401, requestId: expect.stringMatching(/./) });
    },
  );

  it.each(routes)('%s %s lets the token through', async (method, path) => {
    const answer = await call(path, { method });
    expect(answer.status).not.toBe(401);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('x-weir-request-id')).toMatch(/./);
  });

  it.each(['', 'x', undefined])('is closed to everybody where the token is not set or empty, for %j too', async (given) => {
    for (const token of [undefined, '']) {
      const answer = await gateway({ token }).call('/config', { token: given ?? null });
      expect(answer.status).toBe(401);
    }
  });

  it('asks for the token before it says what exists', async () => {
    expect((await call('/nothing', { token: null })).status).toBe(401);
    expect((await call('/config', { method: 'DELETE', token: null })).status).toBe(401);
    expect((await call('', { token: null })).status).toBe(401);
    expect((await call('/nothing')).status).toBe(404);
    expect((await call('/nothing')).body).toMatchObject({ code: 'not_found' });
  });

  it.each(['/config/', '//config', '/./config', '/config;x', '/Config', '/%63onfig', '/x/../config', '/config%2f', '/config%00'])(
    'is not got round by the path %s',
    async (path) => {
      const { root } = gateway();
      const answer = await root.request(`http://gateway/admin/v1${path}`);
      expect([401, 404]).toContain(answer.status);
      expect(await answer.text()).not.toContain('models');
    },
  );

  it.each([
    ['/config', 'DELETE', 'GET, PUT, HEAD'],
    ['/config', 'OPTIONS', 'GET, PUT, HEAD'],
    ['/config/rollback', 'GET', 'POST'],
    ['/requests/x', 'PATCH', 'GET, HEAD'],
  ])('%s does not take %s', async (path, method, allow) => {
    const answer = await call(path, { method, headers: { origin: 'https://evil.example' } });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe(allow);
    expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});

describe('the configuration', () => {
  it('is the bundled one at first', async () => {
    const answer = await gateway().call('/config');
    expect(answer.body).toEqual({ revision: 0, document: bundled });
    expect(answer.headers.get('etag')).toBe('"0"');
  });

  it('is published, served here at once and elsewhere after a look-up', async () => {
    const { put, call, planSource } = gateway();
    const other = isolate();
    await other.refresh();
    const answer = await put(smart());
    expect(answer).toMatchObject({ status: 200, body: { revision: 1, document: smart() } });
    expect(answer.headers.get('etag')).toBe('"1"');
    expect((await call('/config')).body).toEqual({ revision: 1, document: smart() });
    expect(planSource.current().models.has('smart')).toBe(true);
    expect(other.current().revision).toBe(0);
    await other.refresh();
    expect(other.current().revision).toBe(1);
    expect(other.current().models.has('smart')).toBe(true);
    const restarted = isolate();
    await restarted.prepare(() => undefined);
    expect(restarted.current().revision).toBe(1);
  });

  it('is not replaced by a bad one, whose every fault is named', async () => {
    const { put, call, planSource } = gateway();
    await put(smart());
    const bad = { models: { smart: { targets: ['nobody/x', 'y'] } }, polices: [], limits: { body: 1 } };
    const answer = await put(bad);
    expect(answer).toMatchObject({ status: 422, body: { code: 'config_invalid', status: 422, title: 'Config invalid' } });
    expect(problemPaths(answer.body).sort()).toEqual(['limits.body', 'models.smart.targets[0]', 'models.smart.targets[1]', 'polices']);
    expect((await call('/config')).body).toEqual({ revision: 1, document: smart() });
    expect(planSource.current().revision).toBe(1);
    expect(await db.prepare('SELECT COUNT(*) AS n FROM audit').first('n')).toBe(1);
  });

  it.each(['{"__proto__":{"models":{}}}', '{"models":{"__proto__":{"targets":["openai/x"]}}}'])('refuses the poison %s', async (text) => {
    const answer = await gateway().put(text);
    expect(answer.status).toBe(422);
    expect(problemPaths(answer.body)).toEqual([expect.stringContaining('__proto__')]);
  });

  it('is tried out without being published, also where nothing could be', async () => {
    for (const { call } of [gateway(), gateway({ db: undefined })]) {
      const dryRun = (body: unknown) => call('/config?dryRun=1', { method: 'PUT', body });
      expect(await dryRun(smart())).toMatchObject({ status: 200, body: { valid: true, problems: [] } });
      const bad = await dryRun(smart('nobody/x'));
      expect(bad).toMatchObject({ status: 200, body: { valid: false } });
      expect(problemPaths(bad.body)).toEqual(['models.smart.targets[0]']);
      expect((await call('/config')).body).toMatchObject({ revision: 0 });
    }
  });

  it('changes only from the revision that If-Match names', async () => {
    const { put, call, rollback } = gateway();
    await put(smart(), { 'if-match': '"0"' });
    for (const tag of ['"0"', 'W/"1"', '1', '"2", "3"']) {
      expect(await put(smart('openai/b'), { 'if-match': tag })).toMatchObject({ status: 412, body: { code: 'conflict' } });
      expect((await rollback(undefined, { 'if-match': tag })).status).toBe(412);
    }
    expect((await call('/config')).body).toMatchObject({ revision: 1 });
    expect((await put(smart('openai/b'), { 'if-match': '"9", "1"' })).body).toMatchObject({ revision: 2 });
    expect((await put(smart('openai/c'), { 'if-match': '*' })).body).toMatchObject({ revision: 3 });
  });

  it('lets one of two publications at the same moment through', async () => {
    const { put, call } = gateway();
    const answers = await Promise.all([put(smart('openai/a')), put(smart('openai/b'))]);
    const statuses = answers.map(({ status }) => status).sort();
    expect([
      [200, 200],
      [200, 412],
    ]).toContainEqual(statuses);
    expect((await call('/config')).body).toMatchObject({ revision: statuses.filter((status) => status === 200).length });
  });

  it('goes back to what was served before, and to any revision', async () => {
    const { put, rollback, planSource } = gateway();
    for (const target of ['openai/a', 'openai/b']) await put(smart(target));
    expect(await rollback()).toMatchObject({ status: 200, body: { revision: 1, document: smart('openai/a') } });
    expect(planSource.current().revision).toBe(1);
    expect((await put(smart('openai/c'))).body).toMatchObject({ revision: 3 });
    expect((await rollback()).body).toMatchObject({ revision: 1 });
    expect((await rollback({ revision: 3 })).body).toMatchObject({ revision: 3 });
    expect((await rollback({ revision: 0 })).body).toEqual({ revision: 0, document: bundled });
    expect(planSource.current().models.has('demo')).toBe(true);
    expect(await rollback()).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    expect(await rollback({ revision: 99 })).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect(await rollback({ revison: 1 })).toMatchObject({ status: 400, body: { param: 'revison' } });
    const { results } = await db.prepare('SELECT action, detail FROM audit ORDER BY id').all();
    expect(results.map(({ action, detail }) => `${action} ${detail}`).slice(-3)).toEqual([
      'config.rollback {"from":3,"to":1}',
      'config.rollback {"from":1,"to":3}',
      'config.rollback {"from":3,"to":0}',
    ]);
  });

  it('does not go back to a revision that this deployment cannot serve', async () => {
    const literal = { providers: { openai: { key: { value: 'k' } } } };
    await gateway().put(literal);
    await gateway().put(smart());
    const { rollback, call } = gateway({ planSource: isolate(false) });
    expect(await rollback()).toMatchObject({ status: 422, body: { problems: [{ path: 'providers.openai.key.value' }] } });
    expect((await call('/config')).body).toMatchObject({ revision: 2 });
  });

  it('never shows a literal key, and does not take the redacted form back', async () => {
    const { put, call, rollback } = gateway();
    const literal = { providers: { openai: { key: { value: 'sk-literal' } } } };
    const shown = { providers: { openai: { key: { value: '[redacted]' } } } };
    expect((await put(literal)).body).toEqual({ revision: 1, document: shown });
    expect((await call('/config')).body).toEqual({ revision: 1, document: shown });
    await put(smart());
    expect((await rollback()).body).toEqual({ revision: 1, document: shown });
    const back = await put(shown);
    expect(back).toMatchObject({ status: 422, body: { problems: [{ path: 'providers.openai.key.value' }] } });
    expect(JSON.stringify(back.body)).toContain('redacted form');
  });

  it.each<[string, unknown, object, number, string]>([
    ['no body', undefined, {}, 400, 'invalid_json'],
    ['broken JSON', '{"models":', {}, 400, 'invalid_json'],
    ['a compressed body', '{}', { 'content-encoding': 'gzip' }, 415, 'unsupported_media_type'],
    ['more than a mebibyte', `{"$schema":"${'x'.repeat(1024 * 1024)}"}`, {}, 413, 'request_too_large'],
  ])('refuses %s', async (_what, body, headers, status, code) => {
    expect(await gateway().put(body, headers)).toMatchObject({ status, body: { code } });
  });

  it('refuses what is not UTF-8', async () => {
    const { root } = gateway();
    const answer = await root.request('http://gateway/admin/v1/config', {
      method: 'PUT',
      headers: { authorization: `Bearer ${TOKEN}` },
      body: new Uint8Array([0x22, 0xff, 0x22]),
    });
    expect(answer.status).toBe(400);
  });

  it('is read only where no database is bound', async () => {
    const { call, put, rollback } = gateway({ db: undefined });
    expect((await call('/config')).body).toEqual({ revision: 0, document: bundled });
    for (const answer of [await put(smart()), await rollback(), await call('/requests'), await call('/config/revisions')]) {
      expect(answer).toMatchObject({ status: 501, body: { code: 'not_supported' } });
    }
  });

  it('has its schema to read', async () => {
    const answer = await gateway().call('/config/schema');
    expect(answer.headers.get('content-type')).toBe('application/schema+json');
    expect(answer.body).toMatchObject({ title: 'Weir configuration', type: 'object' });
  });

  it('says nothing internal when the database is broken, and the plan stays', async () => {
    const log = vi.fn();
    const { put, call, planSource } = gateway({ log });
    await put(smart());
    await db.prepare('DROP TABLE config_pointer').run();
    const answer = await call('/config');
    expect(answer).toMatchObject({ status: 500, body: { code: 'internal' } });
    expect(JSON.stringify(answer.body)).not.toMatch(/config_pointer|SQLITE|no such table/);
    expect(log).toHaveBeenCalledWith(
      expect.stringContaining('request'),
      expect.objectContaining({ message: expect.stringContaining('config_pointer') }),
    );
    expect((await put(smart('openai/z'))).status).toBe(500);
    await planSource.refresh();
    expect(planSource.current().revision).toBe(1);
  });
});

describe('lists', () => {
  const row = (n: number) => ({
    id: `req_${n}`,
    startedAt: 1_000 * n,
    durationMs: 1,
    route: 'llm',
    status: n % 2 === 0 ? ('complete' as const) : ('failed' as const),
    httpStatus: 200,
    stream: false,
    attempts: 1,
  });

  it('answer pages with a cursor', async () => {
    await insertRecords(db, [1, 2, 3, 4, 5].map(row));
    const { call } = gateway();
    const first = await call('/requests?limit=2');
    expect(first.body).toEqual({ items: [row(5), row(4)], next: expect.any(String) });
    const next = isObject(first.body) ? String(first.body.next) : '';
    expect((await call(`/requests?limit=3&cursor=${encodeURIComponent(next)}`)).body).toEqual({
      items: [row(3), row(2), row(1)],
      next: null,
    });
    expect((await call('/requests')).body).toMatchObject({ next: null });
  });

  it('are narrowed by filters', async () => {
    await insertRecords(db, [1, 2, 3, 4].map(row));
    const { call } = gateway();
    expect((await call('/requests?status=complete&since=3000')).body).toEqual({ items: [row(4)], next: null });
    expect((await call('/requests?until=1970-01-01T00:00:02Z')).body).toEqual({ items: [row(1)], next: null });
  });

  it('have revisions too', async () => {
    const { put, call } = gateway();
    await put(smart());
    await call('/config?note=second%20try', { method: 'PUT', body: smart('openai/b') });
    expect((await call('/config/revisions')).body).toMatchObject({
      items: [
        { revision: 2, note: 'second try', author: 'admin-token', current: true },
        { revision: 1, note: null, current: false },
        { revision: 0, author: 'bundled' },
      ],
      next: null,
    });
  });

  it.each([
    ['limit=0', 'limit'],
    ['limit=501', 'limit'],
    ['limit=x', 'limit'],
    ['cursor=x', 'cursor'],
    ['state=complete', 'state'],
    ['status=done', 'status'],
    ['since=yesterday', 'since'],
  ])('refuse the query %s', async (query, param) => {
    expect(await gateway().call(`/requests?${query}`)).toMatchObject({ status: 400, body: { code: 'invalid_request', param } });
  });

  it('lead to single requests', async () => {
    await insertRecords(db, [row(1)]);
    const { call } = gateway();
    const decision = { model: '', candidates: [], attempts: [] };
    expect((await call('/requests/req_1')).body).toEqual({ ...row(1), decision });
    expect(await call('/requests/req_2')).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });
});
