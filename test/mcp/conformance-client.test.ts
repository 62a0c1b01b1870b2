import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { KEY } from '../gateway.ts';
import { type McpGateway, type SourceOptions, startMcpGateway } from './gateway.ts';
import { json, type Scripted, startScripted } from './scripted.ts';

// The client's half of the official conformance suite: the gateway is the client that the suite's servers look at, and a
// client of the official SDK asks for what each scenario wants (conformance-client/driver.ts).

let gateway: McpGateway;
let registrar: Scripted;
afterAll(() => Promise.all([gateway?.stop(), registrar?.close()]));

/** Routes as they are published: what the gateway refuses is told to who asked for it, and is in no later one. */
class Registrar {
  readonly #routes = new Map<string, readonly SourceOptions[]>();
  #next: Promise<void> | undefined;
  #before: Promise<void> = Promise.resolve();
  #made = 0;

  async add(source: SourceOptions): Promise<string> {
    const name = `scenario${this.#made}`;
    this.#made += 1;
    this.#routes.set(name, [source]);
    // Scenarios begin at the same time: those that come while one revision is published are in the next, all together.
    this.#next ??= this.#before.then(() => {
      this.#next = undefined;
      this.#before = this.#publish();
      return this.#before;
    });
    await this.#next;
    if (!this.#routes.has(name)) throw new Error('the gateway refuses this source');
    return name;
  }

  async #publish(): Promise<void> {
    const names = [...this.#routes.keys()];
    // Clients that leave are noticed by what is written to them: scenarios wait for it that wait for the gateway to leave.
    const refusal = await gateway.publish(Object.fromEntries(this.#routes), { limits: { ping: 1_000 } }).then(
      () => '',
      (error: unknown) => String(error),
    );
    if (refusal === '') return;
    const refused = [...refusal.matchAll(/routes\[(\d+)\]/g)].map(([, at]) => names[Number(at)] ?? '');
    if (refused.length === 0) throw new Error(refusal);
    for (const name of refused) this.#routes.delete(name);
    await this.#publish();
  }
}

beforeAll(async () => {
  gateway = await startMcpGateway();
  const routes = new Registrar();
  registrar = await startScripted(async ({ body: { url, auth } }, response) => {
    await routes.add({ url, name: 'desk', prefix: '', ...(auth === undefined ? {} : { auth }) }).then(
      (name) => json(response, { mcp: gateway.mcp(name), headers: { authorization: `Bearer ${KEY}` } }),
      (error: unknown) => json(response, { error: String(error) }, 500),
    );
  });
});

const folder = path.join(import.meta.dirname, 'conformance-client');
const cli = path.join(import.meta.dirname, '..', '..', 'node_modules', '@modelcontextprotocol', 'conformance', 'dist', 'index.js');

interface Run {
  readonly code: number;
  readonly text: string;
}

function run(args: readonly string[], env: { readonly [name: string]: string } = {}): Promise<Run> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [cli, ...args],
      { env: { ...process.env, NO_COLOR: '1', REGISTRAR: registrar.url, ...env }, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code ?? 1), text: stdout + stderr }),
    );
  });
}

const command = `${process.execPath} ${path.join(folder, 'driver.ts')}`;
const suite = (scenario: string, revision: string, env: { readonly [name: string]: string } = {}) =>
  run(['client', '--command', command, '--timeout', '60000', '--scenario', scenario, '--spec-version', revision, '--force'], env);

/** Every scenario of a client that a revision requires, and those of extensions. */
async function scenariosOf(revision: string): Promise<readonly string[]> {
  const { text } = await run(['list', '--requirements', revision]);
  const [, required = ''] = text.split(/^Client scenarios.*$/m);
  const own = [...(required.split(/^\S/m, 1)[0] ?? '').matchAll(/^ {2}- (\S+)$/gm)];
  return [...own, ...required.matchAll(/^ {4}- (\S+) \[client\]$/gm)].map(([, name = '']) => name);
}

/** What is known to fail, with the reasons, in the suite's own form. */
const known = [...readFileSync(path.join(folder, 'expected-failures.yml'), 'utf8').matchAll(/^ {2}- (.+)$/gm)].map(([, name = '']) => name);

/** Scenarios at the same time: the suite would run all of them at once, and some measure time. */
const AT_ONCE = 3;
/**
 * It begins first, so that the others run beside it: its server waits at its end for every connection to end, and the
 * gateway listens for ten seconds to a server whose client has left, since that may come back.
 */
const LONGEST = 'sse-retry';

/** Runs scenarios, some at a time. What those print that fail, by their names. */
async function failures(scenarios: readonly string[], revision: string, env: { readonly [name: string]: string } = {}) {
  const waiting = scenarios.toSorted((left, right) => Number(right === LONGEST) - Number(left === LONGEST));
  const failed = new Map<string, string>();
  const worker = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const { code, text } = await suite(name, revision, env);
      if (code !== 0) failed.set(name, text);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return failed;
}

it.each([
  { revision: '2025-11-25', least: 20 },
  { revision: '2026-07-28', least: 34 },
])('is a conformant client of $revision', { timeout: 500_000 }, async ({ revision, least }) => {
  const scenarios = await scenariosOf(revision);
  expect(scenarios.length).toBeGreaterThan(least);
  const failed = await failures(scenarios, revision);
  const unexpected = [...failed].filter(([name]) => !known.includes(name));
  expect(unexpected.map(([, text]) => text).join('\n')).toBe('');
  expect([...failed.keys()].sort()).toEqual(known.filter((name) => scenarios.includes(name)).sort());
});

// The same servers behind clients of the old way: the headers of a tool's choosing, the echo of a server's state and the rest
// are then the gateway's own work.
it('is a conformant client for clients of the old way', { timeout: 240_000 }, async () => {
  const scenarios = [
    'tools_call',
    'http-custom-headers',
    'http-invalid-tool-headers',
    'sep-2322-client-request-state',
    'json-schema-ref-no-deref',
  ];
  const failed = await failures(scenarios, '2026-07-28', { BRIDGE: 'legacy' });
  expect(Object.fromEntries(failed)).toEqual({});
});
