import { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import { getRecord, listRecords } from '../state/records.ts';
import { decisionOf, withoutDecision } from './decision.ts';
import { type AdminContext, type AdminDeps, type AdminRoute, requireDb } from './deps.ts';
import { pageShape, paging } from './input.ts';
import { checkFilters, logFilters, ownersOf } from './log-filters.ts';
import { record } from './log-shapes.ts';

const listQuery = z.strictObject({ ...paging, ...logFilters });

async function list(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const { limit, cursor, org, team, app, ...filters } = checkFilters(listQuery, context.req.query());
  const db = requireDb(deps);
  const owners = await ownersOf(db, { org, team, app });
  const { items, next } = await listRecords(db, { limit, cursor, filters: { ...filters, ...owners } });
  return context.json({ items: items.map(withoutDecision), next });
}

async function read(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const id = context.req.param('id') ?? '';
  const record = await getRecord(requireDb(deps), id);
  if (record === undefined) throw new GatewayError('not_found', 'There is no request of this id.');
  return context.json({ ...withoutDecision(record), decision: decisionOf(record) });
}

export const requestRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/requests',
    doc: { summary: 'The request log, newest first', query: listQuery, answer: pageShape(record) },
    handle: list,
  },
  { method: 'GET', path: '/requests/:id', doc: { summary: 'One request', answer: record }, handle: read },
];
