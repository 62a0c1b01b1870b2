import { parseArgs } from 'node:util';
import { type AdminClient, ApiError } from '../client.ts';
import { Misuse, type Shell } from '../shell.ts';
import { type Applied, apply } from './apply.ts';
import { litellmPlan } from './litellm.ts';
import type { ImportPlan } from './plan.ts';
import { portkeyPlan } from './portkey.ts';
import { printApplied, printPlan } from './print.ts';

export const IMPORT_HELP = `  weir import litellm [config.yaml] [--tables <export.json>] [--url <proxy> --key <master key>] [--org <name>] [--dry-run]
  weir import portkey [--configs <a.json,b.json>] [--tables <export.json>] [--org <name>] [--model <name>] [--dry-run]`;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const options = { tables: text, url: text, key: text, org: text, configs: text, model: text, 'dry-run': flag, json: flag } as const;

/** What the command line says beside the names of the other gateway. */
export interface ImportOptions {
  readonly tables?: string | undefined;
  readonly url?: string | undefined;
  readonly key?: string | undefined;
  readonly org?: string | undefined;
  readonly configs?: string | undefined;
  readonly model?: string | undefined;
}

/** Takes over what another gateway has; returns the exit code. Nothing is touched with `--dry-run`. */
export async function runImport(args: readonly string[], shell: Shell, client: () => AdminClient): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  const [from, ...files] = positionals;
  const plan = await planOf(from, files, values, shell);
  const dry = values['dry-run'] === true;
  const applied = dry ? await looked(plan, shell, client) : await apply(plan, client(), true);
  if (values.json === true) {
    shell.out(JSON.stringify({ plan, ...(applied === undefined ? {} : { applied }) }));
  } else {
    printPlan(plan, applied, shell.out);
    if (!dry && applied !== undefined) printApplied(applied, shell.out);
    if (dry) shell.out(`\nNothing was touched.${applied === undefined ? ' No gateway was asked what is there already.' : ''}`);
  }
  return applied !== undefined && applied.problems.length > 0 ? 1 : 0;
}

/** What a gateway has of it already; a plan can be read without one too. */
async function looked(plan: ImportPlan, shell: Shell, client: () => AdminClient): Promise<Applied | undefined> {
  if (!hasToken(shell)) return undefined;
  try {
    return await apply(plan, client(), false);
  } catch (thrown) {
    if (thrown instanceof ApiError) throw thrown;
    return undefined;
  }
}

const hasToken = ({ env }: Shell) => env.WEIR_ADMIN_TOKEN !== undefined && env.WEIR_ADMIN_TOKEN !== '';

function planOf(from: string | undefined, files: readonly string[], values: ImportOptions, shell: Shell): Promise<ImportPlan> {
  if (from === 'litellm') return litellmPlan(files, values, shell);
  if (from === 'portkey') return portkeyPlan(files, values, shell);
  throw new Misuse('weir import takes litellm or portkey. weir --help says more.');
}
