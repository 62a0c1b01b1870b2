import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Dialect, endings, openCall, parseEvents, post, streamed } from '../client.ts';
import { startTestGateway, type TestGateway, until } from '../gateway.ts';
import { anthropicWire } from '../upstream/anthropic-wire.ts';
import { openaiWire } from '../upstream/openai-wire.ts';
import { expected } from '../upstream/server.ts';

const PING = 200;
const LIMITS = { firstToken: 1_500, idle: 2_000, total: 2_500 };
const model = (target: string) => ({ targets: [target], retry: { attempts: 1 }, timeout: LIMITS });

interface Way {
  /** Each way has upstream models of its own, so that the tests can run side by side. */
  readonly id: string;
  readonly way: string;
  readonly dialect: Dialect;
  readonly provider: 'up' | 'ant';
  readonly extra: object;
}

const ways: readonly Way[] = [
  { id: 'native', way: 'OpenAI untouched', dialect: 'openai', provider: 'up', extra: { stream_options: { include_usage: true } } },
  { id: 'hidden', way: 'OpenAI with usage hidden', dialect: 'openai', provider: 'up', extra: {} },
  { id: 'anthropic', way: 'Anthropic untouched', dialect: 'anthropic', provider: 'ant', extra: {} },
  { id: 'across', way: 'OpenAI to Anthropic', dialect: 'anthropic', provider: 'up', extra: {} },
  { id: 'back', way: 'Anthropic to OpenAI', dialect: 'openai', provider: 'ant', extra: {} },
];

/** Frames with two words of content: Anthropic opens its stream with two more. */
const opening = { up: 3, ant: 5 } as const;

const modelsOf = ({ id, provider }: Way) => ({
  [`${id}-pause`]: model(`${provider}/fault/pause?n=${opening[provider]}&ms=700`),
  [`${id}-late`]: model(`${provider}/fault/pause?n=0&ms=700`),
  [`${id}-stall`]: model(`${provider}/fault/stall?n=${opening[provider]}&id=${id}-stall`),
  [`${id}-silence`]: model(`${provider}/fault/silence?id=${id}-silence`),
  [`${id}-drip`]: model(`${provider}/fault/pace?ms=150&words=100&id=${id}-drip`),
  [`${id}-left`]: { targets: [`${provider}/fault/stall?n=${opening[provider]}&id=${id}-left`], timeout: { idle: 15_000 } },
});

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({
    limits: { ping: PING },
    models: {
      ...Object.assign({}, ...ways.map(modelsOf)),
      'up-hang': model('up/fault/hang?id=up-hang'),
      'up-long-hang': { targets: ['up/fault/hang?id=left-early'], timeout: { firstToken: 15_000 } },
    },
  });
});
afterAll(() => gateway?.stop());

const closed = async (mark: string, within = 1_000) => {
  const seen = gateway.upstream.journal.one(`id=${mark}`);
  await until(() => seen.closedByPeerAt !== undefined, within, `the upstream of ${mark} is closed`);
};

describe.concurrent.each(ways)('$way', ({ id, dialect, provider, extra }) => {
  it('a pause is filled with pings that change nothing of the stream', async () => {
    const answer = await streamed(gateway.url, dialect, `${id}-pause`, { extra });
    const { done, errors, pings } = endings(answer.bytes);
    expect({ done, errors }).toEqual({ done: 1, errors: [] });
    expect(pings).toBeGreaterThanOrEqual(2);
    expect(pings).toBeLessThanOrEqual(8);
    const script = `fault/pause?n=${opening[provider]}&ms=700`;
    const quiet = answer.text.replaceAll(': ping\n\n', '');
    if (dialect === 'openai' && provider === 'up')
      expect(quiet).toBe(expected(script, openaiWire, 'stream_options' in extra).bytes.toString());
    if (dialect === 'anthropic' && provider === 'ant') expect(quiet).toBe(expected(script, anthropicWire).bytes.toString());
  });

  it('a late first token is waited for with pings', async () => {
    const answer = await streamed(gateway.url, dialect, `${id}-late`, { extra });
    const { done, errors, pings } = endings(answer.bytes);
    expect({ done, errors }).toEqual({ done: 1, errors: [] });
    expect(pings).toBeGreaterThanOrEqual(1);
    expect(parseEvents(answer.bytes).events.at(0)?.comment).toBe('ping');
  });

  it('a stall ends in a typed timeout, and the upstream is closed', async () => {
    const started = Date.now();
    const answer = await streamed(gateway.url, dialect, `${id}-stall`, { extra });
    const took = Date.now() - started;
    expect(took).toBeGreaterThan(LIMITS.idle * 0.8);
    expect(took).toBeLessThan(LIMITS.idle + 1_500);
    const { done, errors, rest } = endings(answer.bytes);
    expect({ done, rest }).toEqual({ done: 0, rest: '' });
    expect(errors).toMatchObject([{ body: { error: { code: 'upstream_timeout' } } }]);
    await closed(`${id}-stall`);
    expect(await gateway.row(answer.headers.get('x-weir-request-id'))).toMatchObject({ status: 'partial', errorCode: 'upstream_timeout' });
  });

  it('headers and then nothing is a typed timeout without content', async () => {
    const answer = await streamed(gateway.url, dialect, `${id}-silence`, { extra });
    // The head may have gone out with the first ping.
    expect([200, 504]).toContain(answer.status);
    if (answer.status === 200)
      expect(endings(answer.bytes)).toMatchObject({ done: 0, errors: [{ body: { error: { code: 'upstream_timeout' } } }] });
    else expect(JSON.parse(answer.text)).toMatchObject({ error: { code: 'upstream_timeout' } });
    await closed(`${id}-silence`);
    expect(await gateway.row(answer.headers.get('x-weir-request-id'))).toMatchObject({ status: 'failed', errorCode: 'upstream_timeout' });
  });

  it('a stream that drips beyond the total time is ended there', async () => {
    const started = Date.now();
    const answer = await streamed(gateway.url, dialect, `${id}-drip`, { extra });
    expect(Date.now() - started).toBeLessThan(LIMITS.total + 1_500);
    expect(endings(answer.bytes)).toMatchObject({ done: 0, errors: [{ body: { error: { code: 'upstream_timeout' } } }], rest: '' });
    expect(answer.text).toContain('w4');
    await closed(`${id}-drip`);
  });

  it('a caller who leaves while the upstream is silent is noticed by a ping', async () => {
    const call = await openCall(gateway.url, dialect, `${id}-left`, { extra });
    await until(() => call.received().includes('w1'), 2_000, 'the first words');
    const left = Date.now();
    call.leave();
    const seen = gateway.upstream.journal.one(`id=${id}-left`);
    await until(() => seen.closedByPeerAt !== undefined, 3_000, 'the upstream is closed');
    // A ping, and where the platform takes one write on trust, one more.
    expect((seen.closedByPeerAt ?? 0) - left).toBeLessThan(PING * 4 + 700);
    expect(await gateway.row(String(call.headers['x-weir-request-id']))).toMatchObject({ status: 'aborted', usage: { estimated: true } });
  });
});

describe('a caller who leaves before the first token', () => {
  it('is noticed by a ping, and nobody else is asked', async () => {
    const controller = new AbortController();
    const asking = streamed(gateway.url, 'openai', 'up-long-hang', { signal: controller.signal });
    asking.catch(() => undefined);
    await until(() => gateway.upstream.journal.of('id=left-early').length === 1, 2_000, 'the upstream is asked');
    const left = Date.now();
    controller.abort();
    await expect(asking).rejects.toThrow();
    const seen = gateway.upstream.journal.one('id=left-early');
    await until(() => seen.closedByPeerAt !== undefined, 3_000, 'the upstream is closed');
    expect((seen.closedByPeerAt ?? 0) - left).toBeLessThan(PING * 4 + 700);
    const rows = await gateway.rows({ model: 'up-long-hang' });
    expect(rows).toMatchObject([{ status: 'aborted' }]);
    expect(gateway.upstream.journal.of('id=left-early')).toHaveLength(1);
  });
});

describe('an answer that is not streamed', () => {
  it('has the same deadline', async () => {
    const started = Date.now();
    const response = await post(gateway.url, 'openai', 'up-hang');
    expect(response.status).toBe(504);
    expect(Date.now() - started).toBeLessThan(LIMITS.total + 10_000);
    expect(await response.json()).toMatchObject({ error: { code: 'upstream_timeout' } });
    // The connection goes with the call, which what is told behind its answer may keep alive for a while.
    await closed('up-hang', 5_000);
  });
});
