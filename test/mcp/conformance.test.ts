import { execFile } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeFamily } from '../tenants.ts';
import { type Fixture, startFixture } from './fixture.ts';
import { type McpGateway, startMcpGateway } from './gateway.ts';

// The official conformance suite of the protocol, run through the gateway against a server of the official SDK. It asks
// for things by their own names, so the route puts nothing before them, and it brings no key, so anybody may use it here.

let fixture: Fixture;
let gateway: McpGateway;
afterAll(() => Promise.all([gateway?.stop(), fixture?.close()]));

beforeAll(async () => {
  [fixture, gateway] = await Promise.all([startFixture({ tasks: true }), startMcpGateway()]);
  const { app } = await makeFamily(gateway, 'conformance');
  await gateway.publish(
    { everything: [{ url: fixture.url, prefix: '' }] },
    { identities: [{ use: 'anonymous', name: 'suite', as: { app }, limits: [{ unit: 'requests', limit: 1_000_000, window: '1m' }] }] },
  );
});

const root = path.join(import.meta.dirname, '..', '..');

function suite(requirements: string): Promise<{ readonly code: number; readonly text: string }> {
  const cli = path.join(root, 'node_modules', '@modelcontextprotocol', 'conformance', 'dist', 'index.js');
  const args = [cli, 'server', '--url', gateway.mcp('everything'), '--requirements', requirements];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env: { ...process.env, NO_COLOR: '1' }, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), text: stdout + stderr }),
    );
  });
}

const failing = (text: string) => [...text.matchAll(/^✗ ([\w-]+):/gm)].map(([, name = '']) => name);
const passing = (text: string) => [...text.matchAll(/^✓ ([\w-]+):/gm)].map(([, name = '']) => name);

it('is conformant with 2025-11-25', { timeout: 120_000 }, async () => {
  const { code, text } = await suite('2025-11-25');
  expect(failing(text)).toEqual([]);
  expect(passing(text).length).toBeGreaterThanOrEqual(30);
  expect(code).toBe(0);
});

it('is conformant with 2026-07-28, and with its extension for tasks', { timeout: 120_000 }, async () => {
  const { code, text } = await suite('2026-07-28');
  expect(failing(text)).toEqual([]);
  expect(passing(text).filter((name) => name.startsWith('tasks-'))).toHaveLength(10);
  expect(passing(text).length).toBeGreaterThanOrEqual(47);
  expect(code).toBe(0);
});
