import { z } from 'zod';
import { listAudit } from '../state/tenants/reads.ts';
import { type AdminContext, type AdminDeps, type AdminRoute, requireDb } from './deps.ts';
import { check, moment, pageShape, paging } from './input.ts';

const text = z.string().min(1).max(256).optional();

const listQuery = z.strictObject({
  ...paging,
  actor: text,
  action: text.describe('Whole, or up to a dot: key is every action on keys.'),
  subject: text.describe('The id of what it was done to.'),
  org: text.describe('The id of the organisation.'),
  since: moment.optional(),
  until: moment.optional(),
});

const entry = z.strictObject({
  id: z.int(),
  at: z.int().describe('Milliseconds since the epoch.'),
  actor: z.string(),
  action: z.string(),
  detail: z.looseObject({}),
  subject: z.string().nullable(),
  org: z.string().nullable(),
});

async function list(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const { limit, cursor, ...filters } = check(listQuery, context.req.query());
  return context.json(await listAudit(requireDb(deps), { limit, cursor, filters }));
}

export const auditRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/audit',
    doc: { summary: 'Who changed what, newest first', query: listQuery, answer: pageShape(entry) },
    handle: list,
  },
];
