import { runInDurableObject } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { isObject, type JsonObject } from '../core/json.ts';
import { DEPLOYMENT_CHAIN } from '../core/ledger/audit.ts';
import { LedgerClient } from '../state/ledger/client.ts';
import type { Ledger } from '../state/ledger/ledger-object.ts';

// One call of every route of the admin API that writes, through the Worker as it is deployed, and what there is before and after.

const { DB: db } = env;

export interface Answer {
  readonly status: number;
  readonly body: JsonObject;
  readonly bytes: Uint8Array;
}

export async function call(method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await exports.default.fetch(
    new Request(`http://gateway/admin/v1${path}`, {
      method,
      headers: { authorization: 'Bearer admin-token-of-the-tests' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
  );
  const bytes = new Uint8Array(await response.arrayBuffer());
  const isJson = response.headers.get('content-type')?.includes('json') && !response.headers.get('content-type')?.includes('jsonl');
  const value: unknown = isJson ? JSON.parse(new TextDecoder().decode(bytes)) : {};
  return { status: response.status, body: isObject(value) ? value : {}, bytes };
}

export const ledgerOf = (chain: string) => new LedgerClient(env.LEDGER, chain);
export const entriesOf = (chain: string) => ledgerOf(chain).auditAfter(0, 1_000);

const board = () => env.HEALTH.getByName('board');

/** Has a place stand open for all isolates. */
async function breakPlace(): Promise<void> {
  const standing = { open: true, openFor: 3_600_000, restFor: 0, failedProbes: 0, why: 'upstream_error' } as const;
  const told = { good: 0, failed: 0, run: 5, hasRested: false, hasReleased: false, pace: { inFlight: 0 }, standing };
  await board().exchange({ isolate: 'i', board: undefined, version: 0, told: [{ ...told, place: 'mock/a#key', change: 'opened' }] });
}

/** Everything that the database holds, the runs that a ledger has stopped and how places stand, save what the audit says of it. */
export async function contents(chain: string): Promise<JsonObject> {
  const { results } = await db
    .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'")
    .all<{ name: string }>();
  const tables = results.map(({ name }) => name).filter((name) => name !== 'audit' && name !== 'd1_migrations');
  const rows = await db.batch(tables.map((name) => db.prepare(`SELECT * FROM ${name}`)));
  const stopped = await runInDurableObject(env.LEDGER.getByName(chain), (_object: Ledger, state) =>
    state.storage.sql.exec<{ subject: string }>('SELECT subject FROM stopped').toArray(),
  );
  const places = (await board().list()).map(({ place, state }) => ({ place, state }));
  return { ...Object.fromEntries(tables.map((name, at) => [name, (rows[at]?.results ?? []) as JsonObject[]])), stopped, places };
}

export interface Case {
  readonly path: string;
  readonly body?: unknown;
  /** Absent where it is only just made. */
  readonly chain?: string;
  readonly action: string;
  readonly subject?: string;
}

const idOf = async (answer: Promise<Answer>) => {
  const { status, body } = await answer;
  if (status !== 201) throw new Error(`${status} ${JSON.stringify(body)}`);
  return String(body.id);
};

/** An organisation with one of each. */
export async function family() {
  const org = await idOf(call('POST', '/orgs', { name: 'acme' }));
  const team = await idOf(call('POST', '/teams', { name: 'red', org }));
  const app = await idOf(call('POST', '/apps', { name: 'bot', team }));
  const key = await idOf(call('POST', '/keys', { name: 'k', app }));
  return { org, team, app, key };
}
export type Family = Awaited<ReturnType<typeof family>>;

export const config = { models: { smart: { targets: ['sandbox/echo'] } } };

const hook = async (org: string) => idOf(call('POST', '/webhooks', { org, url: 'https://hooks.example.com/secret-path' }));

/** A tool of an MCP server that waits to be looked at, good for every organisation. */
async function seenTool(): Promise<string> {
  const [digest, definition] = ['d'.repeat(64), '{"name":"read","description":"Reads."}'];
  await db
    .prepare(
      `INSERT INTO mcp_tools (id, org, route, source, name, status, seen_digest, seen, flags, first_seen_at, seen_at)
       VALUES ('tool_1', '', 'team', 'files', 'read', 'pending', ?, ?, '[]', 1, 1)`,
    )
    .bind(digest, definition)
    .run();
  return 'tool_1';
}

/** A call of a tool that waits for an operator. */
async function waitingCall({ org, team, app, key }: Family): Promise<string> {
  const [now, hour] = [Date.now(), 3_600_000];
  await db
    .prepare(
      `INSERT INTO mcp_approvals (id, org, team, app, key_id, route, source, tool, call, digest, preview, status, at, ttl, expires_at)
       VALUES ('apr_1', ?, ?, ?, ?, 'team', 'files', 'delete', 'c', 'd', '{}', 'pending', ?, ?, ?)`,
    )
    .bind(org, team, app, key, now, hour, now + hour)
    .run();
  return 'apr_1';
}

const credential = async (org: string) => idOf(call('POST', '/credentials', { org, name: 'github', value: 'canary-of-the-vault' }));

/** One call of every route that writes. A route that is not here fails the test below: it comes with its case. */
export const cases: { readonly [route: string]: (made: Family) => Case | Promise<Case> } = {
  'PUT /config': () => ({ path: '/config', body: config, chain: DEPLOYMENT_CHAIN, action: 'config.publish', subject: 'config' }),
  'POST /config/rollback': async () => {
    await call('PUT', '/config', config);
    return { path: '/config/rollback', chain: DEPLOYMENT_CHAIN, action: 'config.rollback', subject: 'config' };
  },
  'POST /health/reset': async () => {
    await breakPlace();
    const said = { chain: DEPLOYMENT_CHAIN, action: 'health.reset', subject: 'health' };
    return { path: '/health/reset', body: { provider: 'mock' }, ...said };
  },
  'DELETE /cache': ({ org, app }) => ({ path: '/cache', body: { app, tag: 'faq' }, chain: org, action: 'cache.purge', subject: 'cache' }),
  'POST /cache/reset': async ({ org }) => {
    await db.prepare('INSERT INTO semantic_checks (org, route, day, checked, wrong) VALUES (?, ?, ?, 9, 3)').bind(org, 'llm', 99_999).run();
    return { path: '/cache/reset', body: { org, route: 'llm' }, chain: org, action: 'cache.reset', subject: 'cache' };
  },
  ...Object.fromEntries(
    ['approve', 'reject'].map((verb) => [
      `POST /tools/{id}/${verb}`,
      async () => {
        const subject = await seenTool();
        return { path: `/tools/${subject}/${verb}`, chain: DEPLOYMENT_CHAIN, action: `tool.${verb}`, subject };
      },
    ]),
  ),
  ...Object.fromEntries(
    ['approve', 'deny'].map((verb) => [
      `POST /approvals/{id}/${verb}`,
      async (made: Family) => {
        const subject = await waitingCall(made);
        return { path: `/approvals/${subject}/${verb}`, chain: made.org, action: `approval.${verb}`, subject };
      },
    ]),
  ),
  'POST /orgs': () => ({ path: '/orgs', body: { name: 'new' }, action: 'org.create' }),
  'POST /teams': ({ org }) => ({ path: '/teams', body: { name: 'new', org }, chain: org, action: 'team.create' }),
  'POST /apps': ({ org, team }) => ({ path: '/apps', body: { name: 'new', team }, chain: org, action: 'app.create' }),
  'POST /keys': ({ org, app }) => ({ path: '/keys', body: { name: 'new', app }, chain: org, action: 'key.create' }),
  'POST /keys/{id}/rotate': ({ org, key }) => ({ path: `/keys/${key}/rotate`, chain: org, action: 'key.rotate', subject: key }),
  'POST /webhooks': ({ org }) => ({
    ...{ path: '/webhooks', body: { org, url: 'https://hooks.example.com/secret-path' }, chain: org, action: 'webhook.create' },
  }),
  'PATCH /webhooks/{id}': async ({ org }) => {
    const subject = await hook(org);
    return { path: `/webhooks/${subject}`, body: { disabled: true }, chain: org, action: 'webhook.change', subject };
  },
  'DELETE /webhooks/{id}': async ({ org }) => {
    const subject = await hook(org);
    return { path: `/webhooks/${subject}`, chain: org, action: 'webhook.delete', subject };
  },
  'POST /webhooks/{id}/rotate': async ({ org }) => {
    const subject = await hook(org);
    return { path: `/webhooks/${subject}/rotate`, chain: org, action: 'webhook.rotate', subject };
  },
  'POST /credentials': ({ org }) => ({
    ...{ path: '/credentials', body: { org, name: 'github', value: 'canary-of-the-vault' }, chain: org, action: 'credential.create' },
  }),
  'PATCH /credentials/{id}': async ({ org }) => {
    const subject = await credential(org);
    return { path: `/credentials/${subject}`, body: { value: 'canary-of-the-vault-2' }, chain: org, action: 'credential.change', subject };
  },
  'DELETE /credentials/{id}': async ({ org }) => {
    const subject = await credential(org);
    return { path: `/credentials/${subject}`, chain: org, action: 'credential.delete', subject };
  },
  'DELETE /connections/{id}': async ({ org }) => {
    const subject = env.CONNECTIONS.idFromName('x').toString();
    await db
      .prepare("INSERT INTO connections (id, org_id, route, source, kind, created_at, updated_at) VALUES (?, ?, 'r', 's', 'oauth', 1, 1)")
      .bind(subject, org)
      .run();
    return { path: `/connections/${subject}`, chain: org, action: 'connection.delete', subject };
  },
  'DELETE /grants/{id}': async ({ org, app }) => {
    const subject = env.OAUTH_GRANT.idFromName('x:y').toString();
    await db
      .prepare("INSERT INTO oauth_grants VALUES (?, ?, ?, NULL, NULL, 'client', 'Client', 'https://gateway.example', '', 1, 9e15)")
      .bind(subject, org, app)
      .run();
    return { path: `/grants/${subject}`, chain: org, action: 'grant.delete', subject };
  },
  'POST /runs/{id}/stop': ({ org, app }) => ({ path: '/runs/r1/stop', body: { app }, chain: org, action: 'run.stop', subject: 'r1' }),
  ...Object.fromEntries(
    (['org', 'team', 'app', 'key'] as const).flatMap((level) => [
      [
        `PATCH /${level}s/{id}`,
        (made: Family) => ({
          ...{ path: `/${level}s/${made[level]}`, body: { disabled: true } },
          ...{ chain: made.org, action: `${level}.change`, subject: made[level] },
        }),
      ],
      [
        `DELETE /${level}s/{id}`,
        (made: Family) => ({ path: `/${level}s/${made[level]}`, chain: made.org, action: `${level}.delete`, subject: made[level] }),
      ],
    ]),
  ),
};

/** What is no read and changes nothing: it sends a message that says so, or says what would be. */
export const HARMLESS = ['POST /webhooks/{id}/test', 'POST /explain', 'POST /connections'];
