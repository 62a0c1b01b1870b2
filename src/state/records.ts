import type { RequestRecord } from '../core/ports.ts';
import { ADD_MCP_TOTALS } from './mcp-totals.ts';
import { type Page, type PageRequest, pageOf, readCursor } from './paging.ts';
import { conditionsOf, type RecordFilters, where } from './record-filters.ts';
import { isWritable, type RecordRow, recordColumns, recordOf, rowOf } from './record-row.ts';
import { ADD_DROPPED, ADD_TOTALS, SENT } from './totals.ts';

export type { RecordFilters } from './record-filters.ts';

const columns = recordColumns.join(', ');

const INSERT = `INSERT OR IGNORE INTO requests (${columns}) WITH ${SENT}
  SELECT ${recordColumns.map((column) => `value ->> '$.${column}'`).join(', ')} FROM sent`;

/** Characters of one JSON parameter: D1 takes 2 MB, and a character may be three bytes. */
const MAX_BATCH = 600_000;

/**
 * Writes rows, each once: an id that is there already is left as it is, and what cannot be a row is left out. What they
 * come to is added to `totals` in the same transaction, so that the two cannot disagree, whatever is sent again.
 * `dropped`: rows that were given up before these, counted with them.
 */
export async function insertRecords(db: D1Database, records: readonly RequestRecord[], dropped = 0): Promise<void> {
  const rows = new Map(records.map((record) => [record.id, rowOf(record)]));
  const whole = [...rows.values()].filter(isWritable);
  const [first] = whole;
  if (first === undefined) return;
  const statements = batches(whole.map((row) => JSON.stringify(row))).flatMap((batch) => {
    const json = `[${batch.join(',')}]`;
    const isOfMcp = batch.some((row) => row.includes('"mcp_method":"'));
    const added = isOfMcp ? [db.prepare(ADD_MCP_TOTALS).bind(json)] : [];
    return [db.prepare(ADD_TOTALS).bind(json), ...added, db.prepare(INSERT).bind(json)];
  });
  await db.batch(dropped === 0 ? statements : [db.prepare(ADD_DROPPED).bind(dropped, first.id), ...statements]);
}

function batches(rows: readonly string[]): string[][] {
  const all: string[][] = [];
  let room = 0;
  for (const row of rows) {
    room -= row.length + 1;
    const last = all.at(-1);
    if (last !== undefined && room >= 0) last.push(row);
    else {
      all.push([row]);
      room = MAX_BATCH - row.length;
    }
  }
  return all;
}

/** Requests, newest first. Throws `invalid_request` on a cursor that is none. */
export async function listRecords(
  db: D1Database,
  request: PageRequest & { readonly filters: RecordFilters },
): Promise<Page<RequestRecord>> {
  const position = readCursor(request.cursor, ['number', 'string']);
  const { sql, bound } = where([
    ...(position === undefined ? [] : [{ sql: '(started_at, id) < (?, ?)', bound: position }]),
    ...conditionsOf(request.filters),
  ]);
  const { results } = await db
    .prepare(`SELECT ${columns} FROM requests${sql} ORDER BY started_at DESC, id DESC LIMIT ?`)
    .bind(...bound, request.limit + 1)
    .all<RecordRow>();
  return pageOf(results.map(recordOf), request.limit, ({ startedAt, id }) => [startedAt, id]);
}

export async function getRecord(db: D1Database, id: string): Promise<RequestRecord | undefined> {
  const row = await db.prepare(`SELECT ${columns} FROM requests WHERE id = ?`).bind(id).first<RecordRow>();
  return row === null ? undefined : recordOf(row);
}
