import { parseArgs } from 'node:util';
import type { AdminClient, Page } from './client.ts';
import { Misuse, type Shell } from './shell.ts';
import { table } from './table.ts';

export const GOVERNANCE_HELP = `  weir tools list      [--route <route>] [--source <source>] [--status approved|pending|changed|rejected] [--org <org>]
  weir tools show <id>                                 what it is now, and how that differs from what was approved
  weir tools approve <id> [--digest <digest>]          weir tools reject <id>
  weir approvals list  [--org <org>] [--route <route>] [--tool <tool>] [--status pending|approved|denied|used|expired]
  weir approvals show <id>                             who calls which tool, and with what
  weir approvals approve <id> [--org <org>]            weir approvals deny <id> [--org <org>] [--reason <text>]`;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const options = {
  ...{ route: text, source: text, status: text, org: text, tool: text, name: text, app: text, limit: text, cursor: text },
  ...{ digest: text, reason: text, json: flag },
} as const;

type Values = { readonly [option in keyof typeof options]?: string | boolean };

/** A pinned tool, as far as it is shown here. */
interface Tool {
  readonly id: string;
  readonly route: string;
  readonly source: string;
  readonly name: string;
  readonly status: string;
  readonly digest: string;
  readonly hidden: readonly { readonly at: string; readonly kind: string; readonly count: number }[];
  readonly changes: readonly { readonly at: string; readonly from: string | null; readonly to: string | null }[] | null;
}

interface Approval {
  readonly id: string;
  readonly status: string;
  readonly app: string;
  readonly key: string;
  readonly user: string | null;
  readonly route: string;
  readonly tool: string;
  readonly preview: string;
  readonly expiresAt: number;
}

/** Which options a verb takes, and the path that it writes to. */
interface Noun {
  readonly filters: readonly (keyof typeof options)[];
  readonly verbs: { readonly [verb: string]: readonly (keyof typeof options)[] };
  rows(items: readonly never[]): string;
  one(item: never): string;
}

const nouns: { readonly [noun in 'tools' | 'approvals']: Noun } = {
  tools: {
    filters: ['route', 'source', 'name', 'status', 'org', 'limit', 'cursor'],
    verbs: { approve: ['digest'], reject: [] },
    rows: (items: readonly Tool[]) =>
      table(
        ['id', 'route', 'source', 'name', 'status', 'differs', 'hides'],
        items.map(({ id, route, source, name, status, changes, hidden }) => [
          ...[id, route, source, name, status, changes?.length ?? 0, hidden.length],
        ]),
      ),
    one: (tool: Tool) =>
      [
        `${tool.name} of ${tool.source} on ${tool.route}: ${tool.status}`,
        `digest ${tool.digest}`,
        ...tool.hidden.map(({ at, kind, count }) => `! hidden text at ${at || '/'}: ${kind} (${count})`),
        ...(tool.changes ?? []).flatMap(({ at, from, to }) => [
          at || '/',
          ...(from === null ? [] : [`- ${from}`]),
          ...(to === null ? [] : [`+ ${to}`]),
        ]),
      ].join('\n'),
  },
  approvals: {
    filters: ['org', 'app', 'route', 'tool', 'status', 'limit', 'cursor'],
    verbs: { approve: ['org'], deny: ['org', 'reason'] },
    rows: (items: readonly Approval[]) =>
      table(
        ['id', 'status', 'route', 'tool', 'app', 'user', 'until'],
        items.map(({ id, status, route, tool, app, user, expiresAt }) => [
          id,
          status,
          route,
          tool,
          app,
          user ?? '',
          new Date(expiresAt).toISOString(),
        ]),
      ),
    one: ({ id, status, route, tool, app, key, user, preview, expiresAt }: Approval) =>
      [
        `${id}: ${status}, until ${new Date(expiresAt).toISOString()}`,
        `${tool} on ${route}, by ${key} of ${app}${user === null ? '' : ` for ${user}`}`,
        preview,
      ].join('\n'),
  },
};

/** Runs `weir tools …` or `weir approvals …`; returns the exit code. */
export async function runGovernance(
  noun: keyof typeof nouns,
  args: readonly string[],
  shell: Shell,
  client: () => AdminClient,
): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  const [verb = '', id, ...more] = positionals;
  const { filters, verbs, rows, one } = nouns[noun];
  if (more.length > 0) throw new Misuse(`"${more.join(' ')}" is too much.`);
  if (verb === 'list' && id === undefined) {
    const page = await client().read<Page<never>>(`/${noun}`, given(values, filters, `${noun} list`));
    if (values.json === true) shell.out(JSON.stringify(page));
    else shell.out(page.items.length === 0 ? 'None.' : rows(page.items) + (page.next === null ? '' : `\nMore: --cursor ${page.next}`));
    return 0;
  }
  const taken = verb === 'show' ? [] : verbs[verb];
  if (taken === undefined) throw new Misuse(`There is no command "${noun} ${verb}". weir --help lists them.`);
  if (id === undefined) throw new Misuse(`weir ${noun} ${verb} needs an id.`);
  const body = given(values, taken, `${noun} ${verb}`);
  const path = `/${noun}/${encodeURIComponent(id)}`;
  const item = verb === 'show' ? await client().read<never>(path) : await client().decide<never>(`${path}/${verb}`, body);
  shell.out(values.json === true ? JSON.stringify(item) : one(item));
  return 0;
}

function given(values: Values, taken: readonly (keyof typeof options)[], command: string): { readonly [name: string]: string } {
  const said = Object.entries(values).filter(([name]) => name !== 'json');
  const other = said.find(([name]) => !taken.some((each) => each === name));
  if (other !== undefined) throw new Misuse(`weir ${command} takes no --${other[0]}.`);
  return Object.fromEntries(said.flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])));
}
