import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decision as decisionShape, explanation } from '../../src/admin/explanation.ts';
import { callOf, parseEvents, post, streamed } from '../client.ts';
import { KEY, startTestGateway, type TestGateway } from '../gateway.ts';
import { ask, make, makeKey } from '../tenants.ts';

const EXPLAIN = { 'x-weir-explain': '1' };
const PRICES = { '*': { input: 3, output: 15 } };

let gateway: TestGateway;
const keys: Record<string, { readonly id: string; readonly key: string }> = {};

beforeAll(async () => {
  gateway = await startTestGateway();
  const { origin } = gateway.upstream;
  const openai = { like: 'openai', baseUrl: `${origin}/v1`, prices: PRICES };
  const published = await gateway.admin('/config', {
    method: 'PUT',
    body: JSON.stringify({
      providers: {
        up: { ...openai, key: { secret: 'UP_KEY' } },
        us: { ...openai, key: { value: 'k' }, region: 'us' },
        eu: { ...openai, key: { value: 'k' }, region: 'eu-west-1' },
        ant: { like: 'anthropic', baseUrl: origin, key: { value: 'k' }, prices: PRICES },
        closed: { like: 'openai', baseUrl: `http://127.0.0.1:${gateway.closedPort}/v1`, key: { value: 'k' } },
        bare: { like: 'openai', baseUrl: `${origin}/v1`, key: { secret: 'NOT_SET' } },
        many: { ...openai, keys: [{ value: 'first-of-many' }, { value: 'second-of-many' }] },
      },
      models: {
        second: { targets: ['up/fault/status?code=500&id=first', 'up/ok/text?words=3'], retry: { attempts: 1 } },
        down: { targets: ['up/fault/status?code=500&id=down', 'up/fault/status?code=503&id=down'], retry: { attempts: 1 } },
        local: { targets: ['us/ok/text?id=local', 'eu/ok/text?id=local'], require: { regions: ['eu'] } },
        nowhere: { targets: ['us/ok/text?id=nowhere', 'up/ok/text?id=nowhere'], require: { regions: ['eu'] } },
        inner: { targets: ['eu/ok/text?words=2&id=inner', 'up/ok/text?id=inner'] },
        outer: { targets: [{ model: 'up/fault/status?code=500&id=outer', name: 'lame' }, 'inner'], retry: { attempts: 1 } },
        breaking: {
          targets: ['up/fault/status?code=500&id=breaking', 'up/ok/text?id=breaking'],
          retry: { attempts: 1 },
          breaker: { failures: 2, cooldown: 60_000 },
        },
        vectors: { targets: ['closed/first', 'closed/second'], retry: { attempts: 1 } },
        drawn: { strategy: 'weighted', targets: ['up/ok/text?id=drawn1', 'eu/ok/text?id=drawn2'] },
        sticky: { strategy: 'weighted', targets: ['up/ok/text?id=sticky1', 'eu/ok/text?id=sticky2'], affinity: { by: 'session' } },
        translated: { targets: ['ant/ok/text?id=translated', 'bare/ok/text', 'up/ok/text?id=translated'] },
        hedged: { targets: ['up/ok/text?id=h1', 'eu/ok/text?id=h2'], hedge: { after: 1_500 } },
        measured: { targets: ['up/ok/text?id=h3', 'eu/ok/text?id=h4'], hedge: { after: 'p95' } },
        lonely: { targets: ['up/ok/text?id=h5'], hedge: { after: 10 } },
        copied: { targets: ['up/ok/text?id=m1'], mirror: { to: 'eu/ok/text?id=m2', share: 0.5, budget: 1 } },
        unpriced: { targets: ['up/ok/text?id=m3'], mirror: { to: 'closed/first', share: 1, budget: 1 } },
        'slow-to-begin': { targets: ['up/fault/status?code=500&id=slow', 'up/fault/late?ms=2500&id=slow'], retry: { attempts: 1 } },
      },
      limits: { ping: 1_000 },
    }),
  });
  expect(published.status, await published.text()).toBe(200);
  const org = await make(gateway, 'orgs', { name: 'acme' });
  const team = await make(gateway, 'teams', { name: 'red', org: org.id });
  const app = await make(gateway, 'apps', { name: 'bot', team: team.id });
  keys.acme = await makeKey(gateway, {
    app: app.id,
    name: 'limited',
    models: ['second', 'up/*'],
    limits: [
      { unit: 'requests', limit: 5, window: '1m' },
      { unit: 'usd', limit: 0.000_001, window: 'month', per: 'user' },
    ],
  });
  await make(gateway, 'orgs', { name: 'other' });
});
afterAll(() => gateway?.stop());

// biome-ignore lint/suspicious/noExplicitAny: decisions are looked into as they came.
const headerOf = (headers: Headers): any => {
  const text = headers.get('x-weir-decision') ?? '';
  expect(text).toMatch(/^[\x20-\x7e]{2,4096}$/);
  return decisionShape.parse(JSON.parse(text));
};

// biome-ignore lint/suspicious/noExplicitAny: likewise.
const loggedOf = async (headers: Headers): Promise<any> => {
  const row = await gateway.row(headers.get('x-weir-request-id'));
  expect(row).toHaveProperty('decision');
  expect(row).not.toHaveProperty('facts.decision');
  return decisionShape.parse((row as { readonly decision?: unknown }).decision);
};

const FAILED_OVER = {
  model: 'second',
  strategies: ['second: failover'],
  candidates: [
    { target: 'up/fault/status?code=500&id=first', why: 'number 1 of the list' },
    { target: 'up/ok/text?words=3', why: 'number 2 of the list' },
  ],
  attempts: [
    { target: 'up/fault/status?code=500&id=first', outcome: 'upstream_error', status: 502, at: expect.any(Number), ms: expect.any(Number) },
    { target: 'up/ok/text?words=3', outcome: 'answered', at: expect.any(Number), ms: expect.any(Number) },
  ],
};

describe('whoever asks with x-weir-explain is told how the call found its way', () => {
  it('in the head of an answer, and in the log whether asked or not', async () => {
    const answer = await post(gateway.url, 'openai', 'second', { headers: { ...EXPLAIN, origin: 'https://app.example' } });
    expect(answer.status).toBe(200);
    expect(headerOf(answer.headers)).toEqual(FAILED_OVER);
    expect(answer.headers.get('access-control-expose-headers')).toContain('x-weir-decision');
    expect(await loggedOf(answer.headers)).toEqual(headerOf(answer.headers));
    const unasked = await post(gateway.url, 'anthropic', 'second');
    expect(unasked.headers.has('x-weir-decision')).toBe(false);
    expect(await loggedOf(unasked.headers)).toEqual(FAILED_OVER);
  });

  it('in the head of an error', async () => {
    const answer = await post(gateway.url, 'openai', 'down', { headers: EXPLAIN });
    expect(answer.status).toBe(503);
    const told = headerOf(answer.headers);
    expect(told.attempts).toMatchObject([
      { outcome: 'upstream_error', status: 502 },
      { outcome: 'upstream_overloaded', status: 503 },
    ]);
    expect(await loggedOf(answer.headers)).toEqual(told);
  });

  it('in the head of a stream and behind it', async () => {
    const { headers, bytes } = await streamed(gateway.url, 'openai', 'second', { headers: EXPLAIN });
    expect(headerOf(headers)).toEqual(FAILED_OVER);
    const last = parseEvents(bytes).events.at(-1)?.comment ?? '';
    expect(JSON.parse(last.replace(/^weir /, ''))).toMatchObject({ status: 'complete', attempts: 2, decision: FAILED_OVER });
    const plain = await streamed(gateway.url, 'openai', 'second');
    expect(plain.text).not.toContain('decision');
    expect(plain.headers.has('x-weir-decision')).toBe(false);
  });

  it('in the head of a stream that leaves before anybody has answered: what is known by then', async () => {
    const { headers, bytes } = await streamed(gateway.url, 'openai', 'slow-to-begin', { headers: EXPLAIN });
    expect(headerOf(headers).attempts).toMatchObject([{ outcome: 'upstream_error' }]);
    const last = parseEvents(bytes).events.at(-1)?.comment ?? '';
    expect(JSON.parse(last.replace(/^weir /, '')).decision.attempts).toMatchObject([
      { outcome: 'upstream_error' },
      { outcome: 'answered' },
    ]);
  });

  it('of other operations than chat', async () => {
    const answer = await fetch(`${gateway.url}/v1/embeddings`, {
      method: 'POST',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json', ...EXPLAIN },
      body: JSON.stringify({ model: 'vectors', input: 'x' }),
    });
    expect(headerOf(answer.headers)).toMatchObject({
      model: 'vectors',
      strategies: ['vectors: failover'],
      attempts: [{ target: 'closed/first', outcome: 'upstream_unreachable' }, { target: 'closed/second' }],
    });
    expect(await loggedOf(answer.headers)).toEqual(headerOf(answer.headers));
    expect(await gateway.row(answer.headers.get('x-weir-request-id'))).toMatchObject({ facts: { operation: 'embeddings' } });
  });

  it('of requirements that keep a target from being asked', async () => {
    const answer = await post(gateway.url, 'openai', 'local', { headers: EXPLAIN });
    expect(headerOf(answer.headers).candidates).toEqual([
      { target: 'eu/ok/text?id=local', why: 'number 1 of the list' },
      { target: 'us/ok/text?id=local', out: 'it is in us, and must be in one of eu' },
    ]);
    const refused = await post(gateway.url, 'openai', 'nowhere', { headers: EXPLAIN });
    expect(refused.status).toBe(403);
    expect(headerOf(refused.headers)).toEqual({
      model: 'nowhere',
      strategies: ['nowhere: failover'],
      candidates: [
        { target: 'us/ok/text?id=nowhere', out: 'it is in us, and must be in one of eu' },
        { target: 'up/ok/text?id=nowhere', out: expect.stringMatching(/not known/) },
      ],
      attempts: [],
    });
    expect(await loggedOf(refused.headers)).toEqual(headerOf(refused.headers));
  });

  it('of virtual models within others', async () => {
    const answer = await post(gateway.url, 'openai', 'outer', { headers: EXPLAIN });
    expect(headerOf(answer.headers)).toMatchObject({
      model: 'outer',
      strategies: ['inner: failover', 'outer: failover'],
      models: [{ model: 'inner', why: 'number 2 of the list' }],
      candidates: [
        { target: 'up/fault/status?code=500&id=outer', name: 'lame', why: 'number 1 of the list' },
        { target: 'eu/ok/text?words=2&id=inner', why: 'number 1 of the list' },
        { target: 'up/ok/text?id=inner', why: 'number 2 of the list' },
      ],
      attempts: [{ outcome: 'upstream_error' }, { target: 'eu/ok/text?words=2&id=inner', outcome: 'answered' }],
    });
  });

  it('of targets that are passed over because they have failed lately', async () => {
    for (let call = 0; call < 2; call++) expect((await post(gateway.url, 'openai', 'breaking')).status).toBe(200);
    const answer = await post(gateway.url, 'openai', 'breaking', { headers: EXPLAIN });
    expect(headerOf(answer.headers).attempts).toMatchObject([
      { target: 'up/fault/status?code=500&id=breaking', outcome: 'skipped', why: 'upstream_error' },
      { target: 'up/ok/text?id=breaking', outcome: 'answered' },
    ]);
    const { targets, first } = explanation.parse((await ask(gateway, 'POST', '/explain', { body: callOf('openai', 'breaking') })).body);
    expect(targets[0]?.places).toMatchObject([{ state: 'open', lastError: 'upstream_error', retryAt: expect.any(Number) }]);
    expect(first).toBe('up/ok/text?id=breaking');
  });

  it('of several credentials by their numbers, and never by what they are', async () => {
    const answer = await post(gateway.url, 'openai', 'many/fault/status?code=401', { headers: EXPLAIN });
    expect(headerOf(answer.headers).attempts).toMatchObject([{ credential: '1', outcome: 'upstream_credential' }, { credential: '2' }]);
    expect(answer.headers.get('x-weir-decision')).not.toMatch(/of-many|127\.0\.0\.1/);
  });

  it('of a model that others may not read in a header', async () => {
    const model = `up/ok/text?reply=ü\u{1f600}${'é'.repeat(900)}`;
    const answer = await post(gateway.url, 'openai', model, { headers: EXPLAIN });
    expect(headerOf(answer.headers).model.slice(0, 25)).toBe(model.slice(0, 25));
  });
});

describe('the log', () => {
  it('tells the way of a call of which there was nothing to decide from its row', async () => {
    const answer = await post(gateway.url, 'openai', 'up/ok/text?words=5');
    const id = answer.headers.get('x-weir-request-id');
    expect(await loggedOf(answer.headers)).toEqual({
      model: 'up/ok/text?words=5',
      candidates: [{ target: 'up/ok/text?words=5' }],
      attempts: [{ target: 'up/ok/text?words=5', ms: expect.any(Number), outcome: 'answered' }],
    });
    const { items } = (await ask(gateway, 'GET', '/requests?limit=100')).body as {
      items: { id: string; facts?: object; decision?: object }[];
    };
    expect(items.find((item) => item.id === id)).toBeDefined();
    expect(items.filter(({ facts, decision }) => decision !== undefined || JSON.stringify(facts ?? {}).includes('candidates'))).toEqual([]);
  });

  it('tells of a call that named no model', async () => {
    const answer = await post(gateway.url, 'openai', 'nobody/invented', { headers: EXPLAIN });
    expect(answer.status).toBe(404);
    expect(await loggedOf(answer.headers)).toEqual({ model: 'nobody/invented', candidates: [], attempts: [] });
  });

  it('tells of a failed call to one target alone', async () => {
    const answer = await post(gateway.url, 'openai', 'up/fault/status?code=400&id=alone');
    expect((await loggedOf(answer.headers)).attempts).toMatchObject([{ outcome: 'upstream_rejected', status: 400 }]);
  });
});

describe('POST /admin/v1/explain', () => {
  /** Models that were called after they were asked about. */
  const made: string[] = [];
  const explain = async (body: object) => {
    const answer = await ask(gateway, 'POST', '/explain', body);
    return { status: answer.status, body: answer.body };
  };
  const explained = async (body: object) => {
    const answer = await explain(body);
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
    return explanation.parse(answer.body);
  };

  it.each(['second', 'local', 'outer', 'translated', 'nowhere'])('says what then happens, and asks nobody: %s', async (model) => {
    const before = gateway.upstream.journal.all.length;
    const told = await explained({ body: callOf('openai', model) });
    const answer = await post(gateway.url, 'openai', model, { headers: EXPLAIN });
    const { attempts, ...decided } = headerOf(answer.headers);
    expect({ ...decided, attempts: [] }).toEqual(told.decision);
    expect(told.decision.random).toBeUndefined();
    expect(attempts[0]?.target ?? null).toBe(told.first);
    if (told.refusal !== undefined) expect(told.refusal).toMatchObject({ code: 'model_not_allowed', status: answer.status });
    // All that the vendor has seen, and all that the log has, is of the call that was made.
    expect(gateway.upstream.journal.all.length - before).toBe(attempts.length);
    await gateway.row(answer.headers.get('x-weir-request-id'));
    const { items } = (await ask(gateway, 'GET', '/requests?limit=2')).body as {
      readonly items: readonly { readonly id: string; readonly startedAt: number }[];
    };
    expect(items[0]?.id).toBe(answer.headers.get('x-weir-request-id'));
    made.push(model);
  });

  it('leaves nothing in the log', async () => {
    const rows = await gateway.rows({ model: 'outer' });
    expect(rows.length).toBe(1 + made.filter((model) => model === 'outer').length);
  });

  it('says in which form each target is asked, what is lost, what it costs, and what is in the way', async () => {
    const body = callOf('openai', 'translated', { max_tokens: 100, logit_bias: { 5: 1 } });
    const { targets, ...told } = await explained({ body });
    expect(told).toMatchObject({
      route: 'llm',
      dialect: 'openai-chat',
      operation: 'chat',
      stream: false,
      first: 'ant/ok/text?id=translated',
    });
    expect(targets).toMatchObject([
      { target: 'ant/ok/text?id=translated', dialect: 'anthropic', translated: true, loss: ['logit_bias'], tries: 2, rules: 'translated' },
      { target: 'bare/ok/text', obstacle: { code: 'provider_key_missing', status: 503 } },
      { target: 'up/ok/text?id=translated', dialect: 'openai-chat', translated: false, loss: [] },
    ]);
    const { estimate, most } = targets[2] ?? {};
    expect(estimate).toMatchObject({ output: 100, cost: (estimate?.input ?? 0) * 3_000 + 100 * 15_000 });
    expect(most?.output).toBeGreaterThanOrEqual(100);
    const strict = await explained({ body, headers: { 'x-weir-strict': '1' } });
    expect(strict).toMatchObject({ first: null, refusal: { code: 'translation_loss', status: 400 } });
  });

  it('reads the call as its path says', async () => {
    const messages = await explained({ path: '/v1/messages', body: callOf('anthropic', 'translated') });
    expect(messages.dialect).toBe('anthropic');
    expect(messages.targets.map(({ translated }) => translated)).toEqual([false, undefined, true]);
    const embedded = await explained({ path: '/v1/embeddings', body: { model: 'up/ok/text', input: 'x' } });
    expect(embedded).toMatchObject({ operation: 'embeddings', first: 'up/ok/text', targets: [{ dialect: 'openai', translated: false }] });
    const gemini = await explained({
      path: '/v1beta/models/up/ok/text:streamGenerateContent?alt=sse',
      body: { contents: [{ parts: [{ text: 'x' }] }] },
    });
    expect(gemini).toMatchObject({ dialect: 'gemini', model: 'up/ok/text', stream: true });
  });

  it('says that chance had a part in it', async () => {
    const told = await explained({ body: callOf('openai', 'drawn') });
    expect(told.decision.random).toBe(true);
    expect(told.targets).toHaveLength(2);
  });

  it('knows where a session was answered before', async () => {
    const headers = { 'x-weir-run': 'a-session' };
    const answer = await post(gateway.url, 'openai', 'sticky', { headers });
    for (let time = 0; time < 8; time++) {
      const told = await explained({ app: 'dev', headers, body: callOf('openai', 'sticky') });
      expect(told.first).toBe(answer.headers.get('x-weir-model'));
      expect(told.decision.candidates[0]?.why).toMatch(/has answered/);
    }
  });

  it('says who would be asked beside a slow first target, and after what time', async () => {
    const hedgeOf = async (model: string, extra = {}, path = '/v1/chat/completions') =>
      (await explained({ path, body: callOf('openai', model, extra) })).hedge;
    const beside = { after: 1_500, target: 'eu/ok/text?id=h2' };
    expect(await hedgeOf('hedged')).toEqual(beside);
    expect(await hedgeOf('hedged', { store: true })).toEqual({ after: null, why: expect.stringMatching(/kept once/) });
    expect(await hedgeOf('lonely')).toEqual({ after: null, why: expect.stringMatching(/nobody else/) });
    expect(await hedgeOf('measured')).toMatchObject({ after: null, target: 'eu/ok/text?id=h4', why: expect.stringMatching(/20 answers/) });
    for (let time = 0; time < 21; time++) await post(gateway.url, 'openai', 'measured');
    const known = await hedgeOf('measured');
    expect(known?.why).toBeUndefined();
    expect(known?.after).toBeGreaterThanOrEqual(0);
    expect(await hedgeOf('second')).toBeUndefined();
    const responses = { path: '/v1/responses', body: { model: 'hedged', input: 'Hello' } };
    expect((await explained(responses)).hedge?.after).toBeNull();
    expect((await explained({ ...responses, body: { ...responses.body, store: false } })).hedge).toEqual(beside);
  });

  it('says where a copy would go, and why none does', async () => {
    const before = gateway.upstream.journal.all.length;
    const mirrorFor = async (model: string, extra = {}) => (await explained({ body: callOf('openai', model, extra) })).mirror;
    expect(await mirrorFor('copied')).toEqual({ to: 'eu/ok/text?id=m2', share: 0.5 });
    expect(await mirrorFor('copied', { store: true })).toMatchObject({ why: expect.stringMatching(/keeps something/) });
    expect(await mirrorFor('unpriced')).toMatchObject({ to: 'closed/first', why: expect.stringMatching(/price/) });
    expect(await mirrorFor('second')).toBeUndefined();
    expect(gateway.upstream.journal.all.length).toBe(before);
  });

  it('reads what the call continues, and leaves it as it is', async () => {
    const model = 'ant/ok/text?words=3&id=continued';
    const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
    const input = 'Where is the Weir? '.repeat(50);
    const first = await fetch(`${gateway.url}/v1/responses`, { method: 'POST', headers, body: JSON.stringify({ model, input }) });
    const { id } = (await first.json()) as { readonly id: string };
    const next = { model, input: 'And why?', max_output_tokens: 5 };
    const asked = { app: 'dev', path: '/v1/responses' };
    const alone = await explained({ ...asked, body: next });
    const continued = await explained({ ...asked, body: { ...next, previous_response_id: id } });
    expect(continued.first).toBe(model);
    expect((continued.targets[0]?.estimate.input ?? 0) - (alone.targets[0]?.estimate.input ?? 0)).toBeGreaterThan(200);
    const unknown = await explained({ ...asked, body: { ...next, previous_response_id: 'resp_none' } });
    expect(unknown).toMatchObject({ first: null, refusal: { code: 'previous_response_not_found' } });
    // Whose it is is the question: another app's response is none.
    const foreign = await explained({ app: 'bot', org: 'acme', path: '/v1/responses', body: { ...next, previous_response_id: id } });
    expect(foreign.refusal?.code).toBe('previous_response_not_found');
    const nobodys = await explained({ path: '/v1/responses', body: { ...next, previous_response_id: id } });
    expect(nobodys.refusal).toBeUndefined();
  });

  it('says what limits would say, without taking from them', async () => {
    const asked = { key: keys.acme?.id, body: callOf('openai', 'second', { max_tokens: 5 }) };
    for (let time = 0; time < 7; time++) {
      const { targets, first, refusal } = await explained(asked);
      expect(targets[0]?.limits).toMatchObject({
        allowed: false,
        code: 'budget_exceeded',
        items: [
          { level: 'key', unit: 'requests', limit: 5, remaining: 5, needs: 1, fits: true },
          { level: 'key', unit: 'usd', window: 'month@UTC', each: '', remaining: 0.000_001, fits: false },
        ],
      });
      expect({ first, code: refusal?.code }).toEqual({ first: null, code: 'budget_exceeded' });
    }
    const real = await post(gateway.url, 'openai', 'second', { extra: { max_tokens: 5 }, headers: { 'x-weir-key': keys.acme?.key ?? '' } });
    expect((await real.json()) as object).toMatchObject({ error: { code: expect.stringMatching(/budget_exceeded|insufficient_quota/) } });
    const ofApp = await explained({ app: 'bot', org: 'acme', body: callOf('openai', 'second') });
    expect(ofApp.targets[0]?.limits).toEqual({ allowed: true, items: [] });
  });

  it.each<[string, () => object, number, string]>([
    ['a model that there is not', () => ({ body: callOf('openai', 'nobody/invented') }), 422, 'model_not_found'],
    ['a model that the key may not use', () => ({ key: keys.acme?.id, body: callOf('openai', 'local') }), 422, 'model_not_allowed'],
    ['a body without a model', () => ({ body: { messages: [] } }), 422, 'invalid_request'],
    ['a header that is wrong', () => ({ body: callOf('openai', 'second'), headers: { 'x-weir-timeout': 'soon' } }), 422, 'invalid_request'],
    ['a header that cannot be', () => ({ body: callOf('openai', 'second'), headers: { 'a b': 'c' } }), 400, 'invalid_request'],
    ['a body that is none', () => ({ body: 'x' }), 400, 'invalid_request'],
    ['nothing', () => ({}), 400, 'invalid_request'],
    ['another path', () => ({ path: '/v1/unknown', body: {} }), 422, 'invalid_request'],
    ['an address instead of a path', () => ({ path: '//elsewhere.example/v1', body: {} }), 400, 'invalid_request'],
    ['a key that there is not', () => ({ key: 'key_none', body: callOf('openai', 'second') }), 404, 'not_found'],
    ['another organisation’s key', () => ({ key: keys.acme?.id, org: 'other', body: callOf('openai', 'second') }), 404, 'not_found'],
    ['an app that there is not', () => ({ app: 'none', body: callOf('openai', 'second') }), 400, 'invalid_request'],
    ['a key and an app', () => ({ key: keys.acme?.id, app: 'bot', body: callOf('openai', 'second') }), 400, 'invalid_request'],
  ])('refuses %s', async (_, body, status, code) => {
    expect(await explain(body())).toMatchObject({ status, body: { code, status } });
  });

  it('tells nothing that is secret', async () => {
    const { body } = await explain({ body: callOf('openai', 'many/ok/text') });
    expect(JSON.stringify(body)).not.toMatch(/of-many|canary|127\.0\.0\.1/);
  });
});
