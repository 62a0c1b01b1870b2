import { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import { type Approval, approvalStatuses, decideApproval, listApprovals, over, readApproval } from '../state/governance/decisions.ts';
import { type AdminContext, type AdminDeps, type AdminRoute, requireDb } from './deps.ts';
import { check, invalid, pageShape, paging, readJson } from './input.ts';
import { findParents } from './resources/find.ts';
import { trailOf } from './trail.ts';

const text = z.string().min(1).max(256).optional();

const listQuery = z.strictObject({
  ...paging,
  org: text.describe('Id or name.'),
  app: text.describe('Id or name.'),
  route: text,
  tool: text.describe('As clients see it.'),
  status: z.enum(approvalStatuses).optional(),
});

const org = text.describe('Id or name of the organisation that it must be of; of any when absent.');
const approveBody = z.strictObject({ org });
const denyBody = z.strictObject({ org, reason: z.string().min(1).max(500).optional().describe('What the caller is told.') });

const item = z.strictObject({
  id: z.string(),
  status: z.enum(approvalStatuses).describe('used: the call was made. expired: nobody decided in time, or nobody came back for it.'),
  org: z.string(),
  team: z.string(),
  app: z.string(),
  key: z.string().describe('The id of the key or identity that the call came with.'),
  user: z.string().nullable(),
  route: z.string(),
  source: z.string(),
  tool: z.string(),
  digest: z.string().describe('SHA-256 of the canonical JSON of the arguments: it is good for these alone.'),
  preview: z.string().describe('The arguments: cut, and without what looks secret.'),
  at: z.int().describe('Milliseconds since the epoch.'),
  expiresAt: z.int().describe('Until when it can be decided, and once it is approved, used.'),
  decidedAt: z.int().nullable(),
  decidedBy: z.string().nullable(),
  reason: z.string().nullable(),
  usedAt: z.int().nullable(),
});

async function list(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const { limit, cursor, org: inOrg, app: inApp, ...filters } = check(listQuery, context.req.query());
  const db = requireDb(deps);
  const within = await findParents(db, { org: inOrg, app: inApp });
  if ('problem' in within) throw invalid([within.problem]);
  const { org, app } = within.parents;
  const now = deps.clock.now();
  const page = await listApprovals(db, { limit, cursor, now, filters: { ...filters, org: inOrg && org, app: inApp && app } });
  return context.json(page);
}

async function found(context: AdminContext, deps: AdminDeps): Promise<Approval> {
  const approval = await readApproval(requireDb(deps), context.req.param('id') ?? '', deps.clock.now());
  if (approval === undefined) throw missing();
  return approval;
}

const missing = () => new GatewayError('not_found', 'There is no approval of this id.');

async function decide(context: AdminContext, deps: AdminDeps, isYes: boolean): Promise<Response> {
  const body = check(isYes ? approveBody : denyBody, (await readJson(context.req.raw)) ?? {});
  const approval = await found(context, deps);
  const db = requireDb(deps);
  if (body.org !== undefined) {
    const within = await findParents(db, { org: body.org });
    // Of another organisation: it is not there for who asks for this one.
    if ('problem' in within || within.parents.org !== approval.org) throw missing();
  }
  if (approval.status !== 'pending') throw over();
  const reason = 'reason' in body && typeof body.reason === 'string' ? body.reason : undefined;
  await decideApproval(db, approval, { isYes, reason }, { trail: trailOf(context, deps), now: deps.clock.now() });
  return context.json(await found(context, deps));
}

export const approvalRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/approvals',
    doc: { summary: 'Calls of tools that wait for an operator, or waited, newest first', query: listQuery, answer: pageShape(item) },
    handle: list,
  },
  {
    method: 'GET',
    path: '/approvals/:id',
    doc: { summary: 'One of them', answer: item },
    handle: async (context, deps) => context.json(await found(context, deps)),
  },
  {
    method: 'POST',
    path: '/approvals/:id/approve',
    doc: { summary: 'Let the call be made, once, by who asked for it and with the same arguments', body: approveBody, answer: item },
    handle: (context, deps) => decide(context, deps, true),
  },
  {
    method: 'POST',
    path: '/approvals/:id/deny',
    doc: { summary: 'Refuse the call', body: denyBody, answer: item },
    handle: (context, deps) => decide(context, deps, false),
  },
];
