import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callOf, paths } from '../client.ts';
import { type Row, startTestGateway, type TestGateway } from '../gateway.ts';
import { ask, makeFamily, makeKey } from '../tenants.ts';

// The scripted vendor counts 11 tokens in and one for each word out; a token costs 3 or 15 millionths of a dollar.
const INPUT = 11;
const PRICES = { 'ok/*': { input: 3, output: 15 }, 'fault/*': { input: 3, output: 15 } };
const costOf = (input: number, output: number) => input * 3_000 + output * 15_000;

interface Tenant {
  readonly org: string;
  readonly team: string;
  readonly app: string;
  readonly id: string;
  readonly key: string;
}

interface Group {
  readonly group: { readonly [dimension: string]: unknown };
  readonly calls: number;
  readonly errors: number;
  readonly cost: number;
  readonly tokens: { readonly input: number; readonly output: number };
}

/** A call that is made, and what the vendor's script says that it comes to. */
interface Made {
  readonly tenant: Tenant;
  readonly dialect: 'openai' | 'anthropic';
  readonly model: string;
  readonly served?: string;
  readonly output: number;
  readonly status: Row['status'];
  readonly error?: string;
  readonly run?: string;
  readonly user?: string;
  readonly metadata?: { readonly [name: string]: string };
  readonly stream?: true;
}

let gateway: TestGateway;
let acme: Tenant;
let globex: Tenant;
let calls: readonly Made[];

async function tenant(name: string): Promise<Tenant> {
  const family = await makeFamily(gateway, name);
  return { ...family, ...(await makeKey(gateway, { app: family.app, name: 'k' })) };
}

const words = (count: number) => `up/ok/text?words=${count}`;
const spoken = (who: Tenant, output: number, more: Partial<Made> = {}): Made => ({
  tenant: who,
  dialect: 'openai',
  model: words(output),
  served: words(output),
  output,
  status: 'complete',
  ...more,
});

function send({ tenant: { key }, dialect, model, run, user, metadata, stream }: Made): Promise<Response> {
  const headers: Record<string, string> = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  if (run !== undefined) headers['x-weir-run'] = run;
  if (metadata !== undefined) headers['x-weir-metadata'] = JSON.stringify(metadata);
  const extra = { ...(stream === true ? { stream } : {}), ...(user === undefined ? {} : { user }) };
  return fetch(gateway.url + paths[dialect], { method: 'POST', headers, body: JSON.stringify(callOf(dialect, model, extra)) });
}

beforeAll(async () => {
  gateway = await startTestGateway();
  const { origin } = gateway.upstream;
  const published = await gateway.admin('/config', {
    method: 'PUT',
    body: JSON.stringify({
      providers: {
        up: { like: 'openai', baseUrl: `${origin}/v1`, key: { value: 'k' }, prices: PRICES },
        ant: { like: 'anthropic', baseUrl: origin, key: { value: 'k' }, prices: PRICES },
        unpriced: { baseUrl: `${origin}/v1`, dialects: ['openai-chat'], key: { value: 'k' } },
      },
    }),
  });
  expect(published.status).toBe(200);
  acme = await tenant('acme');
  globex = await tenant('globex');
  const failing = 'up/fault/status?code=500';
  const blue = { team: 'blue', 'cost centre': '7' };
  calls = [
    spoken(acme, 4, { run: 'refactor', user: 'ann', metadata: blue }),
    spoken(acme, 6, { run: 'refactor', user: 'ben', stream: true }),
    spoken(acme, 4, { dialect: 'anthropic', model: 'ant/ok/text?words=4', served: 'ant/ok/text?words=4', run: 'refactor', stream: true }),
    {
      tenant: acme,
      dialect: 'openai',
      model: failing,
      output: 0,
      status: 'failed',
      error: 'upstream_error',
      run: 'refactor',
      metadata: blue,
    },
    spoken(acme, 4, { metadata: { team: 'red' } }),
    spoken(globex, 9, { run: 'refactor', metadata: blue, user: 'ann' }),
    spoken(globex, 9, { run: 'other run/"1"', stream: true }),
    {
      tenant: globex,
      dialect: 'openai',
      model: 'unpriced/ok/text?words=5',
      served: 'unpriced/ok/text?words=5',
      output: 5,
      status: 'complete',
    },
    { tenant: globex, dialect: 'openai', model: 'nobody/knows', output: 0, status: 'failed', error: 'model_not_found' },
  ];
  for (const call of calls) await (await send(call)).arrayBuffer();
  await gateway.rows({}, calls.length);
});
afterAll(() => gateway?.stop());

const items = async <T>(path: string): Promise<readonly T[]> => {
  const { status, body } = await ask(gateway, 'GET', path);
  if (status !== 200) throw new Error(`${path}: ${JSON.stringify(body)}`);
  return body.items as readonly T[];
};
const usage = (query: string) => items<Group>(`/usage?${query}`);

const isPriced = ({ served }: Made) => served !== undefined && !served.startsWith('unpriced');
const inputOf = ({ served }: Made) => (served === undefined ? 0 : INPUT);

/** What the script says that these calls come to. */
function expected(of: readonly Made[]) {
  const sum = (value: (call: Made) => number) => of.reduce((all, call) => all + value(call), 0);
  return {
    calls: of.length,
    errors: of.filter(({ error }) => error !== undefined).length,
    tokens: { input: sum(inputOf), output: sum(({ output }) => output), cacheRead: 0, cacheWrite: 0, reasoning: 0 },
    cost: sum((call) => (isPriced(call) ? costOf(inputOf(call), call.output) : 0)),
    unpriced: of.filter((call) => call.served !== undefined && !isPriced(call)).length,
  };
}

/** The scripted calls, by what each has of a dimension. */
const dimensions: { readonly [name: string]: (call: Made) => unknown } = {
  org: ({ tenant: { org } }) => org,
  team: ({ tenant: { team } }) => team,
  app: ({ tenant: { app } }) => app,
  key: ({ tenant: { id } }) => id,
  user: ({ user = null }) => user,
  run: ({ run = null }) => run,
  route: () => 'llm',
  model: ({ served = null }) => served,
  provider: ({ served }) => served?.split('/')[0] ?? null,
  status: ({ status }) => status,
  error: ({ error = null }) => error,
  'metadata.team': ({ metadata }) => metadata?.team ?? null,
  'metadata.cost centre': ({ metadata }) => metadata?.['cost centre'] ?? null,
};

function groupsOf(of: readonly Made[], names: readonly string[]) {
  const groups = new Map<string, Made[]>();
  for (const call of of) {
    const key = JSON.stringify(Object.fromEntries(names.map((name) => [name, dimensions[name]?.(call)])));
    groups.set(key, [...(groups.get(key) ?? []), call]);
  }
  return [...groups].map(([key, made]) => ({ group: JSON.parse(key), ...expected(made) }));
}

const byGroup = (left: { group: object }, right: { group: object }) => (JSON.stringify(left.group) < JSON.stringify(right.group) ? -1 : 1);

describe('GET /admin/v1/usage', () => {
  it.each(Object.keys(dimensions))('sums by %s what the provider said', async (name) => {
    const found = await usage(`group_by=${encodeURIComponent(name)}`);
    expect([...found].sort(byGroup)).toMatchObject(groupsOf(calls, [name]).sort(byGroup));
    expect(found.map(({ cost }) => cost)).toEqual(found.map(({ cost }) => cost).sort((left, right) => right - left));
  });

  it('sums by several at once, and by nothing', async () => {
    const names = ['app', 'metadata.team', 'status'];
    expect([...(await usage(`group_by=${names.join(',')}`))].sort(byGroup)).toMatchObject(groupsOf(calls, names).sort(byGroup));
    expect(await usage('')).toMatchObject([{ group: {}, ...expected(calls) }]);
  });

  it('sums by hours, days and months of UTC', async () => {
    for (const [period, length] of [
      ['hour', 13],
      ['day', 10],
      ['month', 7],
    ] as const) {
      const found = await usage(`group_by=${period}`);
      expect(found.reduce((all, each) => all + each.calls, 0)).toBe(calls.length);
      const now = new Date().toISOString().slice(0, length);
      expect(String(found[0]?.group[period]).slice(0, length) <= now).toBe(true);
      expect(found[0]?.group[period]).toMatch(
        { hour: /^\d{4}-\d\d-\d\dT\d\d:00:00Z$/, day: /^\d{4}-\d\d-\d\d$/, month: /^\d{4}-\d\d$/ }[period],
      );
    }
  });

  it('leaves other tenants out, by id and by name', async () => {
    const own = calls.filter((call) => call.tenant === acme);
    for (const filter of [`org=${acme.org}`, 'org=acme', `team=${acme.team}`, 'app=acme', `key=${acme.id}`, 'org=acme&app=acme']) {
      const found = await usage(`group_by=org,key&${filter}`);
      expect(found).toMatchObject([{ group: { org: acme.org, key: acme.id }, ...expected(own) }]);
    }
    expect(await usage('group_by=org&org=nobody')).toEqual([]);
    expect(await usage(`group_by=org&org=globex&app=${acme.app}`)).toEqual([]);
  });

  it('takes every filter of the log together', async () => {
    const found = await usage(`group_by=user&org=acme&run=refactor&status=complete&metadata.team=blue&since=2020-01-01`);
    expect(found).toMatchObject([{ group: { user: 'ann' }, ...expected(calls.slice(0, 1)) }]);
    expect(await usage('group_by=org&until=2020-01-01')).toEqual([]);
  });

  it('gives pages', async () => {
    const all = await usage('group_by=model,user');
    const seen: unknown[] = [];
    for (let cursor = ''; ; ) {
      const { body } = await ask(gateway, 'GET', `/usage?group_by=model,user&limit=2${cursor}`);
      seen.push(...(body.items as unknown[]));
      if (body.next === null || seen.length > all.length) break;
      cursor = `&cursor=${body.next}`;
    }
    expect(seen).toEqual(all);
  });

  it('still finds what was deleted, by its id', async () => {
    const gone = await tenant('gone');
    await (await send(spoken(gone, 2, { run: 'last words' }))).arrayBuffer();
    await gateway.rows({ run: 'last words' });
    expect((await ask(gateway, 'DELETE', `/orgs/${gone.org}`)).status).toBe(200);
    expect(await usage(`group_by=org&org=${gone.org}`)).toMatchObject([{ calls: 1, cost: costOf(INPUT, 2) }]);
    calls = [...calls, spoken(gone, 2, { run: 'last words' })];
  });

  it.each([
    ['group_by=colour', 'group_by'],
    ['group_by=model,model', 'group_by'],
    ['group_by=model,', 'group_by'],
    ['group_by=metadata.', 'group_by'],
    ['group_by=org,team,app,key,user,run', 'group_by'],
    ['metadata.=x', 'metadata.'],
    [`metadata.${encodeURIComponent('a"b')}=x`, 'metadata.a"b'],
    ['limit=501', 'limit'],
    ['cursor=x', 'cursor'],
    ['since=yesterday', 'since'],
    ['colour=blue', 'colour'],
  ])('refuses %s', async (query, param) => {
    expect(await ask(gateway, 'GET', `/usage?${query}`)).toMatchObject({ status: 400, body: { code: 'invalid_request', param } });
  });
});

describe('GET /admin/v1/requests', () => {
  it('says of each call who made it, what served it and what it came to', async () => {
    const [row] = await items<Row>('/requests?org=acme&user=ann');
    expect(row).toMatchObject({
      org: acme.org,
      team: acme.team,
      app: acme.app,
      keyId: acme.id,
      user: 'ann',
      run: 'refactor',
      route: 'llm',
      dialect: 'openai-chat',
      askedModel: words(4),
      servedModel: words(4),
      status: 'complete',
      httpStatus: 200,
      attempts: 1,
      usage: { input: INPUT, output: 4 },
      cost: costOf(INPUT, 4),
      durationMs: expect.any(Number),
      firstTokenMs: expect.any(Number),
      metadata: { team: 'blue', 'cost centre': '7' },
    });
  });

  it('is narrowed by whom, what and how, all together', async () => {
    const count = async (query: string) => (await items(`/requests?${query}`)).length;
    const of = (test: (call: Made) => boolean) => calls.filter(test).length;
    expect(await count(`org=${acme.org}`)).toBe(of((call) => call.tenant === acme));
    expect(await count('app=globex')).toBe(of((call) => call.tenant === globex));
    expect(await count('team=globex&status=failed')).toBe(1);
    expect(await count('run=refactor')).toBe(of(({ run }) => run === 'refactor'));
    expect(await count('run=refactor&app=acme')).toBe(4);
    expect(await count('user=ann')).toBe(of(({ user }) => user === 'ann'));
    expect(await count('provider=ant')).toBe(1);
    expect(await count(`model=${encodeURIComponent(words(9))}`)).toBe(2);
    expect(await count('error=model_not_found')).toBe(1);
    expect(await count('metadata.team=blue')).toBe(of(({ metadata }) => metadata?.team === 'blue'));
    expect(await count('metadata.team=blue&metadata.cost%20centre=7&org=globex')).toBe(1);
    expect(await count('metadata.team=green')).toBe(0);
    expect(await count('metadata.team=blue&org=nobody')).toBe(0);
  });

  it('attributes calls to what the operator says of a key, over what its caller says', async () => {
    const { key } = await makeKey(gateway, { app: globex.app, name: 'labelled', metadata: { team: 'green', tier: 'gold' } });
    const labelled = spoken({ ...globex, key }, 1, { run: 'labelled', metadata: { team: 'blue', own: 'x' } });
    await (await send(labelled)).arrayBuffer();
    const [row] = await gateway.rows({ run: 'labelled' });
    expect(row?.metadata).toEqual({ team: 'green', tier: 'gold', own: 'x' });
    calls = [...calls, labelled];
  });
});

describe('a row', () => {
  const postAs = (key: string, body: string, headers: { readonly [name: string]: string }) =>
    fetch(gateway.url + paths.openai, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
      body,
    });

  it('counts the tool calls whose results a call of a key with limits brought, and runs add them up', async () => {
    const limits = [{ unit: 'tool-calls', limit: 40, per: 'run' }];
    const { key } = await makeKey(gateway, { app: globex.app, name: 'limited', limits });
    const call = { type: 'function', function: { name: 'look', arguments: '{}' } };
    const messages = [
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: null, tool_calls: ['a', 'b'].map((id) => ({ ...call, id })) },
      ...['a', 'b'].map((id) => ({ role: 'tool', tool_call_id: id, content: 'seen' })),
    ];
    for (const sent of [messages, messages.slice(0, 1)]) {
      const body = JSON.stringify({ model: words(2), max_tokens: 9, messages: sent });
      expect((await postAs(key, body, { 'x-weir-run': 'with tools' })).status).toBe(200);
    }
    const rows = await gateway.rows({ run: 'with tools' }, 2);
    expect(rows.map((row) => 'toolCalls' in row && row.toolCalls)).toEqual([0, 2]);
    expect((await ask(gateway, 'GET', '/runs/with%20tools')).body.toolCalls).toBe(2);
    calls = [...calls, ...rows.map(() => spoken({ ...globex, key }, 2, { run: 'with tools' }))];
  });

  it('is left by a call whose user is no JSON, too', async () => {
    const answer = await postAs(acme.key, `{"model":"${words(1)}","user":tru,"messages":[]}`, { 'x-weir-run': 'malformed' });
    expect(answer.status).toBeLessThan(500);
    const [row] = await gateway.rows({ run: 'malformed' });
    expect(row).not.toHaveProperty('user');
    expect(row).toMatchObject({ httpStatus: answer.status });
  });

  it('keeps 256 characters of a user, and the name that the header gives before that of the body', async () => {
    const body = JSON.stringify(callOf('openai', words(1), { user: 'u'.repeat(300) }));
    await (await postAs(acme.key, body, { 'x-weir-run': 'by body' })).arrayBuffer();
    await (await postAs(acme.key, body, { 'x-weir-run': 'by header', 'x-weir-user': 'ann' })).arrayBuffer();
    expect((await gateway.rows({ run: 'by body' }))[0]).toMatchObject({ user: 'u'.repeat(256) });
    expect((await gateway.rows({ run: 'by header' }))[0]).toMatchObject({ user: 'ann' });
  });
});

describe('GET /admin/v1/runs', () => {
  interface Run {
    readonly run: string;
    readonly app: string;
    readonly models: readonly string[];
  }

  it('sums the calls of each run of each app, the last one first', async () => {
    const found = await items<Run>('/runs?since=2020-01-01&limit=500');
    const own = (who: Tenant, run: string) => calls.filter((call) => call.tenant.app === who.app && call.run === run);
    const [first, second] = found.filter(({ run }) => run === 'refactor');
    expect(first).toMatchObject({ org: globex.org, app: globex.app, ...expected(own(globex, 'refactor')), models: [words(9)] });
    expect(second).toMatchObject({
      ...expected(own(acme, 'refactor')),
      team: acme.team,
      models: ['ant/ok/text?words=4', words(4), words(6)],
      status: 'failed',
    });
    expect(found.map(({ run }) => run).filter((run) => run === 'other run/"1"')).toHaveLength(1);
    expect((await items<Run>('/runs?app=globex')).every(({ app }) => app === globex.app)).toBe(true);
  });

  it('leads to one run with its calls in their order', async () => {
    const { body } = await ask(gateway, 'GET', '/runs/refactor?app=acme');
    expect(body).toMatchObject({ run: 'refactor', calls: 4, errors: 1 });
    const { items: requests, next } = body.requests as { items: Row[]; next: null };
    expect(requests.map(({ askedModel }) => askedModel)).toEqual(calls.slice(0, 4).map(({ model }) => model));
    expect(next).toBeNull();
    const named = await ask(gateway, 'GET', `/runs/${encodeURIComponent('other run/"1"')}`);
    expect(named).toMatchObject({ status: 200, body: { run: 'other run/"1"', calls: 1 } });
  });

  it('asks which one is meant, and knows what is none', async () => {
    expect(await ask(gateway, 'GET', '/runs/refactor')).toMatchObject({ status: 400, body: { code: 'invalid_request', param: 'app' } });
    expect((await ask(gateway, 'GET', '/runs/nothing')).status).toBe(404);
    expect((await ask(gateway, 'GET', '/runs/refactor?org=nobody')).status).toBe(404);
    expect((await ask(gateway, 'GET', `/runs/${encodeURIComponent('other run/"1"')}?app=acme`)).status).toBe(404);
  });
});
