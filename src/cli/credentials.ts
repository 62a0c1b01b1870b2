import { parseArgs } from 'node:util';
import type { ConnectionItem } from '../admin/connections.ts';
import type { CredentialItem } from '../admin/credentials.ts';
import type { GrantItem } from '../admin/grants.ts';
import type { AdminClient, Page } from './client.ts';
import { Misuse, type Shell } from './shell.ts';
import { table } from './table.ts';

export const CREDENTIALS_HELP = `  weir credentials set <name> --org <org> [--description <text>]     the value is read from the input
  weir credentials list [--org <org>] | delete <id>
  weir connections list [--org <org>] [--user <user>] | delete <id>
  weir connections link --org <org> --route <route> --source <source>
  weir grants list [--org <org>] [--user <user>] [--key <id>] [--client <id>]
  weir grants delete <id> | delete --org <org> (--user <user> | --key <id> | --client <id>)     all of them`;

const text = { type: 'string' } as const;
const options = {
  ...{ org: text, user: text, key: text, client: text, description: text, route: text, source: text },
  json: { type: 'boolean' },
} as const;

type Values = ReturnType<typeof parse>['values'];
const parse = (args: readonly string[]) => parseArgs({ args: [...args], options, allowPositionals: true, strict: true });

/** Runs `weir credentials`, `weir connections` or `weir grants`; returns the exit code. */
export async function runCredentials(
  noun: keyof typeof verbs,
  args: readonly string[],
  shell: Shell,
  client: () => AdminClient,
): Promise<number> {
  const { values, positionals } = parse(args);
  const [verb = '', subject, ...rest] = positionals;
  if (rest.length > 0) throw new Misuse(`"${rest.join(' ')}" is too much.`);
  const run = verbs[noun][verb];
  if (run === undefined) throw new Misuse(`There is no command "${noun} ${verb}". weir --help lists them.`);
  const answer = await run({ subject, values, shell, client: client() });
  shell.out(values.json === true ? JSON.stringify(answer.body) : answer.text);
  return 0;
}

interface Asked {
  readonly subject: string | undefined;
  readonly values: Values;
  readonly shell: Shell;
  readonly client: AdminClient;
}

interface Answered {
  readonly body: object;
  readonly text: string;
}

type Verb = (asked: Asked) => Promise<Answered>;

const given = (value: string | undefined, what: string): string => {
  if (value === undefined) throw new Misuse(`This needs ${what}.`);
  return value;
};

const filters = ({ org, user }: Values): { readonly [name: string]: string } => ({
  limit: '100',
  ...(org === undefined ? {} : { org }),
  ...(user === undefined ? {} : { user }),
});

const grantFilters = (values: Values): { readonly [name: string]: string } => ({
  ...filters(values),
  ...(values.key === undefined ? {} : { key: values.key }),
  ...(values.client === undefined ? {} : { client: values.client }),
});

/** Writes a value, in the place of one of the same name that there is. It stands in no argument: those are seen by others on the machine. */
async function set({ subject, values, shell, client }: Asked): Promise<Answered> {
  const name = given(subject, 'a name');
  const org = given(values.org, '--org');
  const value = new TextDecoder().decode(await shell.read('-')).trim();
  const { description } = values;
  const { items } = await client.read<Page<CredentialItem>>('/credentials', { org, name });
  const [there] = items;
  const body =
    there === undefined
      ? await client.send<CredentialItem>('POST', '/credentials', { org, name, value, description })
      : await client.send<CredentialItem>('PATCH', `/credentials/${there.id}`, { value, description });
  return { body, text: `${body.name} of ${body.org} has a new value (${body.id}, revision ${body.revision}).` };
}

const remove =
  (path: string): Verb =>
  async ({ subject, client }) => {
    const id = given(subject, 'an id');
    return { body: await client.send<object>('DELETE', `${path}/${encodeURIComponent(id)}`), text: `${id} is deleted.` };
  };

async function credentials({ values, client }: Asked): Promise<Answered> {
  const page = await client.read<Page<CredentialItem>>('/credentials', filters(values));
  const rows = page.items.map(({ id, org, name, revision, description }) => [id, org, name, revision, description]);
  return { body: page, text: table(['id', 'org', 'name', 'revision', 'description'], rows) };
}

async function connections({ values, client }: Asked): Promise<Answered> {
  const page = await client.read<Page<ConnectionItem>>('/connections', filters(values));
  const rows = page.items.map(({ id, org, app, user, route, source, kind }) => [
    id,
    org,
    app ?? '*',
    user ?? '',
    `${route}/${source}`,
    kind,
  ]);
  return { body: page, text: table(['id', 'org', 'app', 'user', 'source', 'kind'], rows) };
}

async function link({ values, client }: Asked): Promise<Answered> {
  const asked = { org: given(values.org, '--org'), route: given(values.route, '--route'), source: given(values.source, '--source') };
  const body = await client.send<{ readonly url: string }>('POST', '/connections', asked);
  return { body, text: body.url };
}

async function grants({ values, client }: Asked): Promise<Answered> {
  const page = await client.read<Page<GrantItem>>('/grants', grantFilters(values));
  const rows = page.items.map(({ id, org, app, user, clientName, scopes }) => [id, org, app, user ?? '*', clientName, scopes]);
  return { body: page, text: table(['id', 'org', 'app', 'user', 'client', 'scopes'], rows) };
}

/** One, or all of somebody's: who leaves has let several clients in. */
async function removeGrants(asked: Asked): Promise<Answered> {
  const { subject, values, client } = asked;
  if (subject !== undefined) return remove('/grants')(asked);
  given(values.org, 'an id, or --org');
  given(values.user ?? values.key ?? values.client, '--user, --key or --client');
  const deleted: string[] = [];
  for (;;) {
    const { items } = await client.read<Page<GrantItem>>('/grants', grantFilters(values));
    if (items.length === 0) return { body: { deleted }, text: `${deleted.length} deleted.` };
    for (const { id } of items) {
      await client.send('DELETE', `/grants/${id}`);
      deleted.push(id);
    }
  }
}

const verbs: { readonly [noun in 'credentials' | 'connections' | 'grants']: { readonly [verb: string]: Verb | undefined } } = {
  credentials: { set, list: credentials, delete: remove('/credentials') },
  connections: { list: connections, delete: remove('/connections'), link },
  grants: { list: grants, delete: removeGrants },
};
