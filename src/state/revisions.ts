import { GatewayError } from '../core/errors.ts';
import { type Json, parseJson } from '../core/json.ts';
import { digestOf } from '../core/ledger/canonical.ts';
import type { AuditTrail } from './audit-trail.ts';
import type { AuditMark } from './ledger/audit-index.ts';
import { type Page, type PageRequest, pageOf, readCursor } from './paging.ts';

/** What is served and what may come next. */
export interface RevisionHead {
  /** The revision that is served; 0 is the bundled document. */
  readonly pointer: number;
  /** The highest number given so far: the next revision is one more. */
  readonly latest: number;
}

export interface RevisionInfo {
  readonly revision: number;
  /** Who published it; `bundled` for revision 0. */
  readonly author: string;
  readonly note: string | null;
  /** Milliseconds since the epoch; `null` for revision 0. */
  readonly createdAt: number | null;
  readonly current: boolean;
}

export interface Publication extends RevisionHead {
  readonly document: unknown;
  readonly trail: AuditTrail;
  readonly note: string | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface PointerMove {
  readonly from: number;
  readonly to: number;
  readonly trail: AuditTrail;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Reads as `RevisionReader` of `config/load.ts`. */
export const revisionReader = (db: D1Database) => ({
  pointer: async () => (await db.prepare('SELECT revision FROM config_pointer').first<number>('revision')) ?? 0,
  document: (revision: number) => readDocument(db, revision),
});

export async function readHead(db: D1Database): Promise<RevisionHead> {
  const row = await db
    .prepare('SELECT revision AS pointer, (SELECT COALESCE(MAX(revision), 0) FROM config_revisions) AS latest FROM config_pointer')
    .first<{ pointer: number; latest: number }>();
  return row ?? { pointer: 0, latest: 0 };
}

/** A published document; `undefined` where there is no such revision. Revision 0 is not in the database. */
export async function readDocument(db: D1Database, revision: number): Promise<unknown> {
  const text = await db.prepare('SELECT document FROM config_revisions WHERE revision = ?').bind(revision).first<string>('document');
  return text === null ? undefined : parseJson(text);
}

/** The revision that was served before this one was published; `undefined` for revision 0. */
export async function readReplaced(db: D1Database, revision: number): Promise<number | undefined> {
  const found = await db.prepare('SELECT replaces FROM config_revisions WHERE revision = ?').bind(revision).first<number>('replaces');
  return found ?? undefined;
}

/**
 * NULL, and so a broken constraint that undoes the whole batch, when the pointer has meanwhile moved from where it was
 * (`?1`).
 */
const GUARDED = '(SELECT ?2 FROM config_pointer WHERE revision = ?1)';

function auditRow(db: D1Database, from: number, { change, seq, at, actor, action, subject, detail }: AuditMark): D1PreparedStatement {
  return db
    .prepare(`INSERT INTO audit (detail, change, seq, at, actor, action, subject) VALUES (${GUARDED}, ?3, ?4, ?5, ?6, ?7, ?8)`)
    .bind(from, JSON.stringify(detail), change, seq, at, actor, action, subject);
}

/** What the audit calls the configuration. */
const SUBJECT = 'config';

const MOVE = 'UPDATE config_pointer SET revision = ?1, moved_at = ?2';

/**
 * Writes revision `latest + 1` and points to it, after its intent is in the audit, and with its row there in one
 * transaction. Throws `conflict` when somebody else has published or rolled back since the head was read, `overloaded` where
 * the audit cannot be written.
 */
export async function publish(db: D1Database, { pointer, latest, document, trail, note, now }: Publication): Promise<number> {
  const revision = latest + 1;
  const text = JSON.stringify(document);
  const detail = { from: pointer, to: revision, digest: await digestOf(JSON.parse(text) as Json) };
  await trail.inDatabase({ action: 'config.publish', subject: SUBJECT, detail }, (mark) =>
    change(db, [
      auditRow(db, pointer, mark),
      db
        .prepare('INSERT INTO config_revisions (revision, document, replaces, author, note, created_at) VALUES (?, ?, ?, ?, ?, ?)')
        .bind(revision, text, pointer, trail.actor, note ?? null, now),
      db.prepare(MOVE).bind(revision, now),
    ]),
  );
  return revision;
}

/** Points to a revision that exists already. Throws `conflict` when the pointer is no longer at `from`, and `overloaded`. */
export async function movePointer(db: D1Database, { from, to, trail, now }: PointerMove): Promise<void> {
  const detail = { from, to };
  await trail.inDatabase({ action: 'config.rollback', subject: SUBJECT, detail }, (mark) =>
    change(db, [auditRow(db, from, mark), db.prepare(MOVE).bind(to, now)]),
  );
}

async function change(db: D1Database, statements: D1PreparedStatement[]): Promise<void> {
  try {
    await db.batch(statements);
  } catch (thrown) {
    if (!(thrown instanceof Error && /constraint failed/i.test(thrown.message))) throw thrown;
    throw new GatewayError('conflict', 'The configuration was changed at the same moment. Read the current revision and try again.', {
      cause: thrown,
    });
  }
}

interface RevisionRow {
  readonly revision: number;
  readonly author: string;
  readonly note: string | null;
  readonly createdAt: number | null;
  readonly current: number;
}

/** Every revision, newest first, the bundled one last. */
export async function listRevisions(db: D1Database, request: PageRequest): Promise<Page<RevisionInfo>> {
  const [before] = readCursor(request.cursor, ['number']) ?? [Number.MAX_SAFE_INTEGER];
  const { results } = await db
    .prepare(
      `SELECT revision, author, note, created_at AS createdAt, revision = (SELECT revision FROM config_pointer) AS current
       FROM (SELECT revision, author, note, created_at FROM config_revisions UNION ALL SELECT 0, 'bundled', NULL, NULL)
       WHERE revision < ? ORDER BY revision DESC LIMIT ?`,
    )
    .bind(before, request.limit + 1)
    .all<RevisionRow>();
  const items = results.map((row) => ({ ...row, current: row.current === 1 }));
  return pageOf(items, request.limit, ({ revision }) => [revision]);
}
