import { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import { findRuns, listRunRecords, listRuns } from '../state/runs.ts';
import { withoutDecision } from './decision.ts';
import { type AdminContext, type AdminDeps, type AdminRoute, requireDb } from './deps.ts';
import { check, invalid, pageShape, paging } from './input.ts';
import { ownerFilters, ownersOf, timeFilters } from './log-filters.ts';
import { record, runItem } from './log-shapes.ts';

const listQuery = z.strictObject({
  ...paging,
  ...ownerFilters,
  since: timeFilters.since.describe('The last call came at or after: milliseconds since the epoch, or ISO 8601.'),
  until: timeFilters.until.describe('The last call came before.'),
});

const readQuery = z.strictObject({ ...paging, ...ownerFilters });

async function list(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const { limit, cursor, since, until, ...named } = check(listQuery, context.req.query());
  const db = requireDb(deps);
  const owners = await ownersOf(db, named);
  return context.json(await listRuns(db, { limit, cursor, filters: { ...owners, since, until } }));
}

async function read(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const { limit, cursor, ...named } = check(readQuery, context.req.query());
  const db = requireDb(deps);
  const [run, another] = await findRuns(db, context.req.param('id') ?? '', await ownersOf(db, named));
  if (run === undefined) throw new GatewayError('not_found', 'No call names this run.');
  if (another !== undefined) throw invalid([{ path: 'app', message: 'is needed: several apps have a run of this name' }]);
  const { items, next } = await listRunRecords(db, run, { limit, cursor });
  return context.json({ ...run, requests: { items: items.map(withoutDecision), next } });
}

export const runRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/runs',
    doc: { summary: 'Runs, the one called last first', query: listQuery, answer: pageShape(runItem) },
    handle: list,
  },
  {
    method: 'GET',
    path: '/runs/:id',
    doc: {
      summary: 'One run, with its calls in the order in which they came',
      query: readQuery,
      answer: runItem.extend({ requests: pageShape(record) }),
    },
    handle: read,
  },
];
