import { parseArgs } from 'node:util';
import { isArray, isObject, type Json } from '../../core/json.ts';
import type { AdminClient } from '../client.ts';
import { Misuse, type Shell } from '../shell.ts';
import type { Client, Environment, FilePart, Target } from './client.ts';
import { clients } from './clients.ts';
import { mergedJson } from './json-file.ts';
import { exports } from './shell-words.ts';
import { mergedToml } from './toml-file.ts';

const NAMES = clients.map(({ name }) => name).join('|');

export const CONFIGURE_HELP = `  weir configure <client> [route]     what a client needs to use an MCP server of the gateway
    ${NAMES}
    --write               into the client's own file, which keeps all else; the file before stays beside it
    --llm                 and its models, where the client can be told  --model <model> (smart)
    --url <gateway>  --name <name in the client>  --key-env <variable> (WEIR_KEY)  --key <key>, written as it is`;

const text = { type: 'string' } as const;
const options = {
  write: { type: 'boolean' },
  llm: { type: 'boolean' },
  model: text,
  url: text,
  name: text,
  key: text,
  'key-env': text,
} as const;

/** Runs `weir configure …`; returns the exit code. */
export async function runConfigure(args: readonly string[], shell: Shell, client: () => AdminClient): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  const [named = '', route, ...rest] = positionals;
  const chosen = clients.find(({ name }) => name === named);
  if (chosen === undefined) throw new Misuse(`weir configure needs a client: ${NAMES}.`);
  if (rest.length > 0) throw new Misuse(`"${rest.join(' ')}" is too much.`);
  const origin = originOf(values.url ?? (shell.env.WEIR_URL || 'http://localhost:8787'));
  const of = route ?? (await onlyRoute(chosen, client, shell));
  const target: Target = {
    origin,
    url: `${origin}/mcp/${encodeURIComponent(of)}`,
    name: nameOf(values.name ?? of),
    key: values.key === undefined ? { variable: variableOf(values['key-env'] ?? 'WEIR_KEY') } : { value: values.key },
    model: values.model ?? 'smart',
  };
  const setup = setupOf(chosen, target, values.llm === true);
  if (values.write === true) await write(chosen, setup, shell);
  else shell.out(await shown(setup));
  if ('variable' in target.key && chosen.asksForKey !== true) {
    shell.out(`\nThe key is read from ${target.key.variable}: set it to a key of the gateway.`);
  }
  return 0;
}

/** All that a client needs. */
export interface Setup {
  readonly files: readonly FilePart[];
  readonly command?: string;
  readonly environment: Environment;
}

/** Throws `Misuse` where the client cannot be told of models. */
export function setupOf(client: Client, target: Target, llm: boolean): Setup {
  const models = llm ? client.llm?.(target) : undefined;
  if (llm && models === undefined) throw new Misuse(`${client.title} cannot be told of its models this way.`);
  const mcp = client.mcp?.(target);
  const command = client.command?.(target);
  return {
    files: [...(mcp === undefined ? [] : [mcp]), ...(models?.files ?? [])],
    ...(command === undefined ? {} : { command }),
    environment: models?.environment ?? [],
  };
}

/** Files by their paths, with what stood in them and what is to stand there. Throws `Misuse` where that cannot be. */
async function planned(
  files: readonly FilePart[],
  read: (path: string) => Promise<string | undefined>,
): Promise<ReadonlyMap<string, { readonly before: string | undefined; readonly after: string }>> {
  const plan = new Map<string, { readonly before: string | undefined; readonly after: string }>();
  for (const { path, content } of files) {
    const known = plan.get(path) ?? { before: await read(path), after: undefined };
    const onto = known.after ?? known.before;
    const after = content.form === 'json' ? mergedJson(onto, content, path) : mergedToml(onto, content, path);
    plan.set(path, { before: known.before, after });
  }
  return plan;
}

/** What is printed: each file as it would be where there was none, a command, variables. */
export async function textsOf({ files, command, environment }: Setup): Promise<{
  readonly files: readonly { readonly path: string; readonly text: string }[];
  readonly command?: string;
  readonly environment?: string;
}> {
  const plan = await planned(files, async () => undefined);
  return {
    files: Array.from(plan, ([path, { after }]) => ({ path, text: after })),
    ...(command === undefined ? {} : { command }),
    ...(environment.length === 0 ? {} : { environment: exports(environment) }),
  };
}

async function shown(setup: Setup): Promise<string> {
  const { files, command, environment } = await textsOf(setup);
  const parts = files.map(({ path, text: said }) => `${path}:\n\n${said}`);
  if (command !== undefined) parts.push(`${files.length === 0 ? 'To look at it once' : 'Or'}:\n\n${command}\n`);
  if (environment !== undefined) parts.push(`In the environment:\n\n${environment}\n`);
  return parts.join('\n').trimEnd();
}

async function write({ title }: Client, { files, environment }: Setup, shell: Shell): Promise<void> {
  if (files.length === 0) throw new Misuse(`${title} has no file for this: run what is printed without --write.`);
  const placeOf = (path: string) => (path.startsWith('~/') ? `${shell.home}/${path.slice(2)}` : `${shell.folder}/${path}`);
  // All of them are worked out before any is written.
  const plan = await planned(files, (path) => existing(shell, placeOf(path)));
  for (const [path, { before, after }] of plan) {
    const at = placeOf(path);
    if (before === after) {
      shell.out(`${at} has it already.`);
      continue;
    }
    const kept = `${at}.${new Date(shell.now()).toISOString().replaceAll(/[:.]/g, '-')}.bak`;
    if (before !== undefined) await shell.save(kept, before);
    await shell.save(at, after);
    shell.out(before === undefined ? `${at} was made.` : `${at} was changed; as it was it is in ${kept}.`);
  }
  if (environment.length > 0) shell.out(`\nIn the environment:\n\n${exports(environment)}`);
}

async function existing(shell: Shell, path: string): Promise<string | undefined> {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(await shell.read(path));
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined;
    if (thrown instanceof TypeError) throw new Misuse(`${path} is not a text, and stays as it is.`);
    throw thrown;
  }
}

/** Of the configuration that is served: the one MCP server there is. */
async function onlyRoute({ name }: Client, client: () => AdminClient, { env }: Shell): Promise<string> {
  if (!env.WEIR_ADMIN_TOKEN)
    throw new Misuse(`Say which MCP server: weir configure ${name} <route>. Without WEIR_ADMIN_TOKEN nobody can be asked.`);
  const { document } = await client().read<{ readonly document?: Json }>('/config', {});
  const routes = document !== undefined && isObject(document) && isArray(document.routes) ? document.routes : [];
  const names = routes.flatMap((route) => (isObject(route) && route.kind === 'mcp' && typeof route.name === 'string' ? [route.name] : []));
  const [only, ...others] = names;
  if (only !== undefined && others.length === 0) return only;
  throw new Misuse(
    only === undefined
      ? 'The gateway has no route of kind mcp. docs/mcp.md says how to make one.'
      : `Say which MCP server: ${names.join(', ')}.`,
  );
}

function originOf(written: string): string {
  if (!/^https?:\/\//.test(written) || !URL.canParse(written)) throw new Misuse(`"${written}" is not the address of a gateway.`);
  const { origin, pathname } = new URL(written);
  return `${origin}${pathname.replace(/\/+$/, '')}`;
}

function nameOf(written: string): string {
  const name = written.replaceAll(/[^\w-]/g, '-');
  if (name === '' || name.length > 64) throw new Misuse('--name takes letters, digits, - and _, 64 at most.');
  return name;
}

function variableOf(written: string): string {
  if (!/^[A-Za-z_]\w*$/.test(written)) throw new Misuse(`"${written}" is not the name of a variable.`);
  return written;
}
