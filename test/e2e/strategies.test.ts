import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OpenCall, openCall, post } from '../client.ts';
import { KEY, startTestGateway, type TestGateway } from '../gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway?.stop());

/** Publishes these models, over providers `a`, `b` and `c`: the same scripted vendor, which its models tell apart. */
async function publish(models: object, parts: { readonly [provider: string]: object } = {}): Promise<void> {
  const { origin } = gateway.upstream;
  const providers = Object.fromEntries(
    ['a', 'b', 'c'].map((id) => [id, { like: 'openai', baseUrl: `${origin}/v1`, key: { value: `key-${id}` }, ...parts[id] }]),
  );
  const published = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify({ providers, models }) });
  expect(published.status, await published.clone().text()).toBe(200);
}

/** The provider that served a call. */
async function servedBy(model: string, extra: object = {}, headers: { readonly [name: string]: string } = {}): Promise<string> {
  const response = await post(gateway.url, 'openai', model, { extra, headers });
  expect(response.status, await response.text()).toBe(200);
  return (response.headers.get('x-weir-model') ?? '').split('/')[0] ?? '';
}

const users = Array.from({ length: 50 }, (_, index) => `user-${index}`);

async function servers(model: string, more: object = {}): Promise<ReadonlyMap<string, string>> {
  const found = await Promise.all(users.map(async (user) => [user, await servedBy(model, { user, ...more })] as const));
  return new Map(found);
}

const count = (served: ReadonlyMap<string, string>, provider: string) => [...served.values()].filter((each) => each === provider).length;

describe('weighted, with stick', () => {
  const targets = [{ model: 'a/ok/text', weight: 2 }, 'b/ok/text', 'c/ok/text'];
  const sticky = (over: readonly unknown[], settings = { stick: 'user' }) => ({ strategy: 'weighted', targets: over, settings });

  it('keeps each of fifty users where they are, through a new revision, and moves those of a target that goes', async () => {
    await publish({ m: sticky(targets) });
    const first = await servers('m');
    for (const [provider, share] of [
      ['a', 25],
      ['b', 12.5],
      ['c', 12.5],
    ] as const) {
      expect(Math.abs(count(first, provider) - share), `${provider}: ${count(first, provider)}`).toBeLessThan(12);
    }
    expect(await servers('m')).toEqual(first);
    await publish({ m: sticky(targets.toReversed()) });
    expect(await servers('m')).toEqual(first);
    await publish({ m: sticky(targets.slice(0, 2)) });
    const moved = await servers('m');
    for (const [user, provider] of first) if (provider !== 'c') expect(moved.get(user)).toBe(provider);
    expect(count(moved, 'c')).toBe(0);
  });

  it('keeps users on a virtual model, whatever is drawn within it', async () => {
    await publish({
      inner: { strategy: 'weighted', targets: ['a/ok/text', 'b/ok/text'] },
      m: sticky(['inner', 'c/ok/text']),
    });
    const rounds = [await servers('m'), await servers('m'), await servers('m')];
    for (const user of users) expect(new Set(rounds.map((round) => round.get(user) === 'c')).size).toBe(1);
    expect(new Set(rounds.flatMap((round) => [...round.values()]))).toEqual(new Set(['a', 'b', 'c']));
  });

  it('knows a session by what Claude Code and other agents call it', async () => {
    await publish({ m: sticky(['a/ok/text', 'b/ok/text', 'c/ok/text'], { stick: 'session' }) });
    for (const name of ['x-claude-code-session-id', 'x-session-id', 'session-id']) {
      const served = await Promise.all(Array.from({ length: 8 }, () => servedBy('m', {}, { [name]: `${name}-1` })));
      expect(new Set(served).size, name).toBe(1);
    }
  });

  it('draws users anew where nothing sticks', async () => {
    await publish({ m: { strategy: 'weighted', targets: ['a/ok/text', 'b/ok/text'] } });
    const served = await Promise.all(Array.from({ length: 30 }, () => servedBy('m', { user: 'alice' })));
    expect(new Set(served)).toEqual(new Set(['a', 'b']));
  });
});

describe('canary', () => {
  const canary = (share: number | string) => ({ strategy: 'canary', targets: ['a/ok/text', 'b/ok/text'], settings: { share } });

  it('sends a share of users to the second target, and only adds users where it grows', async () => {
    await publish({ m: canary('20%') });
    const few = await servers('m');
    expect(count(few, 'b')).toBeGreaterThan(3);
    expect(count(few, 'b')).toBeLessThan(19);
    await publish({ m: canary(0.6) });
    const many = await servers('m');
    expect(count(many, 'b')).toBeGreaterThan(20);
    expect(count(many, 'b')).toBeLessThan(40);
    for (const [user, provider] of few) if (provider === 'b') expect(many.get(user)).toBe('b');
  });

  it('has the stable one behind a canary that fails', async () => {
    await publish({
      m: { strategy: 'canary', targets: ['a/ok/text', 'b/fault/status?code=500'], settings: { share: 1 }, retry: { attempts: 1 } },
    });
    expect(await servedBy('m')).toBe('a');
  });
});

describe('cost', () => {
  const picture = [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } }] }];
  const prices = (input: number, more: object = {}) => ({ prices: { '*': { input, output: 4 * input, ...more } } });

  it('asks the cheapest that can do the job, and the next one where it cannot', async () => {
    await publish(
      { m: { strategy: 'cost', targets: ['a/ok/text', 'b/ok/text', 'c/ok/text'] } },
      { a: prices(3), b: prices(0.1, { reads: ['text'], can: [], context: 2_000, maxOutput: 500 }), c: prices(5) },
    );
    expect(await servedBy('m')).toBe('b');
    expect(await servedBy('m', { messages: picture })).toBe('a');
    expect(await servedBy('m', { tools: [{ type: 'function', function: { name: 'f', parameters: {} } }] })).toBe('a');
    expect(await servedBy('m', { reasoning_effort: 'low' })).toBe('a');
    expect(await servedBy('m', { max_completion_tokens: 501 })).toBe('a');
    expect(await servedBy('m', { messages: [{ role: 'user', content: 'a word '.repeat(2_000) }] })).toBe('a');
    expect(await servedBy('m', { response_format: { type: 'json_schema', json_schema: { name: 's', schema: {} } } })).toBe('a');
  });

  it('asks one that is not known to be able before none', async () => {
    await publish(
      { m: { strategy: 'cost', targets: ['a/ok/text', 'b/ok/text'] } },
      { a: prices(3, { reads: ['text'] }), b: prices(1, { reads: ['text'] }) },
    );
    expect(await servedBy('m', { messages: picture })).toBe('a');
    expect(await servedBy('m')).toBe('b');
  });

  it('orders embeddings by their price', async () => {
    await publish({ m: { strategy: 'cost', targets: ['a/ok/text', 'b/ok/text'] } }, { a: prices(3), b: prices(1, { reads: ['text'] }) });
    const response = await fetch(`${gateway.url}/v1/embeddings`, {
      method: 'POST',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', input: 'Hello' }),
    });
    // The scripted vendor serves none: what it was asked tells who was asked first.
    await response.arrayBuffer();
    const asked = gateway.upstream.journal.all.filter(({ path }) => path.endsWith('/embeddings'));
    expect(asked[0]?.headers.authorization).toBe('Bearer key-b');
  });

  it('leaves one that fails alone for a while, and comes back to it', async () => {
    await publish(
      {
        m: {
          strategy: 'cost',
          targets: ['a/ok/text', 'b/fault/flaky?times=2&code=500'],
          retry: { attempts: 1 },
          breaker: { failures: 2, cooldown: 5_000 },
        },
      },
      { a: prices(3), b: prices(1) },
    );
    const attempts = async () => {
      const response = await post(gateway.url, 'openai', 'm');
      await response.arrayBuffer();
      return `${response.headers.get('x-weir-model')?.split('/')[0]} ${response.headers.get('x-weir-attempts')}`;
    };
    expect([await attempts(), await attempts(), await attempts()]).toEqual(['a 2', 'a 2', 'a 1']);
    await new Promise((resolve) => setTimeout(resolve, 5_600));
    expect([await attempts(), await attempts()]).toEqual(['b 1', 'b 1']);
  });
});

describe('least-busy', () => {
  it('spreads twenty calls that stay over two targets, by their weights', async () => {
    const held = 'fault/held?n=3&id=busy';
    await publish({ m: { strategy: 'least-busy', targets: [`a/${held}`, { model: `b/${held}`, weight: 3 }] } });
    const calls: OpenCall[] = [];
    for (let index = 0; index < 20; index++) calls.push(await openCall(gateway.url, 'openai', 'm'));
    const asked = gateway.upstream.journal.of('id=busy').map(({ headers }) => headers.authorization);
    expect(asked.filter((each) => each === 'Bearer key-a')).toHaveLength(5);
    expect(asked.filter((each) => each === 'Bearer key-b')).toHaveLength(15);
    for (const call of calls) call.leave();
  });
});

describe('latency', () => {
  it('goes to the fast one once it knows both', async () => {
    const slow = 'b/fault/pace?ms=40&words=10&id=slow';
    await publish({ m: { strategy: 'latency', targets: ['a/ok/text?id=fast', slow], settings: { explore: 0.3 } } });
    const served: string[] = [];
    for (let index = 0; index < 40; index++) {
      const call = await post(gateway.url, 'openai', 'm', { extra: { stream: true } });
      await call.arrayBuffer();
      served.push(call.headers.get('x-weir-model')?.split('/')[0] ?? '');
    }
    expect(served).toContain('b');
    expect(served.filter((each) => each === 'a').length).toBeGreaterThan(28);
  });
});

describe('headroom', () => {
  it('spills over when the vendor says that there is no room', async () => {
    const model = (left: string) => ({ strategy: 'headroom', targets: [`a/fault/limits?${left}`, 'b/ok/text'] });
    await publish({
      tokens: model('tokens=200'),
      requests: model('requests=3'),
      none: model('requests=0'),
      plenty: model('tokens=100000&requests=500'),
    });
    const three = async (name: string) => [await servedBy(name), await servedBy(name), await servedBy(name)];
    expect(await three('plenty')).toEqual(['a', 'a', 'a']);
    expect(await three('tokens')).toEqual(['a', 'b', 'b']);
    expect(await three('none')).toEqual(['a', 'b', 'b']);
    expect(await three('requests')).toEqual(['a', 'a', 'a']);
  });

  it('fills what was bought, and then goes elsewhere', async () => {
    await publish({
      m: { strategy: 'headroom', targets: [{ model: 'a/ok/text?id=bought', capacity: { requests: 4 } }, 'b/ok/text'] },
      t: { strategy: 'headroom', targets: [{ model: 'a/ok/text?id=tokens', capacity: { tokens: 3_000 } }, 'b/ok/text'] },
    });
    const served: string[] = [];
    for (let index = 0; index < 6; index++) served.push(await servedBy('m'));
    expect(served).toEqual(['a', 'a', 'a', 'a', 'b', 'b']);
    // A call of a thousand tokens, and an answer of a thousand at the most.
    const long = { messages: [{ role: 'user', content: 'word '.repeat(1_000) }], max_completion_tokens: 1_000 };
    expect([await servedBy('t', long), await servedBy('t', long)]).toEqual(['a', 'b']);
  });
});

describe('docs/routing.md', () => {
  const text = readFileSync(path.join(import.meta.dirname, '../../docs/routing.md'), 'utf8');
  const examples = [...text.matchAll(/^```json\n(.*?)^```$/gms)]
    .map(([, json = '']) => json)
    .filter((json) => /^\{\s*"(?:models|providers|routes)"/.test(json));

  it.each(examples.map((json) => [json]))('has an example that is accepted: %s', async (json) => {
    const published = await gateway.admin('/config', { method: 'PUT', body: json });
    expect(published.status, await published.text()).toBe(200);
  });

  it('has one of every strategy', () => {
    expect(examples.length).toBeGreaterThan(7);
  });
});
