import type { Usage } from '../core/chat.ts';
import { isObject, type Json, parseJson } from '../core/json.ts';
import { nanoUsd } from '../core/money.ts';
import type { OutcomeStatus, RequestRecord } from '../core/ports.ts';
import { type Page, type PageRequest, pageOf, readCursor } from './paging.ts';

/** A row of `requests` as SQLite holds it. */
interface RecordRow {
  readonly id: string;
  readonly started_at: number;
  readonly duration_ms: number;
  readonly first_token_ms: number | null;
  readonly key_id: string | null;
  readonly run: string | null;
  readonly route: string;
  readonly dialect: string | null;
  readonly asked_model: string | null;
  readonly served_model: string | null;
  readonly status: OutcomeStatus;
  readonly http_status: number;
  readonly error_code: string | null;
  readonly stream: number;
  readonly lane: string | null;
  readonly attempts: number;
  readonly input_tokens: number | null;
  readonly output_tokens: number | null;
  readonly cache_read_tokens: number | null;
  readonly cache_write_tokens: number | null;
  readonly reasoning_tokens: number | null;
  readonly estimated: number | null;
  readonly cost: number | null;
  readonly price_version: string | null;
  readonly metadata: string | null;
  readonly facts: string | null;
}

/** Every column once; the compiler refuses a list that lacks one. */
const columnSet: { readonly [column in keyof RecordRow]: true } = {
  id: true,
  started_at: true,
  duration_ms: true,
  first_token_ms: true,
  key_id: true,
  run: true,
  route: true,
  dialect: true,
  asked_model: true,
  served_model: true,
  status: true,
  http_status: true,
  error_code: true,
  stream: true,
  lane: true,
  attempts: true,
  input_tokens: true,
  output_tokens: true,
  cache_read_tokens: true,
  cache_write_tokens: true,
  reasoning_tokens: true,
  estimated: true,
  cost: true,
  price_version: true,
  metadata: true,
  facts: true,
};
const columns = Object.keys(columnSet);

const orNull = <T>(value: T | undefined): T | null => value ?? null;
const asText = (value: Json | undefined): string | null => (value === undefined ? null : JSON.stringify(value));

function rowOf(record: RequestRecord): RecordRow {
  const { usage } = record;
  return {
    id: record.id,
    started_at: Math.round(record.startedAt),
    duration_ms: Math.round(record.durationMs),
    first_token_ms: record.firstTokenMs === undefined ? null : Math.round(record.firstTokenMs),
    key_id: orNull(record.keyId),
    run: orNull(record.run),
    route: record.route,
    dialect: orNull(record.dialect),
    asked_model: orNull(record.askedModel),
    served_model: orNull(record.servedModel),
    status: record.status,
    http_status: record.httpStatus,
    error_code: orNull(record.errorCode),
    stream: record.stream ? 1 : 0,
    lane: orNull(record.lane),
    attempts: record.attempts,
    input_tokens: orNull(usage?.input),
    output_tokens: orNull(usage?.output),
    cache_read_tokens: orNull(usage?.cacheRead),
    cache_write_tokens: orNull(usage?.cacheWrite),
    reasoning_tokens: orNull(usage?.reasoning),
    estimated: usage?.estimated === true ? 1 : null,
    cost: orNull(record.cost),
    price_version: orNull(record.priceVersion),
    metadata: asText(record.metadata),
    facts: asText(record.facts),
  };
}

/** Drops what SQLite holds as NULL, as absent fields are absent in a record. */
function present<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const kept: { [K in keyof T]?: NonNullable<T[K]> } = {};
  for (const key in fields) {
    const value = fields[key];
    if (value !== null && value !== undefined) kept[key] = value;
  }
  return kept;
}

function usageOf(row: RecordRow): Usage | undefined {
  if (row.input_tokens === null || row.output_tokens === null) return undefined;
  return {
    input: row.input_tokens,
    output: row.output_tokens,
    ...present({ cacheRead: row.cache_read_tokens, cacheWrite: row.cache_write_tokens, reasoning: row.reasoning_tokens }),
    ...(row.estimated === 1 ? { estimated: true } : {}),
  };
}

function recordOf(row: RecordRow): RequestRecord {
  const facts = row.facts === null ? undefined : parseJson(row.facts);
  const metadata = row.metadata === null ? undefined : parseJson(row.metadata);
  return {
    id: row.id,
    startedAt: row.started_at,
    durationMs: row.duration_ms,
    route: row.route,
    status: row.status,
    httpStatus: row.http_status,
    stream: row.stream === 1,
    attempts: row.attempts,
    ...present({
      firstTokenMs: row.first_token_ms,
      keyId: row.key_id,
      run: row.run,
      dialect: row.dialect,
      askedModel: row.asked_model,
      servedModel: row.served_model,
      errorCode: row.error_code,
      lane: row.lane,
      usage: usageOf(row),
      cost: row.cost === null ? undefined : nanoUsd(row.cost),
      priceVersion: row.price_version,
    }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(isRecordOfJson(facts) ? { facts } : {}),
  };
}

const isRecordOfJson = (value: Json | undefined): value is { readonly [fact: string]: Json } => isObject(value);

/** D1 binds at most 100 parameters a statement, so the rows of a batch travel as one JSON parameter. */
const INSERT = `INSERT OR IGNORE INTO requests (${columns.join(', ')})
  SELECT ${columns.map((column) => `value ->> '$.${column}'`).join(', ')} FROM json_each(?)`;

/** Characters of one JSON parameter: D1 takes 2 MB, and a character may be three bytes. */
const MAX_BATCH = 600_000;

/** Writes rows, each once: an id that is there already is left as it is. */
export async function insertRecords(db: D1Database, records: readonly RequestRecord[]): Promise<void> {
  const statements = batches(records.map((record) => JSON.stringify(rowOf(record)))).map((rows) =>
    db.prepare(INSERT).bind(`[${rows.join(',')}]`),
  );
  const [only] = statements;
  if (only === undefined) return;
  if (statements.length === 1) await only.run();
  else await db.batch(statements);
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

/** What a list of requests may be narrowed by. */
export interface RecordFilters {
  readonly status?: string | undefined;
  readonly key?: string | undefined;
  readonly run?: string | undefined;
  readonly route?: string | undefined;
  /** As asked for or as `provider/model` that served. */
  readonly model?: string | undefined;
  readonly error?: string | undefined;
  /** Started at or after; milliseconds since the epoch. */
  readonly since?: number | undefined;
  /** Started before; milliseconds since the epoch. */
  readonly until?: number | undefined;
}

const conditions: { readonly [filter in keyof RecordFilters]-?: string } = {
  status: 'status = ?',
  key: 'key_id = ?',
  run: 'run = ?',
  route: 'route = ?',
  model: '? IN (asked_model, served_model)',
  error: 'error_code = ?',
  since: 'started_at >= ?',
  until: 'started_at < ?',
};

const isFilter = (name: string): name is keyof RecordFilters => Object.hasOwn(conditions, name);

/** Requests, newest first. Throws `invalid_request` on a cursor that is none. */
export async function listRecords(
  db: D1Database,
  request: PageRequest & { readonly filters: RecordFilters },
): Promise<Page<RequestRecord>> {
  const where: string[] = [];
  const bound: (string | number)[] = [];
  const position = readCursor(request.cursor, ['number', 'string']);
  if (position !== undefined) {
    where.push('(started_at, id) < (?, ?)');
    bound.push(...position);
  }
  for (const [name, value] of Object.entries(request.filters)) {
    if (!isFilter(name) || value === undefined) continue;
    where.push(conditions[name]);
    bound.push(value);
  }
  const { results } = await db
    .prepare(
      `SELECT ${columns.join(', ')} FROM requests${where.length === 0 ? '' : ` WHERE ${where.join(' AND ')}`}
       ORDER BY started_at DESC, id DESC LIMIT ?`,
    )
    .bind(...bound, request.limit + 1)
    .all<RecordRow>();
  return pageOf(results.map(recordOf), request.limit, ({ startedAt, id }) => [startedAt, id]);
}

export async function getRecord(db: D1Database, id: string): Promise<RequestRecord | undefined> {
  const row = await db
    .prepare(`SELECT ${columns.join(', ')} FROM requests WHERE id = ?`)
    .bind(id)
    .first<RecordRow>();
  return row === null ? undefined : recordOf(row);
}
