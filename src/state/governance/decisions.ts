import { GatewayError } from '../../core/errors.ts';
import { type Page, type PageRequest, pageOf, readCursor } from '../paging.ts';
import { attempt, guardedMark } from './guarded.ts';
import type { By } from './tools.ts';

export const approvalStatuses = ['pending', 'approved', 'denied', 'used', 'expired'] as const;
export type ApprovalStatus = (typeof approvalStatuses)[number];

/** A call that waits for an operator, or waited, as operators see it. */
export interface Approval {
  readonly id: string;
  readonly status: ApprovalStatus;
  readonly org: string;
  readonly team: string;
  readonly app: string;
  /** The id of the key or identity that the call came with. */
  readonly key: string;
  readonly user: string | null;
  readonly route: string;
  readonly source: string;
  /** As clients see it. */
  readonly tool: string;
  /** SHA-256 of the canonical JSON of the arguments. */
  readonly digest: string;
  /** Of the arguments: cut, and without what looks secret. */
  readonly preview: string;
  readonly at: number;
  readonly expiresAt: number;
  readonly decidedAt: number | null;
  readonly decidedBy: string | null;
  readonly reason: string | null;
  readonly usedAt: number | null;
}

export interface ApprovalFilters {
  readonly org?: string | undefined;
  readonly app?: string | undefined;
  readonly route?: string | undefined;
  readonly tool?: string | undefined;
  readonly status?: ApprovalStatus | undefined;
}

interface Row {
  readonly id: string;
  readonly status: 'pending' | 'approved' | 'denied' | 'used';
  readonly org: string;
  readonly team: string;
  readonly app: string;
  readonly key_id: string;
  readonly user: string | null;
  readonly route: string;
  readonly source: string;
  readonly tool: string;
  readonly digest: string;
  readonly preview: string;
  readonly at: number;
  readonly ttl: number;
  readonly expires_at: number;
  readonly decided_at: number | null;
  readonly decided_by: string | null;
  readonly reason: string | null;
  readonly used_at: number | null;
}

/** Newest first. Throws `invalid_request` on a cursor that is none. */
export async function listApprovals(
  db: D1Database,
  { limit, cursor, filters, now }: PageRequest & { readonly filters: ApprovalFilters; readonly now: number },
): Promise<Page<Approval>> {
  const place = readCursor(cursor, ['number', 'string']);
  const { status, ...columns } = filters;
  const named = (['org', 'app', 'route', 'tool'] as const).flatMap((column) =>
    columns[column] === undefined ? [] : [{ sql: `${column} = ?`, bound: [columns[column]] as readonly (string | number)[] }],
  );
  const before = place === undefined ? [] : [{ sql: '(at, id) < (?, ?)', bound: [...place] }];
  const all = [...named, ...(status === undefined ? [] : [standing(status, now)]), ...before];
  const where = all.length === 0 ? '' : `WHERE ${all.map(({ sql }) => sql).join(' AND ')}`;
  const { results } = await db
    .prepare(`SELECT * FROM mcp_approvals ${where} ORDER BY at DESC, id DESC LIMIT ?`)
    .bind(...all.flatMap(({ bound }) => bound), limit + 1)
    .all<Row>();
  return pageOf(
    results.map((row) => approvalOf(row, now)),
    limit,
    ({ at, id }) => [at, id],
  );
}

/** What nobody decided or used in time is over, without anybody writing that down. */
function standing(status: ApprovalStatus, now: number) {
  if (status === 'expired') return { sql: "status IN ('pending', 'approved') AND expires_at <= ?", bound: [now] };
  if (status === 'pending' || status === 'approved') return { sql: 'status = ? AND expires_at > ?', bound: [status, now] };
  return { sql: 'status = ?', bound: [status] };
}

export async function readApproval(db: D1Database, id: string, now: number): Promise<Approval | undefined> {
  const row = await db.prepare('SELECT * FROM mcp_approvals WHERE id = ?').bind(id).first<Row>();
  return row === null ? undefined : approvalOf(row, now);
}

export interface Decision {
  readonly isYes: boolean;
  readonly reason?: string | undefined;
}

/** Says yes or no to a call that waits. Throws `approval_over` where it waits no more. */
export function decideApproval(db: D1Database, approval: Approval, { isYes, reason }: Decision, { trail, now }: By): Promise<unknown> {
  const { id, org, app, route, tool, digest, user } = approval;
  const action = isYes ? 'approval.approve' : 'approval.deny';
  const detail = { app, route, tool, digest, ...(user === null ? {} : { user }), ...(reason === undefined ? {} : { reason }) };
  const guard = { table: 'mcp_approvals', where: "id = ? AND status = 'pending' AND expires_at > ?", bound: [id, now] };
  return trail.inDatabase({ action, subject: id, org, detail }, (mark) =>
    attempt(
      () =>
        db.batch([
          guardedMark(db, mark, guard),
          db
            .prepare('UPDATE mcp_approvals SET status = ?, decided_at = ?, decided_by = ?, reason = ?, expires_at = ? + ttl WHERE id = ?')
            .bind(isYes ? 'approved' : 'denied', now, trail.actor, reason ?? null, now, id),
        ]),
      over,
    ),
  );
}

export const over = (cause?: unknown) =>
  new GatewayError('approval_over', 'The approval was decided before, was used, or its time is over.', { cause });

function approvalOf(row: Row, now: number): Approval {
  const { id, org, team, app, user, route, source, tool, digest, preview, at, reason } = row;
  const isOver = (row.status === 'pending' || row.status === 'approved') && row.expires_at <= now;
  return {
    ...{
      id,
      status: isOver ? ('expired' as const) : row.status,
      org,
      team,
      app,
      key: row.key_id,
      user,
      route,
      source,
      tool,
      digest,
      preview,
      at,
    },
    ...{ expiresAt: row.expires_at, decidedAt: row.decided_at, decidedBy: row.decided_by, reason, usedAt: row.used_at },
  };
}
