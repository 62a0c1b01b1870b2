import { asString, isArray, isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import { ApiError } from '../client.ts';
import type { Notes } from './plan.ts';

/** Rows of a proxy's database, as its API or an export has them. */
export interface LitellmTables {
  readonly keys: readonly JsonObject[];
  readonly teams: readonly JsonObject[];
  readonly users: readonly JsonObject[];
  readonly organizations: readonly JsonObject[];
  readonly budgets: readonly JsonObject[];
}

export const NO_TABLES: LitellmTables = { keys: [], teams: [], users: [], organizations: [], budgets: [] };

/** By the names of the API, and of the tables themselves. */
const NAMES: { readonly [table in keyof LitellmTables]: readonly string[] } = {
  keys: ['keys', 'LiteLLM_VerificationToken'],
  teams: ['teams', 'LiteLLM_TeamTable'],
  users: ['users', 'LiteLLM_UserTable'],
  organizations: ['organizations', 'LiteLLM_OrganizationTable'],
  budgets: ['budgets', 'LiteLLM_BudgetTable'],
};

const rows = (value: Json | undefined): readonly JsonObject[] => (isArray(value) ? value.filter(isObject) : []);

/** An export: an object with a list of rows for each table, or a list of keys. `undefined` where it is neither. */
export function tablesIn(exported: Json | undefined): LitellmTables | undefined {
  if (isArray(exported)) return { ...NO_TABLES, keys: rows(exported) };
  if (!isObject(exported)) return undefined;
  const of = (table: keyof LitellmTables) => NAMES[table].flatMap((name) => rows(exported[name]).map(withJson));
  return { keys: of('keys'), teams: of('teams'), users: of('users'), organizations: of('organizations'), budgets: of('budgets') };
}

/** Columns of JSON, which exports of a database write as text. */
const JSON_COLUMNS: readonly string[] = [
  'metadata',
  'aliases',
  'config',
  'permissions',
  'model_max_budget',
  'members_with_roles',
  'budget_limits',
  'models',
];

function withJson(row: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => {
      const text = JSON_COLUMNS.includes(name) ? asString(value) : undefined;
      if (text === undefined) return [name, value];
      // An array of Postgres: {a,b}.
      if (name === 'models' && /^\{[^"]*\}$/.test(text)) return [name, text.slice(1, -1).split(',').filter(Boolean)];
      return [name, parseJson(text) ?? value];
    }),
  );
}

export interface ProxyOptions {
  readonly url: string;
  /** Its master key. */
  readonly key: string;
  readonly fetch: typeof fetch;
}

/** What a proxy answered that is not what was asked for, or that nothing answered. */
export class ProxyError extends ApiError {
  constructor(status: number, detail: string) {
    super(status, detail, []);
  }
}

async function asked(path: string, { url, key, fetch }: ProxyOptions): Promise<Json | undefined> {
  let response: Response;
  try {
    response = await fetch(`${url.replace(/\/+$/, '')}${path}`, { headers: { authorization: `Bearer ${key}` }, redirect: 'error' });
  } catch {
    throw new ProxyError(0, `LiteLLM was not reached at ${url}.`);
  }
  const body = parseJson(await response.text());
  if (response.ok && body !== undefined) return body;
  throw new ProxyError(response.status, `LiteLLM answered ${response.status} to GET ${path.split('?')[0]}.`);
}

const PAGE = 100;

/** Every page of a list. */
async function pages(
  path: string,
  size: string,
  of: (body: JsonObject) => readonly Json[],
  options: ProxyOptions,
): Promise<readonly Json[]> {
  const all: Json[] = [];
  for (let page = 1; ; page++) {
    const body = await asked(`${path}${path.includes('?') ? '&' : '?'}page=${page}&${size}=${PAGE}`, options);
    const found = isObject(body) ? of(body) : isArray(body) ? body : [];
    all.push(...found);
    const last = isObject(body) && typeof body.total_pages === 'number' ? page >= body.total_pages : found.length < PAGE;
    if (last || found.length === 0) return all;
  }
}

/** A part that some versions have not, or that the key may not read. */
async function tried<T>(what: string, notes: Notes, none: T, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (thrown) {
    if (!(thrown instanceof ProxyError)) throw thrown;
    notes.left(what, thrown.message);
    return none;
  }
}

/** Keys, teams, users and organisations of a running proxy. Throws `ProxyError` where not even its keys can be read. */
export async function tablesOf(options: ProxyOptions, notes: Notes): Promise<LitellmTables> {
  const keys = await pages(
    '/key/list?return_full_object=true&include_team_keys=true',
    'size',
    ({ keys }) => (isArray(keys) ? keys : []),
    options,
  );
  const full = await Promise.all(keys.map((key) => (isObject(key) ? key : keyRow(asString(key) ?? '', options))));
  const teams = await tried('teams', notes, [], async () => rows(await asked('/team/list', options)));
  const users = await tried('users', notes, [], () =>
    pages('/user/list', 'page_size', ({ users }) => (isArray(users) ? users : []), options),
  );
  const organizations = await tried('organizations', notes, [], async () => rows(await asked('/organization/list', options)));
  return { ...NO_TABLES, keys: full.filter(isObject), teams, users: rows(users), organizations };
}

/** Versions that list hashes only tell the rest one by one. */
async function keyRow(hash: string, options: ProxyOptions): Promise<JsonObject | undefined> {
  const body = await asked(`/key/info?key=${encodeURIComponent(hash)}`, options);
  const info = isObject(body) ? body.info : undefined;
  return isObject(info) ? { token: hash, ...info } : undefined;
}

/** The models of a running proxy, as a configuration would list them: without keys, which no proxy tells. */
export async function modelsOf(options: ProxyOptions, notes: Notes): Promise<JsonObject> {
  const body = await tried('models', notes, {}, async () => (await asked('/model/info', options)) ?? {});
  return { model_list: isObject(body) ? rows(body.data).map(withoutKey) : [] };
}

function withoutKey(entry: JsonObject): JsonObject {
  if (!isObject(entry.litellm_params)) return entry;
  const { api_key: _, ...params } = entry.litellm_params;
  return { ...entry, litellm_params: params };
}
