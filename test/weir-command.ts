import { execFile } from 'node:child_process';
import path from 'node:path';
import { ADMIN_TOKEN } from './gateway.ts';

const root = path.dirname(import.meta.dirname);

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The command as it is installed, in a process of its own, told of the gateway at `url`; `input`: what it reads. */
export function weirAt(url: string, args: readonly string[], env: { readonly [name: string]: string } = {}, input?: string): Promise<Ran> {
  const options = { cwd: root, env: { ...process.env, WEIR_URL: url, WEIR_ADMIN_TOKEN: ADMIN_TOKEN, ...env } };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [path.join(root, 'scripts', 'weir.mjs'), ...args], options, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
    child.stdin?.end(input);
  });
}
