import { GatewayError } from '../../core/errors.ts';
import type { HiddenText, PinStatus } from '../../core/governance.ts';
import { isObject, type JsonObject, parseJson } from '../../core/json.ts';
import type { AuditTrail } from '../audit-trail.ts';
import { type Page, type PageRequest, pageOf, readCursor } from '../paging.ts';
import { attempt, guardedMark } from './guarded.ts';

/** A pinned tool, as operators see it. */
export interface PinnedTool {
  readonly id: string;
  /** `null`: of the route, for every organisation. */
  readonly org: string | null;
  readonly route: string;
  readonly source: string;
  /** The source's own. */
  readonly name: string;
  readonly status: PinStatus;
  /** Of what was seen last, and of what was approved. */
  readonly digest: string;
  readonly approvedDigest: string | null;
  readonly approvedBy: string | null;
  readonly approvedAt: number | null;
  readonly hidden: readonly HiddenText[];
  readonly firstSeenAt: number;
  readonly seenAt: number;
}

/** With its definitions; `null` for one that there is not, or that is too large to be kept. */
export interface ToolDefinitions extends PinnedTool {
  readonly seen: JsonObject | null;
  readonly approved: JsonObject | null;
}

export interface ToolFilters {
  readonly route?: string | undefined;
  readonly source?: string | undefined;
  readonly name?: string | undefined;
  readonly status?: PinStatus | undefined;
  readonly org?: string | undefined;
}

interface Row {
  readonly id: string;
  readonly org: string;
  readonly route: string;
  readonly source: string;
  readonly name: string;
  readonly status: PinStatus;
  readonly approved_digest: string | null;
  readonly approved: string | null;
  readonly approved_by: string | null;
  readonly approved_at: number | null;
  readonly seen_digest: string;
  readonly seen: string | null;
  readonly flags: string;
  readonly first_seen_at: number;
  readonly seen_at: number;
}

/** What was seen last first. Throws `invalid_request` on a cursor that is none. */
export async function listTools(
  db: D1Database,
  { limit, cursor, filters }: PageRequest & { readonly filters: ToolFilters },
): Promise<Page<ToolDefinitions>> {
  const place = readCursor(cursor, ['number', 'string']);
  const named = (['route', 'source', 'name', 'status', 'org'] as const).flatMap((column) =>
    filters[column] === undefined ? [] : [{ sql: `${column} = ?`, bound: [filters[column]] }],
  );
  const before = place === undefined ? [] : [{ sql: '(seen_at, id) < (?, ?)', bound: [...place] }];
  const all = [...named, ...before];
  const where = all.length === 0 ? '' : `WHERE ${all.map(({ sql }) => sql).join(' AND ')}`;
  const { results } = await db
    .prepare(`SELECT * FROM mcp_tools ${where} ORDER BY seen_at DESC, id DESC LIMIT ?`)
    .bind(...all.flatMap(({ bound }) => bound), limit + 1)
    .all<Row>();
  return pageOf(results.map(toolOf), limit, ({ seenAt, id }) => [seenAt, id]);
}

export async function readTool(db: D1Database, id: string): Promise<ToolDefinitions | undefined> {
  const row = await db.prepare('SELECT * FROM mcp_tools WHERE id = ?').bind(id).first<Row>();
  return row === null ? undefined : toolOf(row);
}

/**
 * Lets a tool be used as it was seen last, or as it was approved before: `digest` says which. Throws `conflict` where it is
 * neither of them any more.
 */
export function approveTool(db: D1Database, tool: PinnedTool, digest: string, { trail, now }: By): Promise<unknown> {
  const detail = { ...factsOf(tool), from: { status: tool.status, digest: tool.approvedDigest }, to: { status: 'approved', digest } };
  const isBack = digest === tool.approvedDigest;
  const content = isBack ? 'approved' : 'seen';
  const guard = { table: 'mcp_tools', where: `id = ? AND ${content}_digest = ?`, bound: [tool.id, digest] };
  return trail.inDatabase({ action: 'tool.approve', subject: tool.id, org: tool.org ?? undefined, detail }, (mark) =>
    attempt(
      () =>
        db.batch([
          guardedMark(db, mark, guard),
          db
            .prepare(
              `UPDATE mcp_tools SET status = 'approved', approved_digest = ${content}_digest, approved = ${content}, seen_digest = ${content}_digest,
                 seen = ${content}, approved_by = ?, approved_at = ?, version = version + 1 WHERE id = ?`,
            )
            .bind(trail.actor, now, tool.id),
        ]),
      moved,
    ),
  );
}

/** Lets nobody use it, whatever becomes of it. */
export function rejectTool(db: D1Database, tool: PinnedTool, { trail }: By): Promise<unknown> {
  const detail = { ...factsOf(tool), from: { status: tool.status, digest: tool.digest }, to: { status: 'rejected' } };
  const guard = { table: 'mcp_tools', where: 'id = ?', bound: [tool.id] };
  return trail.inDatabase({ action: 'tool.reject', subject: tool.id, org: tool.org ?? undefined, detail }, (mark) =>
    attempt(
      () =>
        db.batch([
          guardedMark(db, mark, guard),
          db.prepare("UPDATE mcp_tools SET status = 'rejected', version = version + 1 WHERE id = ?").bind(tool.id),
        ]),
      moved,
    ),
  );
}

/** In whose name something is decided, and when (milliseconds since the epoch). */
export interface By {
  readonly trail: AuditTrail;
  readonly now: number;
}

const factsOf = ({ route, source, name }: PinnedTool): JsonObject => ({ route, source, name });

const moved = (cause: unknown) =>
  new GatewayError('conflict', 'The tool has changed since it was looked at. Read it again, and approve what you have seen.', { cause });

function toolOf(row: Row): ToolDefinitions {
  return {
    id: row.id,
    org: row.org === '' ? null : row.org,
    route: row.route,
    source: row.source,
    name: row.name,
    status: row.status,
    digest: row.seen_digest,
    approvedDigest: row.approved_digest,
    approvedBy: row.approved_by,
    approvedAt: row.approved_at,
    // It was written here: what the column holds is such a list.
    hidden: JSON.parse(row.flags) as readonly HiddenText[],
    firstSeenAt: row.first_seen_at,
    seenAt: row.seen_at,
    seen: definitionIn(row.seen),
    approved: definitionIn(row.approved),
  };
}

function definitionIn(text: string | null): JsonObject | null {
  const value = text === null ? undefined : parseJson(text);
  return isObject(value) ? value : null;
}
