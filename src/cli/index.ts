import { type ParseArgsConfig, parseArgs } from 'node:util';
import { AUDIT_HELP, runAudit } from './audit.ts';
import { CACHE_HELP, runCache } from './cache.ts';
import { AdminClient, ApiError, type Plural } from './client.ts';
import { CONFIGURE_HELP, runConfigure } from './configure/index.ts';
import { CREDENTIALS_HELP, runCredentials } from './credentials.ts';
import { EXPLAIN_HELP, runExplain } from './explain.ts';
import { GOVERNANCE_HELP, runGovernance } from './governance.ts';
import { IMPORT_HELP, runImport } from './import/index.ts';
import { LOG_HELP, runLog } from './log.ts';
import { Misuse, type Shell } from './shell.ts';

const HELP = `weir: administers a gateway

  weir orgs  create <name>                     weir orgs  list
  weir teams create <name> --org <org>         weir teams list [--org <org>]
  weir apps  create <name> --team <team>       weir apps  list [--org <org>] [--team <team>]
  weir keys  create <name> --app <app>         weir keys  list [--org …] [--team …] [--app …]
  weir keys  rotate <id> [--overlap 24h]
  weir <orgs|teams|apps|keys> disable|enable|delete <id>
${LOG_HELP}
${EXPLAIN_HELP}
${AUDIT_HELP}
${CACHE_HELP}
${CREDENTIALS_HELP}
${GOVERNANCE_HELP}
${IMPORT_HELP}
${CONFIGURE_HELP}

  --org, --team, --app   an id or a name
  --limits <json>        as in docs/tenants.md: '[{"unit":"usd","limit":25,"window":"month"}]'
  --models <a,b>  --routes <a,b>  --ips <a,b>  --countries <a,b>     what is allowed
  --metadata <json>      a flat object
  --expires <date>       of keys: ISO 8601
  --environment live|dev|test                                        of keys
  --limit <n>  --cursor <next>  --name <beginning>  --disabled  --deleted     of lists
  --json                 the answer as JSON

Environment: WEIR_URL (http://localhost:8787), WEIR_ADMIN_TOKEN; both may stand in .dev.vars.`;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const options = {
  org: text,
  team: text,
  app: text,
  limits: text,
  models: text,
  routes: text,
  ips: text,
  countries: text,
  metadata: text,
  expires: text,
  environment: text,
  overlap: text,
  limit: text,
  cursor: text,
  name: text,
  disabled: flag,
  deleted: flag,
  json: flag,
  help: flag,
} satisfies ParseArgsConfig['options'];

type Values = ReturnType<typeof parse>['values'];

const parse = (args: readonly string[]) => parseArgs({ args: [...args], options, allowPositionals: true, strict: true });

/** Commands with options of their own. */
const commands: ReadonlyMap<string, (args: readonly string[], shell: Shell, client: () => AdminClient) => Promise<number>> = new Map([
  ['audit', runAudit],
  ['cache', runCache],
  ['configure', runConfigure],
  ['explain', runExplain],
  ['import', runImport],
  ...(['credentials', 'connections', 'grants'] as const).map((noun) => [noun, runCredentials.bind(undefined, noun)] as const),
  ...(['tools', 'approvals'] as const).map((noun) => [noun, runGovernance.bind(undefined, noun)] as const),
  ...(['requests', 'usage', 'runs', 'mcp'] as const).map((noun) => [noun, runLog.bind(undefined, noun)] as const),
]);

const LISTS = ['models', 'routes', 'ips', 'countries'] as const;
const PLURALS: readonly Plural[] = ['orgs', 'teams', 'apps', 'keys'];
const FILTERS = ['org', 'team', 'app', 'limit', 'cursor', 'name'] as const;

/**
 * Runs one command; returns the exit code: 0, 1 where the gateway refused or was not reached or a chain is broken, 2 where the
 * command is none.
 */
export async function run(args: readonly string[], shell: Shell): Promise<number> {
  try {
    const [noun = '', ...rest] = args;
    const command = args.includes('--help') ? undefined : commands.get(noun);
    if (command !== undefined) return await command(rest, shell, () => clientOf(shell));
    const { values, positionals } = parse(args);
    if (values.help === true || positionals.length === 0) {
      shell.out(HELP);
      return 0;
    }
    const answer = await execute(clientOf(shell), positionals, values);
    shell.out(values.json === true ? JSON.stringify(answer) : shown(answer));
    return 0;
  } catch (thrown) {
    const { code, lines } = explained(thrown);
    for (const line of lines) shell.err(line);
    return code;
  }
}

function clientOf({ env, fetch }: Shell): AdminClient {
  const token = env.WEIR_ADMIN_TOKEN;
  if (token === undefined || token === '') throw new Misuse('WEIR_ADMIN_TOKEN is not set, and .dev.vars has none.');
  return new AdminClient({ url: env.WEIR_URL || 'http://localhost:8787', token, fetch });
}

function execute(client: AdminClient, [noun = '', verb = '', subject, ...rest]: readonly string[], values: Values): Promise<object> {
  const plural = PLURALS.find((each) => each === noun);
  if (plural === undefined) throw new Misuse(`There is no command "${noun}". weir --help lists them.`);
  if (rest.length > 0) throw new Misuse(`"${rest.join(' ')}" is too much.`);
  if (verb === 'list') return client.list(plural, filtersOf(values));
  const named = (): string => {
    if (subject === undefined) throw new Misuse(`weir ${noun} ${verb} needs ${verb === 'create' ? 'a name' : 'an id'}.`);
    return subject;
  };
  if (verb === 'create') return client.create(plural, { name: named(), ...bodyOf(values) });
  if (verb === 'disable' || verb === 'enable') return client.change(plural, named(), { disabled: verb === 'disable' });
  if (verb === 'delete') return client.delete(plural, named());
  if (verb === 'rotate' && plural === 'keys')
    return client.rotate(named(), values.overlap === undefined ? {} : { overlap: values.overlap });
  throw new Misuse(`There is no command "${noun} ${verb}". weir --help lists them.`);
}

function filtersOf(values: Values): { readonly [filter: string]: string } {
  const given = FILTERS.flatMap((name) => (values[name] === undefined ? [] : [[name, values[name]] as const]));
  return {
    ...Object.fromEntries(given),
    ...(values.disabled === true ? { disabled: 'true' } : {}),
    ...(values.deleted === true ? { deleted: 'true' } : {}),
  };
}

function bodyOf(values: Values): object {
  const { org, team, app, environment, expires, disabled } = values;
  const lists = LISTS.flatMap((name) => (values[name] === undefined ? [] : [[name, values[name].split(',')] as const]));
  return {
    org,
    team,
    app,
    environment,
    disabled,
    expiresAt: expires,
    limits: json('limits', values.limits),
    metadata: json('metadata', values.metadata),
    ...Object.fromEntries(lists),
  };
}

function json(name: string, written: string | undefined): unknown {
  if (written === undefined) return undefined;
  try {
    return JSON.parse(written);
  } catch {
    throw new Misuse(`--${name} is not JSON.`);
  }
}

function explained(thrown: unknown): { readonly code: number; readonly lines: readonly string[] } {
  if (thrown instanceof ApiError) {
    const more = thrown.problems.length > 1 ? thrown.problems.map(({ path, message }) => `  ${path}: ${message}`) : [];
    return { code: 1, lines: [thrown.message, ...more] };
  }
  if (thrown instanceof Misuse) return { code: 2, lines: [thrown.message] };
  // Of `parseArgs`: what it says is meant for who typed.
  if (thrown instanceof TypeError && 'code' in thrown && String(thrown.code).startsWith('ERR_PARSE_ARGS')) {
    return { code: 2, lines: [thrown.message] };
  }
  // Of a file: what the system says of it.
  if (thrown instanceof Error && 'syscall' in thrown) return { code: 2, lines: [thrown.message] };
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? `: ${thrown.cause.message}` : '';
  return { code: 1, lines: [`The gateway was not reached${cause}. Is WEIR_URL right?`] };
}

/** For people: a table of a list, lines of one thing. */
function shown(answer: object): string {
  if (!('items' in answer) || !Array.isArray(answer.items)) return lines(answer);
  const next = 'next' in answer && typeof answer.next === 'string' ? `\nMore: --cursor ${answer.next}` : '';
  return (answer.items.length === 0 ? 'None.' : answer.items.map(row).join('\n')) + next;
}

function row(item: object): string {
  const { id, name, disabled, prefix = '' } = { prefix: '', ...item } as { id: string; name: string; disabled: boolean; prefix?: string };
  return `${id.padEnd(22)} ${name}${prefix === '' ? '' : `  ${prefix}`}${disabled ? '  (disabled)' : ''}`;
}

const lines = (item: object): string =>
  Object.entries(item)
    .filter(([, value]) => value !== null && !(Array.isArray(value) && value.length === 0))
    .map(([name, value]) => `${name.padEnd(14)} ${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join('\n');
