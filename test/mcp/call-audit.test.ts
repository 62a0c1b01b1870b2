import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyFile } from '../../src/core/ledger/audit-file.ts';
import { makeFamily, makeKey } from '../tenants.ts';
import { call, initialize, type McpGateway, modern, post, startMcpGateway } from './gateway.ts';
import { type Scripted, startTools } from './scripted.ts';

// Calls of tools in the audit of their organisation.

let gateway: McpGateway;
let server: Scripted;
let org: string;
let app: string;
let headers: { readonly authorization: string };
afterAll(() => Promise.all([gateway?.stop(), server?.close()]));

const text = (value: string) => ({ content: [{ type: 'text', text: value }] });

beforeAll(async () => {
  [gateway, server] = await Promise.all([
    startMcpGateway(),
    startTools({
      good: () => text('secret answer'),
      bad: () => ({ ...text('no'), isError: true }),
      held: () => text('never'),
      fails: (_args: never, _arrived, response) => void response.writeHead(500).end('{}'),
    }),
  ]);
  const source = { kind: 'remote', url: server.url, name: 'files', prefix: 'fs' };
  const held = { use: 'approve', by: 'operator', tools: ['held'], wait: 0 };
  const routes = [
    { name: 'audited', kind: 'mcp', audit: true, sources: [{ ...source, transforms: [held] }] },
    { name: 'silent', kind: 'mcp', sources: [source] },
  ];
  const put = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify({ routes }) });
  expect(put.status).toBe(200);
  const made = await makeFamily(gateway, 'audited');
  ({ org, app } = made);
  const { key, id } = await makeKey(gateway, { app, name: 'k' });
  headers = { authorization: `Bearer ${key}` };
  keyId = id;
});
let keyId = '';

interface Entry {
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly phase: string;
  readonly detail: { readonly [name: string]: unknown };
}

async function exported(): Promise<{ readonly bytes: Uint8Array; readonly calls: readonly Entry[]; readonly text: string }> {
  const response = await gateway.admin(`/audit/export?org=${org}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const lines = new TextDecoder().decode(bytes);
  const entries = lines
    .trimEnd()
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Entry);
  return { bytes, calls: entries.filter(({ action }) => action === 'tool.call'), text: lines };
}

describe('the audit of calls', () => {
  it('has one entry for each, with what became of it, and never what was said', { timeout: 60_000 }, async () => {
    const url = gateway.mcp('audited');
    const args = { path: 'canary-argument' };
    await call(url, 1, 'fs__good', args, { ...headers, 'x-weir-run': 'run-7' });
    await call(url, 1, 'fs__bad', args, headers);
    await call(url, 1, 'fs__fails', args, headers);
    await call(url, 1, 'fs__held', args, headers);
    await call(url, 1, 'fs__nothing', args, headers);
    await modern(url, 1, 'tools/list', {}, headers);
    await call(gateway.mcp('silent'), 1, 'fs__good', args, headers);
    const { session } = await initialize(url, {}, headers);
    await post(url, { jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'fs__good', arguments: args } }, session);
    const { bytes, calls, text: lines } = await exported();
    expect(calls.map(({ subject, phase, detail }) => [subject, phase, detail.outcome])).toEqual([
      ['fs__good', 'done', 'complete'],
      ['fs__bad', 'done', 'tool-error'],
      ['fs__fails', 'failed', 'error'],
      ['fs__held', 'failed', 'not-approved'],
      ['fs__nothing', 'failed', 'error'],
      ['fs__good', 'done', 'complete'],
    ]);
    expect(calls[0]).toMatchObject({
      actor: keyId,
      detail: {
        route: 'audited',
        source: 'files',
        name: 'good',
        app,
        run: 'run-7',
        digest: expect.stringMatching(/^[\da-f]{64}$/),
        request: expect.stringMatching(/^req_/),
      },
    });
    expect(new Set(calls.map(({ detail }) => detail.digest)).size).toBe(1);
    expect(calls[2]?.detail).toMatchObject({ code: 'upstream_error' });
    expect(calls[3]?.detail).toMatchObject({ approval: { by: 'operator', id: expect.stringMatching(/^apr_/), status: 'pending' } });
    expect(lines).not.toContain('canary-argument');
    expect(lines).not.toContain('secret answer');
    const verdict = await verifyFile(bytes);
    expect(verdict).toMatchObject({ whole: true, chain: org, open: 0 });
    const flipped = new TextEncoder().encode(new TextDecoder().decode(bytes).replace('tool-error', 'complete'));
    expect(await verifyFile(flipped)).toMatchObject({ whole: false, fault: 'changed' });
  });

  it('has every one of a hundred at once, each before its answer', { timeout: 60_000 }, async () => {
    const url = gateway.mcp('audited');
    const before = (await exported()).calls.length;
    await Promise.all(Array.from({ length: 100 }, (_, at) => call(url, at, 'fs__good', { at }, headers)));
    const { bytes, calls } = await exported();
    expect(calls.length - before).toBe(100);
    expect(new Set(calls.slice(before).map(({ detail }) => detail.digest)).size).toBe(100);
    expect(await verifyFile(bytes)).toMatchObject({ whole: true });
  });

  // Measured where somebody asks for it: what it costs is told by a quiet machine alone.
  it.runIf(process.env.WEIR_MEASURE !== undefined)('costs little', { timeout: 120_000 }, async () => {
    const took = { audited: [] as number[], silent: [] as number[] };
    for (let round = 0; round < 60; round++) {
      for (const route of ['audited', 'silent'] as const) {
        const began = performance.now();
        await call(gateway.mcp(route), 1, 'fs__good', { round }, headers);
        took[route].push(performance.now() - began);
      }
    }
    const median = (times: readonly number[]) => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
    console.info(`audited ${median(took.audited).toFixed(2)} ms, silent ${median(took.silent).toFixed(2)} ms`);
    expect(median(took.audited)).toBeLessThan(median(took.silent) + 50);
  });
});
