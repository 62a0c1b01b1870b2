import type { Usage } from '../core/chat.ts';
import { isObject, type Json, parseJson } from '../core/json.ts';
import { nanoUsd } from '../core/money.ts';
import type { OutcomeStatus, RequestRecord } from '../core/ports.ts';

/** A row of `requests` as SQLite holds it. */
export interface RecordRow {
  readonly id: string;
  readonly started_at: number;
  readonly duration_ms: number;
  readonly first_token_ms: number | null;
  readonly org: string | null;
  readonly team: string | null;
  readonly app: string | null;
  readonly key_id: string | null;
  readonly user: string | null;
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
  readonly tool_calls: number | null;
  readonly images: number | null;
  readonly seconds: number | null;
  readonly estimated: number | null;
  readonly cost: number | null;
  readonly price_version: string | null;
  readonly metadata: string | null;
  readonly facts: string | null;
  /** Of requests to MCP servers, out of their facts: what is looked for and summed by. */
  readonly mcp_method: string | null;
  readonly mcp_tool: string | null;
  readonly mcp_source: string | null;
  readonly mcp_era: string | null;
  readonly mcp_outcome: string | null;
}

/** Every column once; the compiler refuses a list that lacks one. */
const columnSet: { readonly [column in keyof RecordRow]: true } = {
  id: true,
  started_at: true,
  duration_ms: true,
  first_token_ms: true,
  org: true,
  team: true,
  app: true,
  key_id: true,
  user: true,
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
  tool_calls: true,
  images: true,
  seconds: true,
  estimated: true,
  cost: true,
  price_version: true,
  metadata: true,
  facts: true,
  mcp_method: true,
  mcp_tool: true,
  mcp_source: true,
  mcp_era: true,
  mcp_outcome: true,
};
export const recordColumns: readonly string[] = Object.keys(columnSet);

const orNull = <T>(value: T | undefined): T | null => value ?? null;
const asText = (value: Json | undefined): string | null => (value === undefined ? null : JSON.stringify(value));

export function rowOf(record: RequestRecord): RecordRow {
  const { usage } = record;
  return {
    id: record.id,
    started_at: Math.round(record.startedAt),
    duration_ms: Math.round(record.durationMs),
    first_token_ms: record.firstTokenMs === undefined ? null : Math.round(record.firstTokenMs),
    org: orNull(record.org),
    team: orNull(record.team),
    app: orNull(record.app),
    key_id: orNull(record.keyId),
    user: orNull(record.user),
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
    tool_calls: orNull(record.toolCalls),
    images: orNull(usage?.images),
    seconds: orNull(usage?.seconds),
    estimated: usage?.estimated === true ? 1 : null,
    cost: orNull(record.cost),
    price_version: orNull(record.priceVersion),
    metadata: asText(record.metadata),
    facts: asText(record.facts),
    ...mcpOf(record.facts?.mcp),
  };
}

function mcpOf(fact: Json | undefined): Pick<RecordRow, `mcp_${string}` & keyof RecordRow> {
  const said = isObject(fact) ? fact : {};
  const text = (value: Json | undefined) => (typeof value === 'string' ? value : null);
  return {
    mcp_method: text(said.method),
    mcp_tool: text(said.tool),
    mcp_source: text(said.source),
    mcp_era: text(said.era),
    mcp_outcome: text(said.outcome),
  };
}

/** Whether SQLite takes the row: a number that is none travels as NULL, and these columns have none. */
export const isWritable = ({ started_at, duration_ms, http_status, attempts }: RecordRow): boolean =>
  [started_at, duration_ms, http_status, attempts].every(Number.isFinite);

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
    ...present({
      cacheRead: row.cache_read_tokens,
      cacheWrite: row.cache_write_tokens,
      reasoning: row.reasoning_tokens,
      images: row.images,
      seconds: row.seconds,
    }),
    ...(row.estimated === 1 ? { estimated: true } : {}),
  };
}

export function recordOf(row: RecordRow): RequestRecord {
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
      org: row.org,
      team: row.team,
      app: row.app,
      keyId: row.key_id,
      user: row.user,
      run: row.run,
      dialect: row.dialect,
      askedModel: row.asked_model,
      servedModel: row.served_model,
      errorCode: row.error_code,
      lane: row.lane,
      usage: usageOf(row),
      toolCalls: row.tool_calls,
      cost: row.cost === null ? undefined : nanoUsd(row.cost),
      priceVersion: row.price_version,
    }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(isRecordOfJson(facts) ? { facts } : {}),
  };
}

const isRecordOfJson = (value: Json | undefined): value is { readonly [fact: string]: Json } => isObject(value);
