/** What requests may be narrowed by; all that is given holds together. */
export interface RecordFilters {
  readonly org?: string | undefined;
  readonly team?: string | undefined;
  readonly app?: string | undefined;
  readonly key?: string | undefined;
  readonly user?: string | undefined;
  readonly run?: string | undefined;
  readonly route?: string | undefined;
  /** As asked for, or as `provider/model` that served. */
  readonly model?: string | undefined;
  /** Of the model that served. */
  readonly provider?: string | undefined;
  readonly status?: string | undefined;
  readonly error?: string | undefined;
  /** Of requests to MCP servers: the tool by the name that clients see, the method of the protocol, the server behind the route. */
  readonly tool?: string | undefined;
  readonly mcp_method?: string | undefined;
  readonly mcp_outcome?: string | undefined;
  readonly source?: string | undefined;
  /** Started at or after; milliseconds since the epoch. */
  readonly since?: number | undefined;
  /** Started before; milliseconds since the epoch. */
  readonly until?: number | undefined;
  /** Names and values, as the caller sent them in `x-weir-metadata`. */
  readonly metadata?: readonly (readonly [name: string, value: string])[] | undefined;
}

/** A part of a statement, and what is bound to its question marks. */
export interface Clause {
  readonly sql: string;
  readonly bound: readonly (string | number)[];
}

/** The provider of `provider/model`; NULL where nothing served. */
export const PROVIDER = "substr(served_model, 1, instr(served_model, '/') - 1)";

const conditions: { readonly [filter in Exclude<keyof RecordFilters, 'metadata'>]-?: string } = {
  org: 'org = ?',
  team: 'team = ?',
  app: 'app = ?',
  key: 'key_id = ?',
  user: 'user = ?',
  run: 'run = ?',
  route: 'route = ?',
  model: '? IN (asked_model, served_model)',
  provider: `${PROVIDER} = ?`,
  status: 'status = ?',
  error: 'error_code = ?',
  tool: 'mcp_tool = ?',
  mcp_method: 'mcp_method = ?',
  mcp_outcome: 'mcp_outcome = ?',
  source: 'mcp_source = ?',
  since: 'started_at >= ?',
  until: 'started_at < ?',
};

const isFilter = (name: string): name is keyof typeof conditions => Object.hasOwn(conditions, name);

/** Every condition of these filters. */
export function conditionsOf(filters: RecordFilters): readonly Clause[] {
  const { metadata = [], ...rest } = filters;
  const plain = Object.entries(rest).flatMap(([name, value]): Clause[] =>
    value === undefined || !isFilter(name) ? [] : [{ sql: conditions[name], bound: [value] }],
  );
  return [...plain, ...metadata.map(metadataIs)];
}

/** Numbers and booleans are asked for as they are written: `true`, `7`. */
const metadataIs = ([name, value]: readonly [string, string]): Clause => ({
  sql: '(metadata -> ?) IN (?, ?)',
  bound: [metadataPath(name), JSON.stringify(value), value],
});

/** Where an entry of the metadata is. SQLite has no escape for a quotation mark in a path, so no such name is one. */
export const metadataPath = (name: string): string => `$."${name}"`;

/** All conditions together, with `WHERE`; nothing where there are none. */
export function where(clauses: readonly Clause[]): Clause {
  return {
    sql: clauses.length === 0 ? '' : ` WHERE ${clauses.map(({ sql }) => sql).join(' AND ')}`,
    bound: clauses.flatMap(({ bound }) => bound),
  };
}
