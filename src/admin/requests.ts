import { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import { getRecord, listRecords } from '../state/records.ts';
import { type AdminContext, type AdminDeps, type AdminRoute, requireDb } from './deps.ts';
import { check, moment, pageShape, paging } from './input.ts';

const text = z.string().min(1).max(256).optional();

const listQuery = z.strictObject({
  ...paging,
  status: z.enum(['complete', 'partial', 'aborted', 'failed']).optional(),
  key: text,
  run: text,
  route: text,
  model: text,
  error: text,
  since: moment.optional(),
  until: moment.optional(),
});

async function list(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const { limit, cursor, ...filters } = check(listQuery, context.req.query());
  return context.json(await listRecords(requireDb(deps), { limit, cursor, filters }));
}

async function read(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const id = context.req.param('id') ?? '';
  const record = await getRecord(requireDb(deps), id);
  if (record === undefined) throw new GatewayError('not_found', 'There is no request of this id.');
  return context.json(record);
}

const record = z.looseObject({ id: z.string(), startedAt: z.int(), status: z.string(), httpStatus: z.int() });

export const requestRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/requests',
    doc: { summary: 'The request log, newest first', query: listQuery, answer: pageShape(record) },
    handle: list,
  },
  { method: 'GET', path: '/requests/:id', doc: { summary: 'One request', answer: record }, handle: read },
];
