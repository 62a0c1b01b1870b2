import OpenAI from 'openai';
import { ResponsesWS } from 'openai/resources/responses/ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ANT_KEY, startTestGateway, type TestGateway } from '../gateway.ts';
import type { SdkCall, Target } from '../sdks/client.ts';
import { sdkCalls } from '../sdks/index.ts';
import { ask, type MadeKey, makeFamily, makeKey } from '../tenants.ts';
import { type OperationsUpstream, startOperationsUpstream } from '../upstream/operations.ts';

// What callers see when a limit is reached, through the libraries that they use, with the retries that these come with.

let gateway: TestGateway;
let operations: OperationsUpstream;
let app: string;
beforeAll(async () => {
  [gateway, operations] = await Promise.all([startTestGateway(), startOperationsUpstream()]);
  const published = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify(configuration()) });
  if (!published.ok) throw new Error(await published.text());
  ({ app } = await makeFamily(gateway, 'clients'));
});
afterAll(async () => {
  await gateway?.stop();
  await operations?.close();
});

const SCRIPTS = { short: 'ok/text?words=3', long: 'ok/text?words=6000', slow: 'fault/pace?ms=50&words=400' };
const VENDORS = { chat: 'up', responses: 'res', anthropic: 'ant', gemini: 'gem' };

/** A vendor of each dialect, and models of each whose names every library can put into a path: `short-chat`, `long-gemini` … */
function configuration() {
  const { origin } = gateway.upstream;
  // A hundred thousand tokens a dollar.
  const shared = { key: { value: ANT_KEY }, prices: { '*': { input: 10, output: 10 } } };
  const models = Object.entries(VENDORS).flatMap(([vendor, provider]) =>
    Object.entries(SCRIPTS).map(([name, script]) => [`${name}-${vendor}`, `${provider}/${script}`]),
  );
  return {
    providers: {
      up: { like: 'openai', baseUrl: `${origin}/v1`, dialects: ['openai-chat'], ...shared },
      res: { like: 'openai', baseUrl: `${origin}/v1`, dialects: ['openai-responses'], ...shared },
      ant: { like: 'anthropic', baseUrl: origin, ...shared },
      gem: { like: 'google', baseUrl: `${origin}/v1beta`, ...shared },
      vec: { like: 'openai', baseUrl: `${operations.origin}/v1`, ...shared },
    },
    models: { ...Object.fromEntries(models), 'short-vectors': 'vec/embed' },
  };
}

const keyed = (limits: readonly object[]): Promise<MadeKey> => makeKey(gateway, { name: `client-${crypto.randomUUID()}`, app, limits });
const targeted = ({ key }: MadeKey, model: string): Target => ({ url: gateway.url, key, model });

/** What a call throws. */
async function thrownBy(read: Promise<unknown>): Promise<unknown> {
  const end = await read.then(
    (value) => ({ value }),
    (thrown: unknown) => ({ thrown }),
  );
  if ('thrown' in end) return end.thrown;
  throw new Error(`it was answered: ${JSON.stringify(end.value)}`);
}

const messageOf = (thrown: unknown) => (thrown instanceof Error ? thrown.message : `no error: ${JSON.stringify(thrown)}`);

/** One call without a library. */
const plain = ({ url, key, model }: Target) =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] }),
  });

/** The statuses with which the calls of a key were answered, first to last, once there are so many. */
async function statusesOf({ id }: MadeKey, count: number): Promise<readonly number[]> {
  const rows = await gateway.rows({ key: id }, count);
  return rows.map(({ httpStatus }) => httpStatus).toReversed();
}

const streaming = sdkCalls.filter(({ reached }) => reached !== undefined);

describe('a budget that is spent', () => {
  it.concurrent.each(sdkCalls)('stops $name at its first request, and says why', async (call) => {
    const key = await keyed([{ unit: 'usd', limit: 0.000001 }]);
    const thrown = await thrownBy(call.ask(targeted(key, `short-${call.vendor}`)));
    expect(messageOf(thrown)).toContain('The limit of this key, 0.000001 US dollars, leaves no room for this call.');
    // Once the row of a later call is there, so are those of all before it.
    const later = await plain(targeted(key, 'short-chat'));
    await gateway.row(later.headers.get('x-weir-request-id'));
    expect(await statusesOf(key, 2)).toHaveLength(2);
  });
});

describe('a rate limit', () => {
  /** Asks when another call has just taken all that there is; again where that came back before the library asked. */
  async function whileTaken(call: SdkCall, tries = 3): Promise<{ readonly key: MadeKey; readonly end: Promise<unknown> }> {
    const key = await keyed([{ unit: 'requests', limit: 1, window: '2s' }]);
    expect((await plain(targeted(key, 'short-chat'))).status).toBe(200);
    const end = call.ask(targeted(key, `short-${call.vendor}`));
    await end.catch(() => undefined);
    const [, second] = await statusesOf(key, 2);
    return second === 429 || tries === 1 ? { key, end } : whileTaken(call, tries - 1);
  }

  it.concurrent.each(sdkCalls.filter(({ waits }) => waits))('is waited for by $name', async (call) => {
    const { key, end } = await whileTaken(call);
    await end;
    expect(await statusesOf(key, 3)).toEqual([200, 429, 200]);
  });

  it.concurrent.each(sdkCalls.filter(({ waits }) => !waits))('is told to the caller of $name, with when it frees', async (call) => {
    const { key, end } = await whileTaken(call);
    const thrown = await thrownBy(end);
    expect(thrown).toMatchObject({ status: 429, message: expect.stringContaining('leaves no room') });
    expect([1, 2]).toContain(call.whenOf?.(thrown));
    expect(await statusesOf(key, 2)).toEqual([200, 429]);
  });
});

describe('a rate limit that frees later than anybody waits', () => {
  it.concurrent.each(sdkCalls.filter(({ name }) => /^(?:openai|@anthropic-ai)/.test(name)))(
    'stops $name at its first request',
    async (call) => {
      const key = await keyed([{ unit: 'requests', limit: 1, window: '24h' }]);
      expect((await plain(targeted(key, 'short-chat'))).status).toBe(200);
      expect(await thrownBy(call.ask(targeted(key, `short-${call.vendor}`)))).toMatchObject({ status: 429 });
      const later = await plain(targeted(key, 'short-chat'));
      expect(later.headers.get('x-should-retry')).toBe('false');
      expect(Number(later.headers.get('retry-after'))).toBeGreaterThan(60);
      await gateway.row(later.headers.get('x-weir-request-id'));
      expect(await statusesOf(key, 3)).toEqual([200, 429, 429]);
    },
  );
});

describe('an answer that the budget has no room for', () => {
  const pairs = streaming.flatMap((call) =>
    [call.vendor, call.vendor === 'anthropic' ? 'chat' : 'anthropic'].map((vendor) => ({ call, vendor })),
  );

  it.concurrent.each(pairs)('is read to its end by $call.name, as one that reached its limit: of $vendor', async ({ call, vendor }) => {
    const key = await keyed([{ unit: 'usd', limit: 0.02 }]);
    let words = 0;
    const { finish } = await call.ask(targeted(key, `long-${vendor}`), (text) => {
      words += text.split('w').length - 1;
    });
    expect(finish).toBe(call.reached);
    expect(words).toBeGreaterThan(500);
    expect(words).toBeLessThan(2_000);
    expect(await gateway.rows({ key: key.id })).toMatchObject([{ httpStatus: 200, status: 'complete', stream: true }]);
  });
});

describe('a key that is revoked while an answer flows', () => {
  it.concurrent.each(streaming)('is an error of its own kind to $name', async (call) => {
    const key = await makeKey(gateway, { name: `client-${crypto.randomUUID()}`, app });
    let revoked: Promise<unknown> | undefined;
    const read = call.ask(targeted(key, `slow-${call.vendor}`), (text) => {
      if (text !== '') revoked ??= ask(gateway, 'DELETE', `/keys/${key.id}`);
    });
    const thrown = await thrownBy(read);
    await revoked;
    expect(call.isTyped?.(thrown), `${String(thrown)}`).toBe(true);
    expect(await gateway.rows({ key: key.id })).toMatchObject([{ status: 'partial', errorCode: 'invalid_key' }]);
  });
});

describe('a WebSocket of Responses', () => {
  type Told = {
    readonly type: string;
    readonly status?: number;
    readonly error?: unknown;
    readonly response?: { readonly error?: unknown };
  };

  /** What one turn ends with, in the hands of the official client. */
  async function turn({ url, key, model }: Target): Promise<Told> {
    const socket = new ResponsesWS(new OpenAI({ baseURL: `${url}/v1`, apiKey: key }));
    try {
      return await new Promise((resolve) => {
        socket.on('error', ({ error }) => resolve(error as unknown as Told));
        socket.on('response.failed', (event) => resolve(event as unknown as Told));
        socket.on('response.completed', (event) => resolve(event as unknown as Told));
        socket.send({ type: 'response.create', model, input: 'Hello' });
      });
    } finally {
      socket.close();
    }
  }

  it('tells of a spent budget in an error, and of a rate limit in a response that failed, with when it frees', async () => {
    const spent = await keyed([{ unit: 'usd', limit: 0.000001 }]);
    expect(JSON.stringify(await turn(targeted(spent, 'short-responses')))).toMatch(/leaves no room.*"code":"budget_exceeded"/);
    const taken = await keyed([{ unit: 'requests', limit: 1, window: '30s' }]);
    expect((await plain(targeted(taken, 'short-chat'))).status).toBe(200);
    expect(await turn(targeted(taken, 'short-responses'))).toMatchObject({
      type: 'response.failed',
      response: {
        model: 'short-responses',
        status: 'failed',
        error: { code: 'rate_limit_exceeded', message: expect.stringMatching(/leaves no room.* Try again in [23]\d s\.$/) },
      },
    });
  });
});

describe('every refusal', () => {
  const standing = ['ratelimit-policy', 'ratelimit'];
  const fieldsOf = (path: string) => {
    const kinds = ['limit', 'remaining', 'reset'];
    const openai = kinds.map((kind) => `x-ratelimit-${kind}-requests`);
    const anthropic = kinds.map((kind) => `anthropic-ratelimit-requests-${kind}`);
    return path === '/v1/messages' ? { own: anthropic, others: openai } : { own: openai, others: anthropic };
  };
  const paths = ['/v1/chat/completions', '/v1/responses', '/v1/messages', '/v1beta/models/short-chat:generateContent', '/v1/embeddings'];
  const bodies = {
    model: 'short-chat',
    messages: [{ role: 'user', content: 'x' }],
    contents: [{ parts: [{ text: 'x' }] }],
    input: 'x',
    max_tokens: 9,
  };

  it.each(paths)('says what stands at the limits: %s', async (path) => {
    const model = path.endsWith('embeddings') ? 'short-vectors' : 'short-chat';
    const post = ({ key }: MadeKey) =>
      fetch(gateway.url + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ ...bodies, model }),
      });
    const limited = await keyed([{ unit: 'requests', limit: 1, window: 'hour' }]);
    await post(limited);
    const rate = await post(limited);
    expect(rate.status).toBe(429);
    const { own, others } = fieldsOf(path);
    for (const name of [...standing, ...own, 'retry-after']) expect(rate.headers.get(name), name).not.toBeNull();
    for (const name of others) expect(rate.headers.get(name), name).toBeNull();
    expect(rate.headers.get(own[1] ?? '')).toBe('0');
    const spent = await post(
      await keyed([
        { unit: 'usd', limit: 0.000001 },
        { unit: 'requests', limit: 9, window: 'hour' },
      ]),
    );
    expect(spent.status).toBe(path === '/v1/messages' ? 402 : 400);
    for (const name of [...standing, ...own]) expect(spent.headers.get(name), name).not.toBeNull();
    for (const name of others) expect(spent.headers.get(name), name).toBeNull();
    expect(spent.headers.get('ratelimit')).toMatch(/"key-usd-always";r=1000\b/);
    expect([spent.headers.get('x-should-retry'), spent.headers.get('retry-after')]).toEqual(['false', null]);
  });

  it('and so does the failure of a provider', async () => {
    const failed = await plain(targeted(await keyed([{ unit: 'requests', limit: 9, window: 'hour' }]), 'up/fault/status?code=500'));
    expect(failed.status).toBeGreaterThanOrEqual(500);
    expect(failed.headers.get('x-ratelimit-remaining-requests')).toBe('8');
  });
});
