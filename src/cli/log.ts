import { parseArgs } from 'node:util';
import type { McpUsageItem, RequestItem, RunItem, UsageItem } from '../admin/log-shapes.ts';
import type { AdminClient, Page } from './client.ts';
import { decisionLines } from './decision.ts';
import { Misuse, type Shell } from './shell.ts';
import { table } from './table.ts';

export const LOG_HELP = `  weir requests list [filters]         weir requests show <id>     what was asked, newest first
  weir usage [--by model,day] [filters]                            what it came to, dearest first
  weir runs list [filters]             weir runs show <run>        the same of runs
  weir mcp usage [--by source,tool] [filters]                      calls of MCP servers, most called first
    filters: --org --team --app --key --user --run --route --model --provider --status --error
             --tool --source --mcp-method --mcp-outcome
             --since --until <ISO 8601>  --metadata name=value (again for another)`;

const text = { type: 'string' } as const;
const FILTERS = [
  'org',
  'team',
  'app',
  'key',
  'user',
  'run',
  'route',
  'model',
  'provider',
  'status',
  'error',
  'tool',
  'source',
  'since',
  'until',
] as const;
/** Options whose names in the admin API are written otherwise. */
const RENAMED = { 'mcp-method': 'mcp_method', 'mcp-outcome': 'mcp_outcome' } as const;
const PAGING = ['limit', 'cursor'] as const;

const parse = (args: readonly string[]) =>
  parseArgs({
    args: [...args],
    options: {
      ...(Object.fromEntries([...FILTERS, ...PAGING].map((name) => [name, text])) as {
        readonly [name in (typeof FILTERS)[number] | (typeof PAGING)[number]]: typeof text;
      }),
      'mcp-method': text,
      'mcp-outcome': text,
      by: text,
      metadata: { type: 'string', multiple: true },
      json: { type: 'boolean' },
    },
    allowPositionals: true,
    strict: true,
  });

type Values = ReturnType<typeof parse>['values'];

export type LogNoun = 'requests' | 'usage' | 'runs' | 'mcp';

/** Runs `weir requests …`, `weir usage …`, `weir runs …` and `weir mcp usage`; returns the exit code. */
export async function runLog(noun: LogNoun, args: readonly string[], shell: Shell, client: () => AdminClient): Promise<number> {
  const { values, positionals } = parse(args);
  const [verb, id, ...rest] = sumsOnly(noun, positionals) ?? positionals;
  const shows = verb === 'show' && id !== undefined;
  if (rest.length > 0 || (!shows && (verb !== 'list' || id !== undefined))) {
    throw new Misuse(`There is no command "${[noun, ...positionals].join(' ')}". weir --help lists them.`);
  }
  const query = queryOf(values);
  const { answer, shown } = await views[noun]((path) => client().read(path, query), shows ? id : undefined);
  shell.out(values.json === true ? JSON.stringify(answer) : shown);
  return 0;
}

/** Nouns that have nothing but sums. */
function sumsOnly(noun: LogNoun, positionals: readonly string[]): readonly (string | undefined)[] | undefined {
  if (noun === 'usage') return ['list', undefined, ...positionals];
  if (noun !== 'mcp') return undefined;
  const [verb, ...rest] = positionals;
  return [verb === 'usage' ? 'list' : verb === 'list' ? undefined : verb, undefined, ...rest];
}

function queryOf(values: Values): { readonly [name: string]: string } {
  const given = [...FILTERS, ...PAGING].flatMap((name) => (values[name] === undefined ? [] : [[name, values[name]] as const]));
  const renamed = Object.entries(RENAMED).flatMap(([option, name]) => {
    const value = values[option as keyof typeof RENAMED];
    return value === undefined ? [] : [[name, value] as const];
  });
  const metadata = (values.metadata ?? []).map((entry) => {
    const at = entry.indexOf('=');
    if (at < 1) throw new Misuse('--metadata takes name=value.');
    return [`metadata.${entry.slice(0, at)}`, entry.slice(at + 1)] as const;
  });
  return { ...Object.fromEntries([...given, ...renamed, ...metadata]), ...(values.by === undefined ? {} : { group_by: values.by }) };
}

/** An answer, and what people see of it. */
interface View {
  readonly answer: object;
  readonly shown: string;
}

type Read = <T>(path: string) => Promise<T>;

const views: { readonly [noun in LogNoun]: (read: Read, id: string | undefined) => Promise<View> } = {
  requests: async (read, id) => {
    if (id === undefined) return paged(await read<Page<RequestItem>>('/requests'), requestTable);
    const answer = await read<RequestItem>(`/requests/${encodeURIComponent(id)}`);
    return { answer, shown: requestLines(answer).join('\n') };
  },
  usage: async (read) => paged(await read<Page<UsageItem>>('/usage'), usageTable),
  mcp: async (read) => paged(await read<Page<McpUsageItem>>('/mcp/usage'), mcpTable),
  runs: async (read, id) => {
    if (id === undefined) return paged(await read<Page<RunItem>>('/runs'), runTable);
    const answer = await read<RunItem & { readonly requests: Page<RequestItem> }>(`/runs/${encodeURIComponent(id)}`);
    return { answer, shown: `${runTable([answer])}\n\n${paged(answer.requests, requestTable).shown}` };
  },
};

function paged<T>(answer: Page<T>, tableOf: (items: readonly T[]) => string): View {
  const more = answer.next === null ? '' : `\nMore: --cursor ${answer.next}`;
  return { answer, shown: answer.items.length === 0 ? 'None.' : tableOf(answer.items) + more };
}

const requestTable = (items: readonly RequestItem[]) =>
  table(
    ['when', 'id', 'app', 'model', 'outcome', 'http', 'input', 'output', 'USD', 'ms'],
    items.map((item) => [
      moment(item.startedAt),
      item.id,
      said(item.app),
      said(item.servedModel ?? item.askedModel ?? mcpOf(item)),
      item.errorCode ?? item.status,
      item.httpStatus,
      item.usage?.input ?? 0,
      item.usage?.output ?? 0,
      item.cost === undefined ? '-' : usd(item.cost),
      item.durationMs,
    ]),
  );

/** The tool that was called, or what else an MCP server was asked for. */
function mcpOf({ facts }: RequestItem): unknown {
  const mcp = facts?.mcp;
  if (typeof mcp !== 'object' || mcp === null) return undefined;
  return Reflect.get(mcp, 'tool') ?? Reflect.get(mcp, 'method');
}

/** What there is to say of one call, a line for each, and then how it found its way. */
function requestLines({ decision, ...item }: RequestItem): readonly string[] {
  const { startedAt, cost, ...rest } = item;
  const told = { when: moment(startedAt), ...rest, ...(cost === undefined ? {} : { USD: usd(cost) }) };
  const lines = Object.entries(told).map(
    ([name, value]) => `${name.padEnd(14)} ${typeof value === 'object' ? JSON.stringify(value) : value}`,
  );
  return decision === undefined ? lines : [...lines, '', ...decisionLines(decision)];
}

function usageTable(items: readonly UsageItem[]): string {
  const names = Object.keys(items[0]?.group ?? {});
  return table(
    [...names, ...SUMS, 'p50 ms', 'p95 ms'],
    items.map((item) => [...names.map((name) => said(item.group[name])), ...sumsOf(item), item.latency.p50, item.latency.p95]),
  );
}

function mcpTable(items: readonly McpUsageItem[]): string {
  const names = Object.keys(items[0]?.group ?? {});
  return table(
    [...names, 'calls', 'errors', 'tool errors', 'USD', 'p50 ms', 'p90 ms', 'p99 ms', 'most'],
    items.map(({ group, calls, errors, toolErrors, cost, latency, methods, tools }) => [
      ...names.map((name) => said(group[name])),
      ...[calls, errors, toolErrors, usd(cost), latency.p50, latency.p90, latency.p99],
      tools[0]?.tool ?? methods[0]?.method ?? '-',
    ]),
  );
}

const runTable = (items: readonly RunItem[]) =>
  table(
    ['last', 'run', 'app', 'status', ...SUMS],
    items.map((run) => [moment(run.lastAt), run.run, said(run.app), run.status, ...sumsOf(run)]),
  );

const SUMS = ['calls', 'errors', 'input', 'output', 'USD', 'unpriced'];
const sumsOf = ({ calls, errors, tokens, cost, unpriced }: UsageItem | RunItem) => [
  calls,
  errors,
  tokens.input,
  tokens.output,
  usd(cost),
  unpriced,
];

const moment = (at: number) => new Date(at).toISOString().slice(0, 19).replace('T', ' ');
const usd = (nano: number) => (nano / 1e9).toFixed(6);
const said = (value: unknown) => (value === null || value === undefined ? '-' : String(value));
