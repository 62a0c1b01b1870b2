import { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import { forgetGrant, type GrantRow, listGrants, readGrant } from '../state/oauth/grant-rows.ts';
import { type AdminContext, type AdminDeps, type AdminRoute, requireDb } from './deps.ts';
import { check, EMPTY_PAGE, pageShape, paging } from './input.ts';
import { parentsOfList } from './resources/find.ts';
import { trailOf } from './trail.ts';

// What people let clients of OAuth do in their name: who, which client, and for what. Codes and tokens nobody reads.

const text = z.string().min(1).max(1_024);

const listQuery = z.strictObject({
  ...paging,
  org: text.max(128).optional().describe('Id or name of the organisation.'),
  app: text.optional().describe('Id or name of the app.'),
  user: text.optional().describe('As the identity provider names the person, and the configuration takes it over.'),
  key: text.optional().describe('Id of the gateway key that was signed in with.'),
  client: text.optional().describe("The client's id."),
});

const shape = z.strictObject({
  id: z.string(),
  org: z.string(),
  app: z.string(),
  user: z.string().nullable().describe('null: of the whole app.'),
  key: z.string().nullable().describe('The gateway key that was signed in with; null where it was a person.'),
  client: z.string().describe('Its id: the address of its document, or of its registration.'),
  clientName: z.string().describe('As the client calls itself. Nobody vouches for it.'),
  resource: z.string().describe('What its tokens may be shown to.'),
  scopes: z.string().describe('With spaces between them.'),
  createdAt: z.int().describe('Milliseconds since the epoch.'),
  expiresAt: z.int().describe('When it ends by itself.'),
});
export type GrantItem = z.output<typeof shape>;

const gone = z.strictObject({ id: z.string(), deleted: z.literal(true) });

async function found(context: AdminContext, deps: AdminDeps): Promise<GrantRow> {
  const row = await readGrant(requireDb(deps), context.req.param('id') ?? '', deps.clock.now());
  if (row === undefined) throw new GatewayError('not_found', 'There is no grant of this id, or it is over.');
  return row;
}

async function list(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const { limit, cursor, org: named, app, ...filters } = check(listQuery, context.req.query());
  const db = requireDb(deps);
  const parents = await parentsOfList(db, { org: named, app });
  if (parents === undefined) return context.json(EMPTY_PAGE);
  const now = deps.clock.now();
  return context.json(await listGrants(db, { limit, cursor, now, filters: { ...filters, org: parents.org, app: parents.app } }));
}

async function remove(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const { id, org, app, user, key, client, resource } = await found(context, deps);
  const db = requireDb(deps);
  const detail = { app, user, key, client, resource };
  await trailOf(context, deps).elsewhere({ action: 'grant.delete', subject: id, org, detail }, async () => {
    // A deployment without its secret takes no tokens at all.
    await deps.grants?.endGrant(id);
    await forgetGrant(db, id);
  });
  return context.json({ id, deleted: true });
}

const one = '/grants/:id';

export const grantRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/grants',
    doc: { summary: 'What people let clients of OAuth do in their name, newest first', query: listQuery, answer: pageShape(shape) },
    handle: list,
  },
  {
    method: 'GET',
    path: one,
    doc: { summary: 'One grant', answer: shape },
    handle: async (context, deps) => context.json(await found(context, deps)),
  },
  {
    method: 'DELETE',
    path: one,
    doc: { summary: 'Take a grant back: its code and its tokens are refused everywhere within a second', answer: gone },
    handle: remove,
  },
];
