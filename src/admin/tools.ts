import { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import { hiddenKinds, pinStatuses } from '../core/governance.ts';
import { approveTool, type By, listTools, readTool, rejectTool, type ToolDefinitions } from '../state/governance/tools.ts';
import { changesBetween } from './definition-changes.ts';
import { type AdminContext, type AdminDeps, type AdminRoute, requireDb } from './deps.ts';
import { check, invalid, pageShape, paging, readJson } from './input.ts';
import { findParents } from './resources/find.ts';
import { trailOf } from './trail.ts';

const text = z.string().min(1).max(256).optional();

const listQuery = z.strictObject({
  ...paging,
  route: text.describe('As the configuration names it.'),
  source: text.describe('Likewise, within the route.'),
  name: text.describe("The source's own name of the tool."),
  status: z.enum(pinStatuses).optional(),
  org: text.describe('Id or name; of what is approved for one organisation alone.'),
});

const digest = z.string().regex(/^[\da-f]{64}$/, { error: 'must be 64 hexadecimal digits' });

const approveBody = z.strictObject({
  digest: digest
    .optional()
    .describe('Of the definition that was looked at: `digest`, or `approvedDigest` to go back. What was seen last when absent.'),
});
const rejectBody = z.strictObject({});

const change = z.strictObject({
  at: z.string().describe('A JSON pointer into the definition.'),
  from: z.string().nullable().describe('As it was approved; null: it was not there. What no person sees is written as \\u{…}.'),
  to: z.string().nullable().describe('As it was seen last; null: it is not there any more.'),
});

const item = z.strictObject({
  id: z.string(),
  org: z.string().nullable().describe('null: one approval is good for every organisation.'),
  route: z.string(),
  source: z.string(),
  name: z.string().describe("The source's own."),
  status: z
    .enum(pinStatuses)
    .describe('pending: never approved. changed: not what was approved. Neither, nor what was rejected, is listed or can be called.'),
  digest: digest.describe('SHA-256 of the canonical JSON of the definition that was seen last.'),
  approvedDigest: digest.nullable(),
  approvedBy: z.string().nullable().describe('Who; first-use where nobody was asked.'),
  approvedAt: z.int().nullable().describe('Milliseconds since the epoch.'),
  hidden: z
    .array(z.strictObject({ at: z.string(), kind: z.enum(hiddenKinds), count: z.int() }))
    .describe('What stands in its texts that people do not see and models read.'),
  changes: z.array(change).nullable().describe('From what was approved to what was seen last; null where nothing was approved.'),
  firstSeenAt: z.int(),
  seenAt: z.int().describe('When it was seen first as it was seen last.'),
});
const whole = z.strictObject({
  ...item.shape,
  seen: z.looseObject({}).nullable().describe('The definition that was seen last; null where it is too large to be kept.'),
  approved: z.looseObject({}).nullable(),
});

function shownItem({ seen, approved, ...tool }: ToolDefinitions): z.output<typeof item> {
  const changes = seen === null || approved === null ? null : changesBetween(approved, seen);
  const { hidden, ...rest } = tool;
  return { ...rest, hidden: [...hidden], changes: changes === null ? null : [...changes] };
}

const shownWhole = (tool: ToolDefinitions) => ({ ...shownItem(tool), seen: tool.seen, approved: tool.approved });

async function list(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const { limit, cursor, org: named, ...filters } = check(listQuery, context.req.query());
  const db = requireDb(deps);
  const found = named === undefined ? undefined : await findParents(db, { org: named });
  if (found !== undefined && 'problem' in found) throw invalid([found.problem]);
  const page = await listTools(db, { limit, cursor, filters: { ...filters, org: found?.parents.org } });
  return context.json({ items: page.items.map(shownItem), next: page.next });
}

async function found(context: AdminContext, deps: AdminDeps): Promise<ToolDefinitions> {
  const tool = await readTool(requireDb(deps), context.req.param('id') ?? '');
  if (tool === undefined) throw new GatewayError('not_found', 'No tool of this id was ever seen.');
  return tool;
}

const byNow = (context: AdminContext, deps: AdminDeps): By => ({ trail: trailOf(context, deps), now: deps.clock.now() });

async function approve(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const tool = await found(context, deps);
  const { digest: wanted = tool.digest } = check(approveBody, (await readJson(context.req.raw)) ?? {});
  if (wanted !== tool.digest && wanted !== tool.approvedDigest) {
    throw new GatewayError('conflict', 'The tool has changed since it was looked at. Read it again, and approve what you have seen.');
  }
  await approveTool(requireDb(deps), tool, wanted, byNow(context, deps));
  return context.json(shownWhole(await found(context, deps)));
}

async function reject(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const tool = await found(context, deps);
  check(rejectBody, (await readJson(context.req.raw)) ?? {});
  await rejectTool(requireDb(deps), tool, byNow(context, deps));
  return context.json(shownWhole(await found(context, deps)));
}

export const toolRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/tools',
    doc: {
      summary: 'Tools of MCP servers that are pinned, and how they differ from what was approved',
      query: listQuery,
      answer: pageShape(item),
    },
    handle: list,
  },
  {
    method: 'GET',
    path: '/tools/:id',
    doc: { summary: 'One of them, with its definitions', answer: whole },
    handle: async (context, deps) => context.json(shownWhole(await found(context, deps))),
  },
  {
    method: 'POST',
    path: '/tools/:id/approve',
    doc: { summary: 'Let a tool be used as it was looked at', body: approveBody, answer: whole },
    handle: approve,
  },
  {
    method: 'POST',
    path: '/tools/:id/reject',
    doc: { summary: 'Let nobody use a tool, whatever becomes of it, until it is approved', body: rejectBody, answer: whole },
    handle: reject,
  },
];
