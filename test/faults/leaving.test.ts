import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callOf, type Dialect, openCall, raw, streamed } from '../client.ts';
import { KEY, startTestGateway, type TestGateway, until } from '../gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway?.stop());

const ways: readonly { readonly way: string; readonly dialect: Dialect; readonly provider: string; readonly extra: object }[] = [
  { way: 'untouched', dialect: 'openai', provider: 'up', extra: { stream_options: { include_usage: true } } },
  { way: 'with-usage-hidden', dialect: 'openai', provider: 'up', extra: {} },
  { way: 'anthropic', dialect: 'anthropic', provider: 'ant', extra: {} },
  { way: 'translated', dialect: 'anthropic', provider: 'up', extra: {} },
  { way: 'translated-back', dialect: 'openai', provider: 'ant', extra: {} },
];

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const words = (text: string) => [...text.matchAll(/w\d+/g)].length;

describe.concurrent('a caller who leaves in the middle', () => {
  it.each(ways)('closes the upstream at once and leaves exactly one row: $way', async ({ way, dialect, provider, extra }) => {
    const run = `left-${way}`;
    const marks = Array.from({ length: 6 }, (_, at) => `id=${run}-${at}-`);
    const delivered = await Promise.all(
      marks.map(async (mark, at) => {
        const call = await openCall(gateway.url, dialect, `${provider}/fault/pace?ms=20&words=2000&${mark}`, {
          extra,
          headers: { 'x-weir-run': run },
        });
        await until(() => words(call.received().toString()) > 3 + at * 7, 15_000, 'some words');
        call.leave();
        const seen = gateway.upstream.journal.one(mark);
        // To nobody it would speak for forty seconds more.
        await until(() => seen.closedByPeerAt !== undefined, 15_000, 'the upstream is closed');
        return { id: String(call.headers['x-weir-request-id']), words: words(call.received().toString()) };
      }),
    );
    await gateway.rows({ run }, marks.length);
    // Time for a second row that must not come.
    await sleep(700);
    const rows = await gateway.rows({ run }, marks.length);
    expect(rows.map(({ id }) => id).sort()).toEqual(delivered.map(({ id }) => id).sort());
    for (const { id, words: got } of delivered) {
      const row = rows.find((each) => each.id === id);
      expect(row).toMatchObject({ status: 'aborted', stream: true, usage: { estimated: true } });
      // A word and its number are at least a token.
      expect(row?.usage?.output).toBeGreaterThanOrEqual(got);
      expect(row?.usage?.input).toBeGreaterThan(0);
    }
  });
});

describe('two requests on one connection', () => {
  const request = (model: string, close = false) => {
    const body = JSON.stringify(callOf('openai', model, { stream: true }));
    return `POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer ${KEY}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${close ? 'Connection: close\r\n' : ''}\r\n${body}`;
  };

  it('sent at once are answered one after the other, each with its own answer', async () => {
    const text = await raw(
      gateway.url,
      request('up/fault/pace?ms=10&words=8&reply=first') + request('up/ok/text?words=3&reply=second', true),
    );
    const answers = text.split(/(?=HTTP\/1\.1 )/);
    expect(answers).toHaveLength(2);
    expect(answers[0]).toMatch(/^HTTP\/1\.1 200/);
    expect(answers[0]).toContain('"id":"first"');
    expect(answers[0]).not.toContain('second');
    expect(answers[0]).toContain('w7');
    expect(answers[0]).toContain('[DONE]');
    expect(answers[1]).toContain('"id":"second"');
    expect(answers[1]).not.toContain('first');
    expect(answers[1]).toContain('[DONE]');
  });

  it('a body that comes late and in pieces is waited for', async () => {
    const { connect } = await import('node:net');
    const { hostname, port } = new URL(gateway.url);
    const whole = request('up/ok/text?words=3&reply=late', true);
    const head = whole.indexOf('\r\n\r\n') + 4;
    const text = await new Promise<string>((resolve, reject) => {
      let got = '';
      const socket = connect(Number(port), hostname, async () => {
        socket.setNoDelay(true);
        socket.write(whole.slice(0, head));
        for (const piece of [whole.slice(head, head + 10), whole.slice(head + 10, -1), whole.slice(-1)]) {
          await sleep(100);
          socket.write(piece);
        }
      });
      socket.on('data', (piece) => {
        got += piece.toString('latin1');
      });
      socket.on('close', () => resolve(got));
      socket.on('error', reject);
    });
    expect(text).toMatch(/^HTTP\/1\.1 200/);
    expect(text).toContain('"id":"late"');
    expect(text).toContain('[DONE]');
  });
});

describe('a slow disk or many rows', () => {
  it('do not lose a row: one for every request', async () => {
    const run = 'many-rows';
    await Promise.all(
      Array.from({ length: 60 }, (_, at) =>
        streamed(gateway.url, at % 2 === 0 ? 'openai' : 'anthropic', 'up/ok/text?words=2', { headers: { 'x-weir-run': run } }),
      ),
    );
    const rows = await gateway.rows({ run }, 60);
    expect(rows).toHaveLength(60);
    expect(rows.every(({ status, usage }) => status === 'complete' && usage?.output === 2)).toBe(true);
  });
});
