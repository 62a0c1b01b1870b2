import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { startGateway } from '../gateway.mjs';

// What the extra end-to-end scripts stand on: packages of their own outside the checkout, and a gateway with a
// configuration of its own.

const run = promisify(execFile);

/**
 * Installs packages into a folder that is kept for the next run, without running their scripts.
 * @param {string} name Of the folder.
 * @param {string[]} packages `name@version`
 * @returns {Promise<string>} The folder.
 */
export async function installed(name, packages) {
  const folder = path.join(tmpdir(), 'weir-e2e', name);
  const done = path.join(folder, `installed-${packages.join('-').replaceAll(/[^\w.-]/g, '_')}`);
  if (existsSync(done)) return folder;
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'package.json'), '{"private":true,"type":"module"}\n');
  console.log(`Installing ${packages.join(', ')} into ${folder} …`);
  await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...packages], { cwd: folder, maxBuffer: 64 * 1024 * 1024 });
  await writeFile(done, '');
  return folder;
}

export const ADMIN_TOKEN = 'admin-token-of-the-run';
export const KEY = 'weir_dev_key-of-the-run';

/**
 * A gateway that serves a configuration document.
 * @returns {Promise<{ url: string, admin: (at: string, init?: object) => Promise<object>, requests: (count: number) => Promise<object[]>, stop: () => Promise<void> }>}
 */
export async function gatewayWith(document) {
  const stateDir = await mkdtemp(path.join(tmpdir(), 'weir-e2e-state-'));
  const gateway = await startGateway({
    stateDir,
    secrets: { WEIR_ADMIN_TOKEN: ADMIN_TOKEN, WEIR_DEV_KEY: KEY, WEIR_SECRET: 'secret-of-the-run' },
    log: console.error,
  });
  const admin = async (at, init) => {
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' };
    const response = await fetch(`${gateway.url}/admin/v1${at}`, { ...init, headers });
    const body = await response.json();
    if (!response.ok) throw new Error(`${at}: ${JSON.stringify(body)}`);
    return body;
  };
  const stop = async () => {
    await gateway.stop();
    await rm(stateDir, { recursive: true, force: true });
  };
  try {
    await admin('/config', { method: 'PUT', body: JSON.stringify(document) });
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: gateway.url,
    admin,
    stop,
    /** The request log, once it has so many rows: they are written behind the answers. */
    requests: async (count) => {
      let items = [];
      await until(async () => {
        ({ items } = await admin('/requests?limit=500'));
        return items.length >= count;
      }, `${count} rows in the request log`);
      return items;
    },
  };
}

/** Asks again until it is true; throws after ten seconds. */
export async function until(met, what, ms = 10_000) {
  const end = Date.now() + ms;
  while (!(await met())) {
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Listens on a free port of loopback; the address, and how to stop. */
export async function listening(server) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return { origin: `http://127.0.0.1:${server.address().port}`, stop };
}

/** Runs named steps in order and says how each went; the first that fails ends the process with 1. */
export async function steps(list) {
  for (const [name, step] of list) {
    const began = Date.now();
    const found = await step();
    console.log(`  ok  ${name}${found === undefined ? '' : `: ${found}`}  (${Date.now() - began} ms)`);
  }
}
