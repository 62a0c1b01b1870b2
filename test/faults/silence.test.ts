import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Dialect, endings, openCall, parseEvents, post, streamed } from '../client.ts';
import { startTestGateway, type TestGateway, until } from '../gateway.ts';
import { anthropicWire } from '../upstream/anthropic-wire.ts';
import { openaiWire } from '../upstream/openai-wire.ts';
import { expected } from '../upstream/server.ts';

const PING = 200;
/** Milliseconds: longer than a test may take. */
const NEVER = 600_000;
const PATIENT = { firstToken: NEVER, idle: NEVER, total: NEVER };
const IDLE = 2_000;
type Limit = Partial<typeof PATIENT>;
/** With this limit alone: nothing else ends what is silent. */
const model = (target: string, limit: Limit = {}) => ({ targets: [target], retry: { attempts: 1 }, timeout: { ...PATIENT, ...limit } });

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
  [`${id}-pause`]: model(`${provider}/fault/held?n=${opening[provider]}&id=${id}-pause`),
  [`${id}-late`]: model(`${provider}/fault/held?n=0&id=${id}-late`),
  [`${id}-stall`]: model(`${provider}/fault/stall?n=${opening[provider]}&id=${id}-stall`, { idle: IDLE }),
  [`${id}-silence`]: model(`${provider}/fault/silence?id=${id}-silence`, { firstToken: 1_500 }),
  [`${id}-drip`]: model(`${provider}/fault/pace?ms=150&words=1000&id=${id}-drip`, { total: 5_000 }),
  [`${id}-left`]: model(`${provider}/fault/stall?n=${opening[provider]}&id=${id}-left`),
});

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({
    limits: { ping: PING },
    models: {
      ...Object.assign({}, ...ways.map(modelsOf)),
      'up-hang': model('up/fault/hang?id=up-hang', { total: 2_500 }),
      'up-long-hang': model('up/fault/hang?id=left-early'),
    },
  });
});
afterAll(() => gateway?.stop());

const closed = async (mark: string) => {
  const seen = gateway.upstream.journal.one(`id=${mark}`);
  await until(() => seen.closedByPeerAt !== undefined, 15_000, `the upstream of ${mark} is closed`);
};

/** A stream whose upstream is silent until this caller has heard so many pings, and then says the rest. */
async function heldUntil(pings: number, dialect: Dialect, name: string, extra: object) {
  const begun = performance.now();
  const call = await openCall(gateway.url, dialect, name, { extra });
  await until(() => endings(call.received()).pings >= pings, 20_000, `${pings} pings`);
  gateway.upstream.journal.goOn(`id=${name}`);
  await until(() => call.response.complete, 20_000, 'the end');
  return { bytes: call.received(), took: performance.now() - begun };
}

describe.concurrent.each(ways)('$way', ({ id, dialect, provider, extra }) => {
  it('a pause is filled with pings that change nothing of the stream', async () => {
    const { bytes, took } = await heldUntil(3, dialect, `${id}-pause`, extra);
    const { done, errors, pings } = endings(bytes);
    expect({ done, errors }).toEqual({ done: 1, errors: [] });
    // One for each time that nothing was said for so long, however long it was.
    expect(pings).toBeLessThanOrEqual(took / PING + 2);
    const script = `fault/held?n=${opening[provider]}`;
    const quiet = bytes.toString().replaceAll(': ping\n\n', '');
    if (dialect === 'openai' && provider === 'up')
      expect(quiet).toBe(expected(script, openaiWire, 'stream_options' in extra).bytes.toString());
    if (dialect === 'anthropic' && provider === 'ant') expect(quiet).toBe(expected(script, anthropicWire).bytes.toString());
  });

  it('a late first token is waited for with pings', async () => {
    const { bytes } = await heldUntil(2, dialect, `${id}-late`, extra);
    const { done, errors } = endings(bytes);
    expect({ done, errors }).toEqual({ done: 1, errors: [] });
    expect(parseEvents(bytes).events.at(0)?.comment).toBe('ping');
  });

  it('a stall ends in a typed timeout, and the upstream is closed', async () => {
    const started = Date.now();
    const answer = await streamed(gateway.url, dialect, `${id}-stall`, { extra });
    expect(Date.now() - started).toBeGreaterThan(IDLE * 0.8);
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
    const answer = await streamed(gateway.url, dialect, `${id}-drip`, { extra });
    expect(endings(answer.bytes)).toMatchObject({ done: 0, errors: [{ body: { error: { code: 'upstream_timeout' } } }], rest: '' });
    expect(answer.text).toContain('w0');
    await closed(`${id}-drip`);
  });

  it('a caller who leaves while the upstream is silent is noticed by a ping', async () => {
    const call = await openCall(gateway.url, dialect, `${id}-left`, { extra });
    await until(() => call.received().includes('w1'), 15_000, 'the first words');
    call.leave();
    const seen = gateway.upstream.journal.one(`id=${id}-left`);
    await until(() => seen.closedByPeerAt !== undefined, 15_000, 'the upstream is closed');
    expect(await gateway.row(String(call.headers['x-weir-request-id']))).toMatchObject({ status: 'aborted', usage: { estimated: true } });
  });
});

describe('a caller who leaves before the first token', () => {
  it('is noticed by a ping, and nobody else is asked', async () => {
    const controller = new AbortController();
    const asking = streamed(gateway.url, 'openai', 'up-long-hang', { signal: controller.signal });
    asking.catch(() => undefined);
    await until(() => gateway.upstream.journal.of('id=left-early').length === 1, 15_000, 'the upstream is asked');
    controller.abort();
    await expect(asking).rejects.toThrow();
    const seen = gateway.upstream.journal.one('id=left-early');
    await until(() => seen.closedByPeerAt !== undefined, 15_000, 'the upstream is closed');
    const rows = await gateway.rows({ model: 'up-long-hang' });
    expect(rows).toMatchObject([{ status: 'aborted' }]);
    expect(gateway.upstream.journal.of('id=left-early')).toHaveLength(1);
  });
});

describe('an answer that is not streamed', () => {
  it('has the same deadline', async () => {
    const response = await post(gateway.url, 'openai', 'up-hang');
    expect(response.status).toBe(504);
    expect(await response.json()).toMatchObject({ error: { code: 'upstream_timeout' } });
    // The connection goes with the call, which what is told behind its answer may keep alive for a while.
    await closed('up-hang');
  });
});
