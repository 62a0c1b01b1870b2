import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callOf, paths } from '../client.ts';
import { startTestGateway, type TestGateway } from '../gateway.ts';
import { ask } from '../tenants.ts';
import { weirAt } from '../weir-command.ts';

// The command as it is installed, against the production bundle: from what another gateway has to calls that work.

const fixtures = path.join(import.meta.dirname, '../import');
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

let gateway: TestGateway;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-import-'));
  gateway = await startTestGateway();
  const up = { like: 'openai', baseUrl: `${gateway.upstream.origin}/v1`, key: { secret: 'UP_KEY' } };
  await ask(gateway, 'PUT', '/config', { providers: { up }, models: { before: 'up/ok/text' } });
});
afterAll(async () => {
  await gateway?.stop();
  await rm(folder, { recursive: true, force: true });
});

const weir = (args: readonly string[], env: { readonly [name: string]: string } = {}) => weirAt(gateway.url, args, env);

/** A fixture with other texts in some places, in a folder of this run. */
async function fixture(name: string, ...replaced: readonly (readonly [string, string])[]): Promise<string> {
  let text = await readFile(path.join(fixtures, name), 'utf8');
  for (const [from, to] of replaced) {
    expect(text).toContain(from);
    text = text.replaceAll(from, to);
  }
  const file = path.join(folder, name);
  await writeFile(file, text);
  return file;
}

/** Everything that an import could have touched. */
async function state() {
  const paths = ['/config', '/audit?limit=500', '/orgs', '/teams', '/apps', '/keys'];
  return Promise.all(paths.map(async (at) => (await ask(gateway, 'GET', at)).body));
}

async function call(key: string, model: string): Promise<number> {
  const response = await fetch(gateway.url + paths.openai, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify(callOf('openai', model)),
  });
  await response.arrayBuffer();
  return response.status;
}

/** The new key in the table that is printed once. */
const newKeyOf = (out: string, old: string): string => {
  const line = out.split('\n').find((each) => each.trim().startsWith(`${old} `) && each.includes('weir_dev_'));
  return /weir_dev_\w+/.exec(line ?? '')?.[0] ?? '';
};

describe('weir import litellm', { timeout: 90_000 }, () => {
  const OLD = 'sk-old-key-of-the-support-bot';
  const HASH = 'b9e1a2b2f3f5e4a0f9b2d52b8a4f2a4d6f4f1b9e0b6a4cb8a1f0e4d3c2b1a001';
  const files = async () => [
    await fixture('config.yaml', ['http://127.0.0.1:9/v1', `${gateway.upstream.origin}/v1`]),
    '--tables',
    await fixture('litellm.json', [HASH, sha256(OLD)]),
  ];

  it('says what it would do, and touches nothing, with --dry-run', async () => {
    const before = await state();
    const { code, out, err } = await weir(['import', 'litellm', ...(await files()), '--dry-run']);
    expect([code, err]).toEqual([0, '']);
    expect(await state()).toEqual(before);
    for (const named of [
      ...[
        'provider azure',
        'provider azure-2',
        'model chat',
        'model gpt-4',
        'AZURE_EU_KEY',
        'ANTHROPIC_API_KEY',
        'org litellm',
        'team core',
      ],
      ...['key support-bot', '[old key goes on working]', 'latency-based-routing', 'num_retries 2', 'budget_duration 14d', '90d'],
      ...['redis_host', 'drop_params', 'callbacks', 'master_key', 'something_new', 'temperature', 'watsonx', 'nowhere', 'house/small'],
      ...['long-gone', '2 members of team core', 'tags of key support-bot', 'aliases of key', "LiteLLM's own pages"],
    ])
      expect(out, named).toContain(named);
    expect(out).not.toMatch(/canary|sk-kept|sk-ant/);
    expect(out).not.toMatch(/weir_dev_/);
  });

  it('takes over the configuration, the tenants and their keys, and old keys go on working within the limits', async () => {
    const { code, out, err } = await weir(['import', 'litellm', ...(await files())]);
    expect([code, err]).toEqual([0, '']);
    const fresh = newKeyOf(out, 'support-bot');
    expect(fresh).toMatch(/^weir_dev_/);
    // Two requests a minute, whichever of the two keys they come with.
    expect([await call(OLD, 'own'), await call(fresh, 'own'), await call(OLD, 'own'), await call(fresh, 'own')]).toEqual([
      200, 200, 429, 429,
    ]);
    expect(await call(`${OLD}x`, 'own')).toBe(401);

    const [key] = (await ask(gateway, 'GET', `/keys?importedHash=${sha256(OLD)}`)).body.items as { readonly [field: string]: unknown }[];
    expect(key).toMatchObject({
      name: 'support-bot',
      models: ['own'],
      limits: [
        { unit: 'usd', limit: 20, window: 'month' },
        { unit: 'requests', limit: 2, window: '1m' },
        { unit: 'concurrent', limit: 4 },
      ],
      metadata: { service: 'support', litellm_user_id: 'ben' },
      expiresAt: Date.parse('2999-01-01T00:00:00Z'),
    });
    const team = (await ask(gateway, 'GET', `/teams/${key?.team}`)).body;
    expect(team).toMatchObject({
      name: 'core',
      models: ['chat', 'own'],
      limits: [
        { unit: 'usd', limit: 100, window: 'week' },
        { unit: 'tokens', limit: 200_000, window: '1m' },
      ],
      metadata: { cost_center: 'CC-12', owners: '["ann","ben"]', litellm_team_id: '5f0c2c0a-7a1e-4d0d-9b8e-000000000001' },
    });
    const { document } = (await ask(gateway, 'GET', '/config')).body as {
      document: { providers: object; models: { readonly [name: string]: unknown } };
    };
    expect(JSON.stringify(document)).not.toMatch(/canary/);
    // What was served before is still there.
    expect(document.providers).toHaveProperty('up');
    expect(document.models.before).toBe('up/ok/text');
    expect(document.models.chat).toMatchObject({
      strategy: 'weighted',
      targets: [
        { model: 'azure/chat-eu', weight: 900 },
        { model: 'azure-2/chat-us', weight: 300 },
        { model: 'anthropic/claude-sonnet-4-5', weight: 0 },
      ],
      retry: { attempts: 3 },
    });
    expect(document.models['gpt-4']).toEqual(document.models.chat);
  });

  it('takes over a key that stood there as it is, in an app of its user with the budget of the user', async () => {
    const kept = 'sk-kept-as-it-was-by-hand-4711';
    const [key] = (await ask(gateway, 'GET', `/keys?importedHash=${sha256(kept)}`)).body.items as { readonly [field: string]: unknown }[];
    expect(key).toMatchObject({
      limits: [
        { unit: 'usd', limit: 5 },
        { unit: 'usd', limit: 6, soft: true },
      ],
    });
    expect((await ask(gateway, 'GET', `/apps/${key?.app}`)).body).toMatchObject({
      name: 'ann',
      models: ['own'],
      limits: [{ unit: 'usd', limit: 5, window: 'day' }],
    });
    expect([await call(kept, 'own'), await call(kept, 'chat')]).toEqual([200, 403]);
  });

  it('changes nothing when it is done again, and leaves alone what somebody has changed', async () => {
    const [key] = (await ask(gateway, 'GET', `/keys?importedHash=${sha256(OLD)}`)).body.items as { readonly [field: string]: unknown }[];
    await ask(gateway, 'PATCH', `/keys/${key?.id}`, { limits: [{ unit: 'requests', limit: 1_000, window: '1m' }], name: 'renamed' });
    const before = await state();
    const again = await weir(['import', 'litellm', ...(await files())]);
    expect([again.code, again.err]).toEqual([0, '']);
    expect(again.out).toMatch(/0 made, \d+ there already/);
    expect(again.out).not.toMatch(/weir_dev_/);
    expect(again.out).toMatch(/key support-bot.*there already, with other limits/);
    expect(await state()).toEqual(before);
  });

  it('ends old keys with the first rotation', async () => {
    const [key] = (await ask(gateway, 'GET', `/keys?importedHash=${sha256(OLD)}`)).body.items as { readonly [field: string]: unknown }[];
    expect(await call(OLD, 'own')).toBe(200);
    await ask(gateway, 'POST', `/keys/${key?.id}/rotate`, { overlap: '0s' });
    expect(await call(OLD, 'own')).toBe(401);
  });

  it.each<[string, readonly string[], number, RegExp]>([
    ['nothing', [], 2, /config\.yaml, --tables/],
    ['a file that is not there', ['/nowhere/config.yaml'], 2, /ENOENT/],
    ['a file that is no YAML', ['<broken>'], 2, /is not YAML/],
    ['a proxy without its key', ['--url', 'http://127.0.0.1:9'], 2, /--key/],
    ['a proxy that is not there', ['--url', 'http://127.0.0.1:9', '--key', 'x'], 1, /LiteLLM was not reached/],
    ['two files', ['a', 'b'], 2, /too much/],
  ])('says what is wrong with %s', async (_what, args, code, message) => {
    const broken = path.join(folder, 'broken.yaml');
    await writeFile(broken, 'model_list: [');
    const ran = await weir(['import', 'litellm', ...args.map((arg) => (arg === '<broken>' ? broken : arg))]);
    expect(ran).toMatchObject({ code, err: expect.stringMatching(message), out: '' });
  });
});

describe('a configuration with literal keys', { timeout: 90_000 }, () => {
  it('is left alone, because they cannot be read back', async () => {
    const { document } = (await ask(gateway, 'GET', '/config')).body as { document: { providers: object } };
    const literal = { like: 'openai', baseUrl: `${gateway.upstream.origin}/v1`, key: { value: 'literal' } };
    await ask(gateway, 'PUT', '/config', { ...document, providers: { ...document.providers, literal } });
    const file = path.join(folder, 'one.yaml');
    await writeFile(file, 'model_list: [{ model_name: another, litellm_params: { model: openai/gpt-4o } }]');
    const ran = await weir(['import', 'litellm', file]);
    expect(ran).toMatchObject({ code: 1, err: expect.stringMatching(/literal keys/) });
    await ask(gateway, 'PUT', '/config', document);
    expect((await weir(['import', 'litellm', file])).code).toBe(0);
  });
});

describe('weir import litellm from a running proxy', { timeout: 90_000 }, () => {
  const MASTER = 'sk-master-of-the-proxy';
  const OLD = 'sk-key-that-the-proxy-made';
  let proxy: Server;
  let url: string;
  const asked: string[] = [];

  beforeAll(async () => {
    const pages: { readonly [path: string]: unknown } = {
      '/key/list?page=1': {
        keys: [
          {
            token: sha256(OLD),
            key_alias: 'from-the-proxy',
            team_id: 'team-1',
            models: [],
            rpm_limit: 3,
            team_spend: 4,
            last_refreshed_at: 1,
          },
        ],
        total_pages: 2,
      },
      // As versions answer that list hashes only.
      '/key/list?page=2': { keys: [sha256(`${OLD}-2`)], total_pages: 2 },
      [`/key/info?key=${sha256(`${OLD}-2`)}`]: { key: 'x', info: { key_alias: 'second', team_id: null, models: ['live'] } },
      '/team/list': [{ team_id: 'team-1', team_alias: 'live-team', max_budget: 7, budget_duration: '1mo' }],
      '/user/list?page=1': { users: [], total_pages: 1 },
      '/model/info': {
        data: [
          {
            model_name: 'live',
            litellm_params: {
              model: 'openai/ok/text',
              api_base: `${gateway.upstream.origin}/v1`,
              api_key: 'sk-masked',
              input_cost_per_token: 1e-6,
              output_cost_per_token: 1e-6,
            },
          },
        ],
      },
    };
    proxy = createServer((request, response) => {
      asked.push(`${request.method} ${request.headers.authorization}`);
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://proxy');
      const page = searchParams.get('page');
      const key = searchParams.get('key');
      const found = pages[pathname + (page === null ? '' : `?page=${page}`) + (key === null ? '' : `?key=${key}`)];
      response.writeHead(found === undefined ? 404 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(found ?? { detail: 'Not Found' }));
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => proxy.once('listening', resolve));
    url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  });
  afterAll(() => void proxy?.close());

  it('reads its keys, teams and models, and says what it could not read', async () => {
    const args = ['import', 'litellm', '--url', url, '--org', 'taken-over'];
    const { code, out, err } = await weir([...args, '--json'], { LITELLM_MASTER_KEY: MASTER });
    expect([code, err]).toEqual([0, '']);
    const { plan, applied } = JSON.parse(out);
    expect(plan.notes).toContainEqual({ kind: 'left', what: 'organizations', why: expect.stringMatching(/404/) });
    expect(applied.keys.map(({ old, stays }: { old: string; stays: boolean }) => [old, stays])).toEqual([
      ['second', true],
      ['from-the-proxy', true],
    ]);
    expect(new Set(asked)).toEqual(new Set([`GET Bearer ${MASTER}`]));
    const up = plan.secrets.map(({ name }: { name: string }) => name);
    expect(up).toHaveLength(1);
    expect(out).not.toContain('sk-masked');
    // A provider at this address came with the configuration above, with a key that a proxy does not tell: it stays.
    expect(applied.kept).toEqual([expect.stringMatching(/^provider openai-127-0-0-1-/)]);
    expect([await call(OLD, 'live'), await call(OLD, 'live'), await call(OLD, 'live'), await call(OLD, 'live')]).toEqual([
      200, 200, 200, 429,
    ]);
    const [team] = (await ask(gateway, 'GET', '/teams?name=live-team')).body.items as { readonly [field: string]: unknown }[];
    expect(team).toMatchObject({ limits: [{ unit: 'usd', limit: 7, window: 'month' }] });
  });
});

describe('weir import portkey', { timeout: 90_000 }, () => {
  const OLD = 'pk-key-that-somebody-wrote-down';
  const files = async () => [
    '--configs',
    [await fixture('pc-main.json'), await fixture('pc-by-model.json')].join(','),
    '--tables',
    await fixture('portkey.json', ['http://127.0.0.1:9/v1', `${gateway.upstream.origin}/v1`], ['WRITTEN-DOWN', OLD]),
  ];

  it('says what it would do, and touches nothing, with --dry-run', async () => {
    const before = await state();
    const { code, out, err } = await weir(['import', 'portkey', ...(await files()), '--dry-run']);
    expect([code, err]).toEqual([0, '']);
    expect(await state()).toEqual(before);
    for (const named of [
      ...[
        'provider main-openai',
        'provider eu-azure',
        'model pc-main',
        'model fast',
        'MAIN_OPENAI_API_KEY',
        'team Research',
        'key notebooks',
      ],
      ...[
        'cache of config pc-main',
        'retry.on_status_codes',
        'override_params.temperature',
        'input_guardrails',
        'rate_limits of virtual key',
      ],
      ...['metadata.plan', 'defaults.config_id', 'key admin-of-all', 'key over', 'replicate'],
    ])
      expect(out, named).toContain(named);
    expect(out).not.toMatch(/sk-in-the-config|weir_dev_/);
  });

  it('takes over configs as virtual models and workspaces as teams, once', async () => {
    const { code, out, err } = await weir(['import', 'portkey', ...(await files())], {});
    expect([code, err]).toEqual([0, '']);
    const { document } = (await ask(gateway, 'GET', '/config')).body as {
      document: { providers: { readonly [id: string]: unknown }; models: { readonly [name: string]: unknown } };
    };
    expect(document.models['pc-main']).toEqual({
      strategy: 'weighted',
      targets: [
        { model: 'main-openai/gpt-4o', weight: 0.75 },
        { model: 'eu-azure/gpt-4o', weight: 0.25 },
        { model: 'anthropic/claude-sonnet-4-5', weight: 0 },
      ],
      retry: { attempts: 4 },
      timeout: { total: 20_000 },
    });
    expect(document.models.fast).toEqual({ strategy: 'failover', targets: ['own-server/ok/text'] });
    expect(document.models['pc-by-model']).toEqual({ strategy: 'failover', targets: ['main-openai/gpt-4o'] });
    expect(document.providers['eu-azure']).toEqual({
      like: 'azure',
      key: { secret: 'EU_AZURE_API_KEY' },
      settings: { resource: 'lab-eu', apiVersion: '2024-10-21' },
    });

    const fresh = newKeyOf(out, 'notebooks');
    const [key] = (await ask(gateway, 'GET', '/keys?name=notebooks')).body.items as { readonly [field: string]: unknown }[];
    expect(key).toMatchObject({
      limits: [
        { unit: 'usd', limit: 10, window: 'month', alertAt: [0.8] },
        { unit: 'requests', limit: 2, window: '1m' },
      ],
      metadata: { environment: 'development' },
    });
    expect((await ask(gateway, 'GET', `/teams/${key?.team}`)).body).toMatchObject({
      name: 'Research',
      limits: [{ unit: 'tokens', limit: 5_000_000, window: 'week' }],
    });
    // The provider's key is not set here: a call gets as far as that, and counts.
    expect([await call(fresh, 'fast'), await call(OLD, 'fast')]).toEqual([403, 503]);
    const before = await state();
    const again = await weir(['import', 'portkey', ...(await files())]);
    expect(again).toMatchObject({ code: 0, out: expect.stringMatching(/0 made, \d+ there already/) });
    expect(await state()).toEqual(before);
  });
});
