import { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import { type ConnectionRow, forgetConnection, listConnections, readConnection } from '../state/credentials/connection-rows.ts';
import { type AdminContext, type AdminDeps, type AdminRoute, requireDb } from './deps.ts';
import { check, EMPTY_PAGE, invalid, pageShape, paging, readJson } from './input.ts';
import { findParents, parentsOfList } from './resources/find.ts';
import { trailOf } from './trail.ts';

// What callers and organisations granted at the servers behind the gateway: who, and for what. The grants themselves nobody reads.

const org = z.string().min(1).max(128).describe('Id or name of the organisation.');
const text = z.string().min(1).max(256);

const linkBody = z.strictObject({
  org,
  route: text.describe('The route of kind `mcp`.'),
  source: text.describe('The source of it, whose `auth` is {"use": "oauth", "shared": true}.'),
});
const linkShape = z.strictObject({
  url: z.string().describe('Where the operator consents, in a browser.'),
  expiresAt: z.int().describe('Until when it leads there; milliseconds since the epoch.'),
});

const listQuery = z.strictObject({
  ...paging,
  org: org.optional(),
  app: text.optional().describe('Id or name of the app.'),
  user: text.optional(),
  route: text.optional(),
  source: text.optional(),
});

const shape = z.strictObject({
  id: z.string(),
  org: z.string(),
  app: z.string().nullable().describe('null: of the whole organisation.'),
  user: z.string().nullable().describe('Whom the credential of the caller named.'),
  route: z.string().describe('Where it was made; sources that stand for the same server share it.'),
  source: z.string(),
  kind: z.enum(['oauth', 'key']),
  issuer: z.string().nullable().describe('The authorization server.'),
  scopes: z.string().nullable(),
  createdAt: z.int().describe('Milliseconds since the epoch.'),
  updatedAt: z.int(),
});
export type ConnectionItem = z.output<typeof shape>;

const gone = z.strictObject({ id: z.string(), deleted: z.literal(true) });

async function found(context: AdminContext, deps: AdminDeps): Promise<ConnectionRow> {
  const row = await readConnection(requireDb(deps), context.req.param('id') ?? '');
  if (row === undefined) throw new GatewayError('not_found', 'There is no connection of this id.');
  return row;
}

async function list(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const { limit, cursor, org: named, app, ...filters } = check(listQuery, context.req.query());
  const db = requireDb(deps);
  const parents = await parentsOfList(db, { org: named, app });
  if (parents === undefined) return context.json(EMPTY_PAGE);
  return context.json(await listConnections(db, { limit, cursor, filters: { ...filters, org: parents.org, app: parents.app } }));
}

async function link(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const body = check(linkBody, (await readJson(context.req.raw)) ?? {});
  const within = await findParents(requireDb(deps), { org: body.org });
  if ('problem' in within) throw invalid([within.problem]);
  if (deps.connect === undefined)
    throw new GatewayError('not_supported', 'This gateway connects nothing: the operator sets the secret WEIR_SECRET.');
  return context.json(await deps.connect({ ...body, org: within.parents.org ?? '' }, context.req.raw));
}

async function remove(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const row = await found(context, deps);
  const { id, org: owner, app, user, route, source } = row;
  const db = requireDb(deps);
  const detail = { app, user, route, source };
  await trailOf(context, deps).elsewhere({ action: 'connection.delete', subject: id, org: owner, detail }, async () => {
    await deps.credentials?.drop(id);
    await forgetConnection(db, id);
  });
  return context.json({ id, deleted: true });
}

const one = '/connections/:id';

export const connectionRoutes: readonly AdminRoute[] = [
  {
    method: 'POST',
    path: '/connections',
    doc: { summary: 'A link by which the operator consents for a whole organisation', body: linkBody, answer: linkShape },
    handle: link,
  },
  {
    method: 'GET',
    path: '/connections',
    doc: { summary: 'What was granted at servers behind the gateway, newest first', query: listQuery, answer: pageShape(shape) },
    handle: list,
  },
  {
    method: 'GET',
    path: one,
    doc: { summary: 'One connection', answer: shape },
    handle: async (context, deps) => context.json(await found(context, deps)),
  },
  { method: 'DELETE', path: one, doc: { summary: 'Take back what was granted', answer: gone }, handle: remove },
];
