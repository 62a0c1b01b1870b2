import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Dialect, type ErrorBody, endings, parseEvents, post, streamed } from '../client.ts';
import { startTestGateway, type TestGateway, until } from '../gateway.ts';
import { wordList } from '../upstream/answer.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway?.stop());

/** Every way a stream can take through the gateway. */
const ways: readonly {
  readonly way: string;
  readonly dialect: Dialect;
  readonly provider: string;
  readonly native: boolean;
  readonly extra: object;
}[] = [
  { way: 'OpenAI untouched', dialect: 'openai', provider: 'up', native: true, extra: { stream_options: { include_usage: true } } },
  { way: 'OpenAI with usage hidden', dialect: 'openai', provider: 'up', native: false, extra: {} },
  { way: 'Anthropic untouched', dialect: 'anthropic', provider: 'ant', native: true, extra: {} },
  { way: 'OpenAI to Anthropic', dialect: 'anthropic', provider: 'up', native: false, extra: {} },
  { way: 'Anthropic to OpenAI', dialect: 'openai', provider: 'ant', native: false, extra: {} },
];

const textOf = (bytes: Uint8Array) =>
  parseEvents(bytes)
    .events.flatMap(({ data }) =>
      data?.startsWith('{') ? [JSON.parse(data) as { choices?: { delta?: { content?: string } }[]; delta?: { text?: string } }] : [],
    )
    .map(({ choices, delta }) => choices?.[0]?.delta?.content ?? delta?.text ?? '')
    .join('');

describe.concurrent.each(ways)('$way', ({ dialect, provider, native, extra }) => {
  it.each([
    { fault: 'reset', why: 'reset in the middle' },
    { fault: 'fin', why: 'ended without its terminator' },
  ])('$why: all that came, one typed error, no success', async ({ fault }) => {
    const answer = await streamed(gateway.url, dialect, `${provider}/fault/${fault}?n=9&words=20`, { extra });
    expect(answer.status).toBe(200);
    const { done, errors, rest } = endings(answer.bytes);
    expect({ done, errors: errors.length, rest }).toEqual({ done: 0, errors: 1, rest: '' });
    expect(errors[0]?.body.error.code).toBe('upstream_interrupted');
    if (dialect === 'anthropic') expect(errors[0]).toMatchObject({ event: 'error', body: { type: 'error' } });
    // Nine frames are eight words of OpenAI, and six of Anthropic, which opens its stream with three.
    expect(textOf(answer.bytes)).toBe(wordList(provider === 'up' ? 8 : 6).join(''));
    const row = await gateway.row(answer.headers.get('x-weir-request-id'));
    expect(row).toMatchObject({ status: 'partial', errorCode: 'upstream_interrupted', usage: { estimated: true } });
    expect(row.usage?.output).toBeGreaterThanOrEqual(4);
  });

  it('a typed error of the vendor in the middle is the one ending', async () => {
    const answer = await streamed(gateway.url, dialect, `${provider}/fault/error-mid?n=9&type=overloaded_error`, { extra });
    const { done, errors } = endings(answer.bytes);
    expect({ done, errors: errors.length }).toEqual({ done: 0, errors: 1 });
    expect(errors[0]?.body.error.message).toContain('scripted overload');
    expect((await gateway.row(answer.headers.get('x-weir-request-id'))).status).toBe('partial');
  });

  it.each(['html', 'html-as-sse', 'empty', 'not-an-answer', 'error-first', 'fin?n=0'])(
    '%s instead of a stream is a typed 502, and nothing of it is shown',
    async (fault) => {
      const mark = `id=${fault.replace(/\W/g, '')}-${dialect}-${provider}-${Object.keys(extra).length}`;
      const response = await post(gateway.url, dialect, `${provider}/fault/${fault}${fault.includes('?') ? '&' : '?'}${mark}`, {
        extra: { stream: true, ...extra },
      });
      expect([502, 503]).toContain(response.status);
      expect(response.headers.get('content-type')).toMatch(/^application\/json/);
      const text = await response.text();
      expect(text).not.toContain('canary-html');
      const body = JSON.parse(text) as ErrorBody;
      expect(body.error.type).toMatch(/error/);
      expect(body.type).toBe(dialect === 'anthropic' ? 'error' : undefined);
      expect(gateway.upstream.journal.of(mark).length).toBeLessThanOrEqual(2);
    },
  );

  it('an event that does not end is cut off at a mebibyte', async () => {
    const mark = `id=huge-${dialect}-${provider}-${Object.keys(extra).length}`;
    const answer = await streamed(gateway.url, dialect, `${provider}/fault/huge?n=5&bytes=16777216&${mark}`, {
      extra,
      signal: AbortSignal.timeout(30_000),
    });
    expect(endings(answer.bytes)).toMatchObject({ done: 0, errors: [{ body: { error: { code: 'event_too_large' } } }] });
    const seen = gateway.upstream.journal.one(mark);
    await until(() => seen.closedByPeerAt !== undefined, 15_000, 'the upstream is closed');
    // Besides what was read, the kernel's own buffers have taken some. The native lane learns of it while bytes go on.
    if (!native) expect(seen.accepted).toBeLessThan(12 * 1024 * 1024);
  });

  it('an event that does not end, before any content, is a typed error and no success', async () => {
    const answer = await streamed(gateway.url, dialect, `${provider}/fault/huge?n=0&bytes=4194304`, {
      extra,
      signal: AbortSignal.timeout(30_000),
    });
    if (answer.status !== 200) {
      expect(answer.status).toBe(502);
      expect((JSON.parse(answer.text) as ErrorBody).error.code).toMatch(/event_too_large|upstream_invalid/);
    } else expect(endings(answer.bytes)).toMatchObject({ done: 0, errors: [{ body: { error: { code: 'event_too_large' } } }] });
    if (!native) expect(answer.bytes.length).toBeLessThan(3 * 1024 * 1024);
  });

  it('a connection that stays open after the terminator does not hold the caller, and is closed', async () => {
    const mark = `id=linger-${dialect}-${provider}-${Object.keys(extra).length}`;
    // The connection is never closed by its vendor: who waits for that is ended by the silence of a minute, as the test is.
    const answer = await streamed(gateway.url, dialect, `${provider}/fault/linger?${mark}`, { extra });
    expect(endings(answer.bytes)).toMatchObject({ done: 1, errors: [], rest: '' });
    const seen = gateway.upstream.journal.one(mark);
    await until(() => seen.closedByPeerAt !== undefined, 15_000, 'the upstream is closed');
    expect(await gateway.row(answer.headers.get('x-weir-request-id'))).toMatchObject({
      status: 'complete',
      usage: { input: 11, output: 20 },
    });
  });
});

describe('an answer that is not streamed', () => {
  it.each(['html', 'empty', 'not-an-answer', 'no-answer'])('%s is a typed 502', async (fault) => {
    for (const { dialect, provider } of ways) {
      const response = await post(gateway.url, dialect, `${provider}/fault/${fault}`);
      expect(response.status).toBe(502);
      expect(await response.text()).not.toContain('canary-html');
    }
  });
});
