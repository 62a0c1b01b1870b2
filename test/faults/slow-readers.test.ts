import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Dialect, endings, openCall } from '../client.ts';
import { startTestGateway, type TestGateway, until } from '../gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway?.stop());

const ways: readonly { readonly way: string; readonly dialect: Dialect; readonly provider: string; readonly extra: object }[] = [
  { way: 'untouched', dialect: 'openai', provider: 'up', extra: { stream_options: { include_usage: true } } },
  { way: 'with-usage-hidden', dialect: 'openai', provider: 'up', extra: {} },
  { way: 'translated', dialect: 'anthropic', provider: 'up', extra: {} },
];

/** Bytes a second that a stream may still take once its caller has stopped reading: what the gateway sips to meter it. */
const STEADY = 128 * 1024;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('a caller who reads slowly', () => {
  it.each(ways)('holds the upstream back, and the gateway keeps little: $way', async ({ way, dialect, provider, extra }) => {
    // What the runtime keeps once it has worked at all is not what this is about.
    const warm = await openCall(gateway.url, dialect, `${provider}/fault/flood?bytes=4194304`, { extra });
    for await (const _ of warm.response);
    const before = residentMiB();
    const mark = `id=slow-${way}-`;
    const calls = await Promise.all(
      Array.from({ length: 6 }, () =>
        openCall(gateway.url, dialect, `${provider}/fault/flood?bytes=67108864&${mark}`, { extra, paused: true }),
      ),
    );
    // The kernel's buffers fill first, on both sides of the gateway; after that nothing moves.
    let grown = Number.POSITIVE_INFINITY;
    for (let at = 0; at < 20 && grown > STEADY * calls.length; at++) {
      const [before, begun] = [accepted(mark), performance.now()];
      await sleep(1_000);
      grown = ((accepted(mark) - before) * 1_000) / (performance.now() - begun);
    }
    const taken = accepted(mark) / calls.length;
    const held = residentMiB() - before;
    for (const call of calls) call.leave();
    expect(grown / calls.length).toBeLessThanOrEqual(STEADY);
    expect(taken).toBeLessThan(16 * 1024 * 1024);
    expect(held).toBeLessThan(60);
    await until(
      () => gateway.upstream.journal.of(mark).every(({ closedByPeerAt }) => closedByPeerAt !== undefined),
      15_000,
      'the upstreams are closed',
    );
  });

  it('gets all of it in the end', async () => {
    const call = await openCall(gateway.url, 'openai', 'up/fault/flood?bytes=4194304', {
      paused: true,
      extra: { stream_options: { include_usage: true } },
    });
    await sleep(300);
    const pieces: Buffer[] = [];
    for await (const piece of call.response) pieces.push(piece as Buffer);
    expect(Buffer.concat(pieces).length).toBeGreaterThan(4_194_304);
    expect(endings(Buffer.concat(pieces).subarray(-4096))).toMatchObject({ done: 1, errors: [] });
  });

  const accepted = (mark: string) => gateway.upstream.journal.of(mark).reduce((sum, seen) => sum + seen.accepted, 0);
});

/** Resident memory of the gateway's process: a child of this one. */
function residentMiB(): number {
  const own = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && statusOf(pid).includes(`PPid:\t${process.pid}\n`));
  const gateways = own.filter((pid) => statusOf(pid).startsWith('Name:\tworkerd'));
  expect(gateways).toHaveLength(1);
  return gateways.reduce((sum, pid) => sum + Number(/VmRSS:\s+(\d+)/.exec(statusOf(pid))?.[1]), 0) / 1024;
}

function statusOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return '';
  }
}
