import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';

export const ADMIN_TOKEN = 'admin-token-of-the-ledger-tests';

/** A gateway in a process group of its own. */
export interface GatewayProcess {
  readonly url: string;
  /** What it said on stderr. */
  readonly said: () => string;
  /** SIGKILL to the whole group, gateway and workerd: nobody in it has a moment to write anything. */
  kill(): Promise<void>;
  /** As an operator stops it. */
  stop(): Promise<void>;
}

const SECRETS = { WEIR_ADMIN_TOKEN: ADMIN_TOKEN, WEIR_DEV_KEY: 'weir_dev_ledger-tests', WEIR_SECRET: 'secret-of-the-ledger-tests' };

/** Starts on the state that is there. Ready when it comes back. */
export async function startProcess(stateDir: string): Promise<GatewayProcess> {
  const script = path.join(import.meta.dirname, 'gateway-process.mjs');
  const child = spawn(process.execPath, [script, stateDir, JSON.stringify(SECRETS)], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  let said = '';
  child.stderr.on('data', (piece: Buffer) => {
    said += piece.toString();
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const line = await firstLine(child, ended, () => said);
  return {
    url: (JSON.parse(line) as { url: string }).url,
    said: () => said,
    kill: () => signalled(child, 'SIGKILL', ended),
    stop: () => signalled(child, 'SIGTERM', ended),
  };
}

function signalled(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM', ended: Promise<void>): Promise<void> {
  const { pid } = child;
  // The group bears the number of the process that was started here; a negative number addresses it and nothing else.
  const isRunning = pid !== undefined && child.exitCode === null && child.signalCode === null;
  if (isRunning) process.kill(signal === 'SIGKILL' ? -pid : pid, signal);
  return ended;
}

function firstLine(child: ChildProcess, ended: Promise<void>, said: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (piece: Buffer) => {
      text += piece.toString();
      const end = text.indexOf('\n');
      if (end >= 0) resolve(text.slice(0, end));
    });
    ended.then(() => reject(new Error(`the gateway ended before it was ready\n${said()}`)));
  });
}

/** Asks its admin API. Throws where that refuses. */
export async function admin<T = { readonly [field: string]: unknown }>(url: string, method: string, at: string, body?: object): Promise<T> {
  const response = await fetch(`${url}/admin/v1${at}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${at}: ${response.status} ${text}`);
  return JSON.parse(text) as T;
}
