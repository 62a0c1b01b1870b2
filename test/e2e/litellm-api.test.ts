import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callOf, paths } from '../client.ts';
import { ADMIN_TOKEN, KEY, startTestGateway, type TestGateway } from '../gateway.ts';
import { ask } from '../tenants.ts';

// What programs send to LiteLLM's management API, as its documentation shows it.

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
  // A budget needs a price.
  const up = {
    like: 'openai',
    baseUrl: `${gateway.upstream.origin}/v1`,
    key: { secret: 'UP_KEY' },
    prices: { '*': { input: 1, output: 1 } },
  };
  const models = { 'gpt-4': 'up/ok/text', 'claude-2': 'up/ok/text' };
  const published = await ask(gateway, 'PUT', '/config', { providers: { up }, models });
  expect(published.status, JSON.stringify(published.body)).toBe(200);
});
afterAll(() => gateway?.stop());

interface Answer {
  readonly status: number;
  readonly body: { readonly [field: string]: unknown };
}

async function send(path: string, init: RequestInit, token: string | null): Promise<Answer> {
  const headers = { 'content-type': 'application/json', ...(token === null ? {} : { authorization: `Bearer ${token}` }) };
  const response = await fetch(gateway.url + path, { ...init, headers });
  return { status: response.status, body: (await response.json()) as Answer['body'] };
}
const post = (path: string, body: object, token: string | null = ADMIN_TOKEN) =>
  send(path, { method: 'POST', body: JSON.stringify(body) }, token);
const get = (path: string, token: string | null = ADMIN_TOKEN) => send(path, {}, token);

/** A key, and fails where it was not made. */
async function generate(body: object): Promise<Answer['body'] & { readonly key: string; readonly token: string }> {
  const made = await post('/key/generate', body);
  expect(made, JSON.stringify(made.body)).toMatchObject({ status: 200 });
  return { ...made.body, key: String(made.body.key), token: String(made.body.token) };
}

const infoOf = async (key: string) => (await get(`/key/info?key=${encodeURIComponent(key)}`)).body.info as Answer['body'];

async function call(key: string, model = 'gpt-4'): Promise<number> {
  const response = await fetch(gateway.url + paths.openai, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify(callOf('openai', model)),
  });
  await response.arrayBuffer();
  return response.status;
}

describe('/key/generate', () => {
  it('makes a key that works, for the models that it lists, and says so as LiteLLM does', async () => {
    const made = await generate({
      models: ['gpt-3.5-turbo', 'gpt-4'],
      duration: '20m',
      metadata: { user: 'someone@example.com' },
      max_budget: 10,
      soft_budget: 8,
      budget_duration: '30d',
      tpm_limit: 100_000,
      rpm_limit: 1_000,
      max_parallel_requests: 8,
      // As clients send it that fill in every field.
      aliases: {},
      config: {},
      permissions: {},
      spend: 0,
      team_id: null,
      guardrails: [],
      key_type: 'default',
    });
    expect(made).toMatchObject({
      key: expect.stringMatching(/^weir_dev_/),
      key_name: expect.stringMatching(/^weir_dev_/),
      token: expect.stringMatching(/^key_/),
      key_alias: null,
      spend: 0,
      models: ['gpt-3.5-turbo', 'gpt-4'],
      metadata: { user: 'someone@example.com' },
      max_budget: 10,
      soft_budget: 8,
      budget_duration: '30d',
      tpm_limit: 100_000,
      rpm_limit: 1_000,
      max_parallel_requests: 8,
      team_id: null,
      user_id: null,
      blocked: false,
      warnings: [expect.stringMatching(/month/)],
    });
    const end = Date.parse(String(made.expires)) - Date.now();
    expect(end).toBeGreaterThan(19 * 60_000);
    expect(end).toBeLessThanOrEqual(20 * 60_000);
    expect([await call(made.key), await call(made.key, 'claude-2')]).toEqual([200, 403]);
    const own = await ask(gateway, 'GET', `/keys/${made.token}`);
    expect(own.body.limits).toEqual([
      { unit: 'usd', limit: 10, window: 'month' },
      { unit: 'usd', limit: 8, window: 'month', soft: true },
      { unit: 'tokens', limit: 100_000, window: '1m' },
      { unit: 'requests', limit: 1_000, window: '1m' },
      { unit: 'concurrent', limit: 8 },
    ]);
    const audit = await ask(gateway, 'GET', `/audit?subject=${made.token}`);
    expect(audit.body.items).toMatchObject([{ action: 'key.create' }]);
  });

  it('makes the key that is asked for, beside no other', async () => {
    const asked = 'sk-chosen-by-somebody-4711';
    const made = await generate({ key: asked, key_alias: 'chosen' });
    expect(made.key).toBe(asked);
    expect(JSON.stringify(made)).not.toMatch(/weir_dev_\w{16}_\w{49}/);
    expect([await call(asked), await call(`${asked}x`)]).toEqual([200, 401]);
    expect(await infoOf(asked)).toMatchObject({ key_alias: 'chosen', token: made.token });
    expect((await post('/key/generate', { key: asked })).status).toBe(409);
    expect((await post('/key/generate', { key: 'sk-1234' })).body).toMatchObject({ error: { param: 'key', code: '400' } });
  });

  it('holds the limits', async () => {
    const { key } = await generate({ rpm_limit: 2 });
    expect([await call(key), await call(key), await call(key)]).toEqual([200, 200, 429]);
  });

  it.each<[object, string, RegExp]>([
    [{ guardrails: ['pii'], tags: ['a'], spend: 3 }, 'guardrails', /guardrails: .*; tags: .*; spend: /],
    [{ model_max_budget: { 'gpt-4': { budget_limit: 0.0005, time_period: '30d' } } }, 'model_max_budget', /per: model/],
    [{ aliases: { 'gpt-3.5-turbo': 'my-free-tier' } }, 'aliases', /virtual model/],
    [{ max_budget: 1, budget_duration: '90d' }, 'budget_duration', /"90d".*30d/],
    [{ budget_duration: '30d' }, 'budget_duration', /max_budget/],
    [{ duration: 'soon' }, 'duration', /30d/],
    [{ key_type: 'management' }, 'key_type', /llm_api/],
    [{ team_id: 'nobody' }, 'team_id', /nobody/],
    [{ organization_id: 'nobody' }, 'organization_id', /nobody/],
    [{ rpm_limit: 1.5 }, 'rpm_limit', /whole/],
    [{ max_budget: 'much' }, 'max_budget', /./],
    [{ models: ['no-default-models'] }, 'models', /block/],
    [{ something_new: true }, 'something_new', /no counterpart/],
  ])('refuses what it cannot keep, by name: %j', async (body, param, message) => {
    const { status, body: answer } = await post('/key/generate', body);
    expect(status).toBe(400);
    expect(answer).toMatchObject({
      error: { type: 'bad_request_error', param, code: '400', message: expect.stringMatching(message) },
    });
  });

  it('gives no alias twice', async () => {
    await generate({ key_alias: 'only-one' });
    expect((await post('/key/generate', { key_alias: 'only-one' })).body).toMatchObject({ error: { param: 'key_alias' } });
  });
});

describe('who may', () => {
  it.each([
    ['nobody', null, 401],
    ['a key of the gateway', KEY, 403],
    ['somebody with another token', 'sk-1234', 401],
  ])('is not %s', async (_who, token, status) => {
    const answer = await post('/key/generate', {}, token);
    expect(answer).toMatchObject({ status, body: { error: { type: 'auth_error', code: String(status) } } });
    expect((await get('/team/info?team_id=x', token)).status).toBe(status);
  });
});

describe('a key', () => {
  it('is found by itself and by its token, and told what it has spent', async () => {
    const { key, token } = await generate({ key_alias: 'looked-at', max_budget: 5 });
    await call(key);
    for (const handle of [key, token])
      expect(await infoOf(handle)).toMatchObject({ token, key_alias: 'looked-at', max_budget: 5, budget_duration: null });
    expect((await infoOf(key)).spend).toBeGreaterThan(0);
    const free = await generate({ key_alias: 'without a budget' });
    await call(free.key);
    await expect.poll(async () => (await infoOf(free.key)).spend, { timeout: 15_000 }).toBeGreaterThan(0);
    expect(await get('/key/info?key=sk-nobody')).toMatchObject({ status: 404, body: { error: { type: 'not_found_error' } } });
    expect((await get('/key/info')).status).toBe(400);
  });

  it('is updated in what is given, and keeps the rest', async () => {
    const { key, token } = await generate({ key_alias: 'changing', max_budget: 10, budget_duration: '1d', rpm_limit: 5, duration: '1h' });
    const of = { unit: 'requests', limit: 3, window: '1h', per: 'user' };
    const { limits } = (await ask(gateway, 'GET', `/keys/${token}`)).body;
    await ask(gateway, 'PATCH', `/keys/${token}`, { limits: [...(limits as object[]), of] });

    const updated = await post('/key/update', { key, models: ['gpt-4'], metadata: { user: 'other@example.com' }, max_budget: 20 });
    expect(updated.body).toMatchObject({
      key,
      models: ['gpt-4'],
      metadata: { user: 'other@example.com' },
      max_budget: 20,
      budget_duration: '1d',
      rpm_limit: 5,
    });
    expect(updated.body.weir_limits).toEqual([of]);
    expect((await post('/key/update', { key_alias: 'changing', max_budget: null })).body).toMatchObject({
      max_budget: null,
      budget_duration: null,
      rpm_limit: 5,
    });
    expect((await post('/key/update', { key, duration: '-1' })).body).toMatchObject({ expires: null });
    expect((await post('/key/update', { key, key_alias: 'renamed' })).body).toMatchObject({ key_alias: 'renamed' });
    expect((await post('/key/update', { key, team_id: 'other' })).body).toMatchObject({ error: { param: 'team_id' } });
    expect((await post('/key/update', { key, enforced_params: ['user'] })).body).toMatchObject({ error: { param: 'enforced_params' } });
    expect((await post('/key/update', { max_budget: 1 })).status).toBe(400);
  });

  it('is blocked, let through again, and deleted', async () => {
    const { key, token } = await generate({ key_alias: 'ending' });
    expect(await call(key)).toBe(200);
    expect((await post('/key/block', { key })).body).toMatchObject({ token, blocked: true });
    expect(await call(key)).toBe(401);
    expect((await post('/key/unblock', { key: token })).body).toMatchObject({ blocked: false });
    expect(await call(key)).toBe(200);
    const nobody = await post('/key/delete', { keys: [key, 'sk-nobody'] });
    expect([nobody.status, await call(key)]).toEqual([404, 200]);
    expect((await post('/key/delete', { keys: [key] })).body).toEqual({ deleted_keys: [key] });
    expect([await call(key), (await get(`/key/info?key=${key}`)).status]).toEqual([401, 404]);
    const other = await generate({ key_alias: 'ending' });
    expect((await post('/key/delete', { key_aliases: ['ending'] })).body).toEqual({ deleted_keys: ['ending'] });
    expect(await call(other.key)).toBe(401);
  });

  it('that was taken over from LiteLLM is found by its hash', async () => {
    const old = 'sk-taken-over-from-litellm';
    const importedHash = createHash('sha256').update(old).digest('hex');
    const made = await ask(gateway, 'POST', '/keys', { app: 'dev', name: 'taken over', importedHash });
    expect(made.status).toBe(201);
    expect(await infoOf(importedHash)).toMatchObject({ token: made.body.id });
    expect(await call(old)).toBe(200);
    await post('/key/block', { key: importedHash });
    expect(await call(old)).toBe(401);
  });
});

describe('a team', () => {
  it('is made with its budget, and its keys are held to it', async () => {
    const made = await post('/team/new', {
      team_alias: 'QA Prod Bot',
      team_id: 'core-infra',
      max_budget: 0.000000001,
      budget_duration: '1d',
      metadata: { department: 'Engineering' },
    });
    expect(made).toMatchObject({
      status: 200,
      body: { team_alias: 'QA Prod Bot', team_id: 'core-infra', max_budget: 0.000000001, budget_duration: '1d', blocked: false, spend: 0 },
    });
    const key = await generate({ team_id: 'core-infra', user_id: 'ann' });
    expect(key).toMatchObject({ team_id: 'core-infra', user_id: 'ann', metadata: {} });
    const info = await get('/team/info?team_id=core-infra');
    expect(info.body).toMatchObject({
      team_id: 'core-infra',
      team_info: { team_alias: 'QA Prod Bot', metadata: { department: 'Engineering' } },
      keys: [{ token: key.token, team_id: 'core-infra' }],
      team_memberships: [],
    });
    expect((await post('/team/new', { team_alias: 'again', team_id: 'core-infra' })).body).toMatchObject({ error: { param: 'team_id' } });
    expect(await get('/team/info?team_id=nobody')).toMatchObject({ status: 404 });
    const members = { team_alias: 'x', members_with_roles: [{ role: 'admin', user_id: '5c4a0aa3' }] };
    expect((await post('/team/new', members)).body).toMatchObject({
      error: { param: 'members_with_roles', message: expect.stringMatching(/no members/) },
    });
  });

  it('may be one that the admin API made', async () => {
    const org = await ask(gateway, 'POST', '/orgs', { name: 'acme' });
    const team = await ask(gateway, 'POST', '/teams', { name: 'red', org: org.body.id });
    for (const team_id of [String(team.body.id), 'red']) {
      expect(await generate({ team_id })).toMatchObject({ team_id: team.body.id, organization_id: org.body.id });
    }
    expect(await generate({ organization_id: 'acme' })).toMatchObject({ organization_id: org.body.id, team_id: null });
  });

  it('is the same for keys that come at once', async () => {
    const made = await Promise.all(Array.from({ length: 6 }, () => generate({ user_id: 'at-once' })));
    const apps = await Promise.all(made.map(async ({ token }) => (await ask(gateway, 'GET', `/keys/${token}`)).body.app));
    expect(new Set(apps).size).toBe(1);
  });
});
