import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestGateway, type TestGateway } from '../gateway.ts';
import { ask, make, makeFamily, makeKey } from '../tenants.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway?.stop());

const call = (method: string, path: string, body?: unknown, headers = {}) => ask(gateway, method, path, body, headers);
const problems = (body: { readonly problems?: unknown }) =>
  Array.isArray(body.problems) ? body.problems.map(({ path }) => path).sort() : [];
const idsOf = (body: { readonly items?: unknown }) => (Array.isArray(body.items) ? body.items.map(({ id }) => id) : []);

const LIMITS = [
  { unit: 'usd', limit: 25, window: 'month' },
  { unit: 'tokens', limit: 100000, window: '1m' },
  { unit: 'requests', limit: 60, window: '1m' },
  { unit: 'concurrent', limit: 8 },
  { unit: 'usd', limit: 0.5, per: 'run' },
  { unit: 'tool-calls', limit: 40, per: 'run' },
  { unit: 'tokens', limit: 20000, window: '1d', per: 'user' },
];

describe('organisations, teams, apps and keys', () => {
  it('are there as `dev` from the beginning', async () => {
    for (const plural of ['orgs', 'teams', 'apps', 'keys']) {
      const { body } = await call('GET', `/${plural}`);
      expect(body.items).toContainEqual(expect.objectContaining({ name: 'dev', disabled: false, limits: [] }));
    }
    const made = await makeKey(gateway, { app: 'dev', name: 'first' });
    expect(made.key).toMatch(/^weir_dev_[0-9A-Za-z]{16}_[0-9A-Za-z]{49}$/);
  });

  it('are made with all that they can have, read back, changed, and deleted', async () => {
    const rules = {
      limits: LIMITS,
      models: ['smart', 'up/*'],
      routes: ['llm'],
      ips: ['192.0.2.0/24', '2001:db8::/32'],
      countries: ['DE', 'FR'],
      metadata: { cost: 'c1', level: 1 },
    };
    const org = await call('POST', '/orgs', { name: 'acme', ...rules, countries: ['de', 'FR'] });
    expect(org).toMatchObject({ status: 201, body: { id: expect.stringMatching(/^org_/), name: 'acme', ...rules, disabled: false } });
    expect(org.headers.get('location')).toBe(`/admin/v1/orgs/${org.body.id}`);
    const team = await make(gateway, 'teams', { name: 'red', org: 'acme', ...rules });
    const app = await make(gateway, 'apps', { name: 'bot', team: 'red', ...rules });
    const key = await call('POST', '/keys', { name: 'k', app: 'bot', ...rules, expiresAt: '2999-01-01T00:00:00Z', environment: 'live' });
    expect(key.status).toBe(201);
    const { key: secret, ...shown } = key.body;
    expect(secret).toMatch(/^weir_live_/);
    expect(shown).toMatchObject({
      org: org.body.id,
      team: team.id,
      app: app.id,
      ...rules,
      expiresAt: Date.parse('2999-01-01'),
      environment: 'live',
    });
    expect(String(secret).startsWith(String(shown.prefix).slice(0, -1))).toBe(true);
    // Read back without the key, or anything it could be guessed by.
    const read = await call('GET', `/keys/${shown.id}`);
    expect(read.body).toEqual(shown);
    expect(JSON.stringify((await call('GET', '/keys?limit=500')).body)).not.toMatch(/digest|pepper/);

    const changed = await call('PATCH', `/keys/${shown.id}`, { name: 'k2', models: null, limits: [], expiresAt: null, disabled: true });
    expect(changed).toMatchObject({
      status: 200,
      body: { name: 'k2', models: null, limits: [], expiresAt: null, disabled: true, routes: ['llm'] },
    });
    expect(await call('DELETE', `/keys/${shown.id}`)).toMatchObject({ status: 200, body: { id: shown.id, deleted: true } });
    for (const method of ['GET', 'DELETE'] as const) expect((await call(method, `/keys/${shown.id}`)).status).toBe(404);
    expect((await call('PATCH', `/keys/${shown.id}`, { disabled: false })).status).toBe(404);
    expect((await call('POST', `/keys/${shown.id}/rotate`)).status).toBe(404);
    expect(idsOf((await call('GET', '/keys?app=bot')).body)).toEqual([]);
    expect(idsOf((await call('GET', '/keys?app=bot&deleted=true')).body)).toEqual([shown.id]);
    expect((await call('GET', `/keys/${shown.id}?deleted=true`)).body).toMatchObject({ deletedAt: expect.any(Number) });
  });

  it('are named by id, or by a name as far as it is one', async () => {
    const one = await makeFamily(gateway, 'alpha');
    const two = await makeFamily(gateway, 'beta');
    const shared = [
      await make(gateway, 'teams', { org: 'alpha', name: 'core' }),
      await make(gateway, 'teams', { org: two.org, name: 'core' }),
    ];
    const unsure = await call('POST', '/apps', { team: 'core', name: 'x' });
    expect(unsure).toMatchObject({ status: 400, body: { code: 'invalid_request', problems: [{ path: 'team' }] } });
    expect(await make(gateway, 'apps', { team: 'core', org: 'beta', name: 'x' })).toMatchObject({ org: two.org, team: shared[1]?.id });
    expect(await make(gateway, 'apps', { team: shared[0]?.id, name: 'x' })).toMatchObject({ org: one.org });
    // Another's: not there, though the id is right.
    expect(await call('POST', '/apps', { team: shared[0]?.id, org: 'beta', name: 'y' })).toMatchObject({
      status: 400,
      body: { problems: [{ path: 'team' }] },
    });
    expect(await call('POST', '/keys', { app: 'nobody', name: 'y' })).toMatchObject({ status: 400, body: { problems: [{ path: 'app' }] } });
    expect(await make(gateway, 'keys', { app: 'x', team: 'core', org: 'alpha', name: 'k' })).toMatchObject({
      org: one.org,
      team: shared[0]?.id,
    });
    expect(await call('POST', '/orgs', { name: 'alpha' })).toMatchObject({ status: 409, body: { code: 'already_exists' } });
    expect((await call('PATCH', `/orgs/${two.org}`, { name: 'alpha' })).status).toBe(409);
  });

  it('are listed newest first, page by page, by whose they are, by name, and by what they are', async () => {
    const { org, team, app } = await makeFamily(gateway, 'pages');
    const keys: string[] = [];
    for (const name of ['a1', 'a2', 'b1', 'a3']) keys.push((await makeKey(gateway, { app, name })).id);
    await call('PATCH', `/keys/${keys[0]}`, { disabled: true });
    const listed = async (query: string) => idsOf((await call('GET', `/keys?${query}`)).body);
    for (const query of [`org=${org}`, 'org=pages', `team=${team}`, `app=${app}`, 'app=pages&org=pages']) {
      expect(await listed(query), query).toEqual(keys.toReversed());
    }
    expect(await listed('org=pages&name=a')).toEqual([keys[3], keys[1], keys[0]]);
    expect(await listed('org=pages&disabled=true')).toEqual([keys[0]]);
    expect(await listed('org=pages&disabled=false&name=a')).toEqual([keys[3], keys[1]]);
    expect(await listed('org=nobody')).toEqual([]);
    const first = await call('GET', '/keys?org=pages&limit=3');
    expect(first.body.next).toEqual(expect.any(String));
    const second = await call('GET', `/keys?org=pages&limit=3&cursor=${first.body.next}`);
    expect([...idsOf(first.body), ...idsOf(second.body)]).toEqual(keys.toReversed());
    expect(second.body.next).toBeNull();
    expect(await call('GET', '/keys?cursor=x')).toMatchObject({ status: 400, body: { param: 'cursor' } });
    expect(await call('GET', '/keys?limit=0&wat=1')).toMatchObject({ status: 400 });
  });

  it('are changed by If-Match from the version that it names alone', async () => {
    const { org } = await makeFamily(gateway, 'tags');
    const etag = (await call('GET', `/orgs/${org}`)).headers.get('etag') ?? '';
    const next = await call('PATCH', `/orgs/${org}`, { metadata: { a: 1 } }, { 'if-match': etag });
    expect(next.status).toBe(200);
    expect(next.headers.get('etag')).not.toBe(etag);
    for (const [method, body] of [['PATCH', { metadata: {} }], ['DELETE']] as const) {
      expect(await call(method, `/orgs/${org}`, body, { 'if-match': etag })).toMatchObject({ status: 412, body: { code: 'conflict' } });
    }
    // Without it, changes at the same moment are all made.
    const all = await Promise.all(
      [1, 2, 3].map((each) => call('PATCH', `/orgs/${org}`, each === 1 ? { disabled: true } : { metadata: { each } })),
    );
    expect(all.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await call('GET', `/orgs/${org}`)).body.disabled).toBe(true);
  });

  it('end with what they belong to', async () => {
    const { org, team, app } = await makeFamily(gateway, 'ends');
    const { id } = await makeKey(gateway, { app, name: 'k' });
    await call('DELETE', `/orgs/${org}`);
    for (const path of [`/teams/${team}`, `/apps/${app}`, `/keys/${id}`]) expect((await call('GET', path)).status).toBe(404);
    await makeFamily(gateway, 'ends');
  });
});

describe('what is not valid', () => {
  it.each<[string, string, unknown, string[]]>([
    ['/orgs', 'POST', {}, ['name']],
    ['/orgs', 'POST', undefined, ['name']],
    ['/orgs', 'POST', [], ['']],
    ['/orgs', 'POST', { name: '', wat: 1 }, ['name', 'wat']],
    ['/orgs', 'POST', { name: 'a\nb', disabled: 'yes' }, ['disabled', 'name']],
    ['/teams', 'POST', { name: 'x' }, ['org']],
    ['/keys', 'POST', { name: 'x', app: 'dev', key: 'weir_live_mine', id: 'key_1' }, ['id', 'key']],
    [
      '/keys',
      'POST',
      { name: 'x', app: 'dev', models: [], ips: ['10.0.0.1/8', 'x'], countries: ['Germany'] },
      ['countries[0]', 'ips[0]', 'ips[1]', 'models'],
    ],
    ['/keys', 'POST', { name: 'x', app: 'dev', expiresAt: 'tomorrow', environment: 'prod' }, ['environment', 'expiresAt']],
    ['/keys', 'POST', { name: 'x', app: 'dev', metadata: { a: { b: 1 } } }, ['metadata.a']],
    ['/keys/key_dev', 'PATCH', { app: 'other', environment: 'live' }, ['app', 'environment']],
    ['/keys/key_dev/rotate', 'POST', { overlap: 'soon' }, ['overlap']],
    ['/keys/key_dev/rotate', 'POST', { overlap: '31d' }, ['overlap']],
  ])('%s %s %j is refused by the path of every fault', async (path, method, body, expected) => {
    const answer = await call(method, path, body);
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    expect(problems(answer.body)).toEqual(expected);
  });

  it.each<[unknown, string]>([
    [{ unit: 'usd', limit: -1 }, 'limits[0].limit'],
    [{ unit: 'eur', limit: 1 }, 'limits[0].unit'],
    [{ unit: 'requests', limit: 1.5 }, 'limits[0]'],
    [{ unit: 'requests', limit: 1, window: 'fortnight' }, 'limits[0]'],
    [{ unit: 'concurrent', limit: 1, window: '1m' }, 'limits[0]'],
    [{ unit: 'usd', limit: 1, window: '1m' }, 'limits[0]'],
    [{ unit: 'usd', limit: '1' }, 'limits[0].limit'],
    [{ unit: 'usd', limit: 1, windw: 'month' }, 'limits[0].windw'],
    [{ unit: 'usd', limit: 1e300 }, 'limits[0]'],
  ])('the limit %j is refused', async (limit, path) => {
    const answer = await call('POST', '/keys', { app: 'dev', name: 'x', limits: [limit] });
    expect(answer.status).toBe(400);
    expect(problems(answer.body)).toEqual([path]);
  });
});

it('does not lose a poisoned name in silence', async () => {
  const body = '{"app":"dev","name":"x","metadata":{"__proto__":"y"}}';
  const answer = await gateway.admin('/keys', { method: 'POST', body });
  expect(answer.status).toBe(400);
  expect(problems((await answer.json()) as object)).toEqual(['metadata.__proto__']);
});

describe('the audit', () => {
  it('has one row for every write, before which nothing was written, and is read by filters', async () => {
    const since = Date.now();
    const { org, app } = await makeFamily(gateway, 'audited');
    const { id } = await makeKey(gateway, { app, name: 'k' });
    await call('PATCH', `/keys/${id}`, { disabled: true });
    await call('POST', `/keys/${id}/rotate`, {});
    await call('DELETE', `/keys/${id}`);
    const of = async (query: string) =>
      (await call('GET', `/audit?${query}`)).body.items as { action: string; detail: object; at: number }[];
    const own = await of(`subject=${id}`);
    expect(own.map(({ action }) => action)).toEqual(['key.delete', 'key.rotate', 'key.change', 'key.create']);
    expect(own[2]).toMatchObject({ actor: 'admin-token', org, detail: { from: { disabled: false }, to: { disabled: true } } });
    expect(await of(`org=${org}&action=key`)).toHaveLength(4);
    expect((await of(`org=${org}`)).map(({ action }) => action)).toEqual([
      ...own.map(({ action }) => action),
      'app.create',
      'team.create',
      'org.create',
    ]);
    expect((await of('action=config.publish')).length).toBeGreaterThan(0);
    expect(await of(`since=${since}&until=${since}`)).toEqual([]);
    const paged = await call('GET', `/audit?org=${org}&limit=4`);
    const rest = await call('GET', `/audit?org=${org}&limit=4&cursor=${paged.body.next}`);
    expect([...idsOf(paged.body), ...idsOf(rest.body)]).toHaveLength(7);
  });
});

describe('the OpenAPI document', () => {
  const documented = async () => (await call('GET', '/openapi.json')).body as unknown as Document;
  interface Operation {
    readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: object }[];
    readonly requestBody?: { readonly content: { readonly [type: string]: { readonly schema: object } } };
    readonly responses: { readonly [status: string]: { readonly content?: { readonly [type: string]: { readonly schema: object } } } };
    readonly operationId: string;
  }
  interface Document {
    readonly openapi: string;
    readonly paths: { readonly [path: string]: { readonly [method: string]: Operation } };
  }
  const schemaIn = (operation: Operation | undefined, status: number) =>
    operation?.responses[status]?.content?.['application/json']?.schema ?? {};

  it('describes what is answered and what is taken', async () => {
    const document = await documented();
    expect(document.openapi).toBe('3.1.0');
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
    for (const operation of operations) {
      for (const { content } of [
        ...Object.values(operation.responses),
        ...(operation.requestBody === undefined ? [] : [operation.requestBody]),
      ]) {
        for (const { schema } of Object.values(content ?? {})) if (!('$ref' in schema)) ajv.compile(schema);
      }
    }
    const { app } = await makeFamily(gateway, 'described');
    const create = document.paths['/keys']?.post;
    const body = { app, name: 'k', limits: LIMITS, models: ['m'], metadata: { a: 1 } };
    const takes = ajv.compile(create?.requestBody?.content['application/json']?.schema ?? {});
    expect(takes(body)).toBe(true);
    expect(takes({ ...body, wat: 1 })).toBe(false);
    const made = (await call('POST', '/keys', body)).body;
    const answers = ajv.compile(schemaIn(create, 201));
    expect(answers(made), JSON.stringify(answers.errors)).toBe(true);
    for (const plural of ['orgs', 'teams', 'apps', 'keys']) {
      const lists = ajv.compile(schemaIn(document.paths[`/${plural}`]?.get, 200));
      const listed = (await call('GET', `/${plural}?deleted=true`)).body;
      expect(lists(listed), `${plural} ${JSON.stringify(lists.errors)}`).toBe(true);
    }
    const audit = ajv.compile(schemaIn(document.paths['/audit']?.get, 200));
    expect(audit((await call('GET', '/audit')).body), JSON.stringify(audit.errors)).toBe(true);
    expect(document.paths['/keys']?.get?.parameters?.map(({ name }) => name)).toEqual([
      'limit',
      'cursor',
      'org',
      'team',
      'app',
      'name',
      'disabled',
      'deleted',
      'importedHash',
    ]);
  });
});
