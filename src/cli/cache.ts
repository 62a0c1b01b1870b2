import { parseArgs } from 'node:util';
import type { AdminClient } from './client.ts';
import { Misuse, type Shell } from './shell.ts';

export const CACHE_HELP = `  weir cache purge --all | [--key <key>] [--tag <tag>] [--model <model>] [--app <app>] [--team <team>] [--org <org>]`;

const text = { type: 'string' } as const;
const options = { all: { type: 'boolean' }, key: text, tag: text, model: text, app: text, team: text, org: text } as const;

/** Runs `weir cache purge`; returns the exit code. */
export async function runCache(args: readonly string[], shell: Shell, client: () => AdminClient): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  const [verb = '', ...rest] = positionals;
  if (verb !== 'purge') throw new Misuse(`There is no command "cache ${verb}". weir --help lists them.`);
  if (rest.length > 0) throw new Misuse(`"${rest.join(' ')}" is too much.`);
  const { all = false, ...scope } = values;
  const isAll = Object.keys(scope).length === 0;
  if (isAll !== all) throw new Misuse('weir cache purge needs --all, or what is to be thrown away.');
  await client().purge(scope);
  const what = Object.entries(scope).map(([name, value]) => `${name} ${value}`);
  shell.out(isAll ? 'Every answer is thrown away.' : `Thrown away: ${what.join(', ')}.`);
  return 0;
}
