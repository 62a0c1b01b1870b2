import { z } from 'zod';
import type { RecordFilters } from '../state/record-filters.ts';
import { check, invalid, moment } from './input.ts';
import { findParents, type NamedParents } from './resources/find.ts';

const text = z.string().min(1).max(256).optional();

/** Whose calls. */
export const ownerFilters = {
  org: text.describe('Id or name.'),
  team: text.describe('Id or name.'),
  app: text.describe('Id or name.'),
};

/** When calls came. */
export const timeFilters = {
  since: moment.optional().describe('At or after: milliseconds since the epoch, or ISO 8601.'),
  until: moment.optional().describe('Before.'),
};

/** What calls of the log are narrowed by, whatever is then made of them. */
export const logFilters = {
  ...ownerFilters,
  key: text.describe('The id of the key.'),
  user: text.describe('The end user that the credential or the caller named.'),
  run: text,
  route: text,
  model: text.describe('As asked for, or as `provider/model` that served.'),
  provider: text.describe('Of the model that served.'),
  status: z.enum(['complete', 'partial', 'aborted', 'failed']).optional(),
  error: text.describe('A code of docs/errors.md.'),
  tool: text.describe('Of requests to MCP servers, as all four: the tool, by the name that clients see.'),
  mcp_method: text.describe('The method of the protocol, such as tools/call.'),
  mcp_outcome: text.describe('complete, tool-error, input-required, error, cancelled, interrupted, accepted.'),
  source: text.describe('The server behind the route, by its name in the configuration.'),
  ...timeFilters,
  'metadata.<name>': text.describe('An entry of `x-weir-metadata`, for example `metadata.team=blue`; several hold together.'),
};

/** Entries of the metadata that one query may name. */
const MOST_ENTRIES = 8;
const PREFIX = 'metadata.';

/** A name that a path of SQLite's JSON can hold. */
export const isMetadataName = (name: string): boolean => /^[^"\\\p{Cc}]{1,64}$/u.test(name);

/** A query by its schema, with the entries of the metadata that it names. Throws `invalid_request`. */
export function checkFilters<T extends object>(schema: z.ZodType<T>, query: { readonly [name: string]: string }) {
  const entries = Object.entries(query).filter(([name]) => name.startsWith(PREFIX));
  const metadata = entries.map(([name, value]) => [name.slice(PREFIX.length), value] as const);
  const bad = metadata.find(([name, value]) => !isMetadataName(name) || value.length > 1024);
  if (bad !== undefined) throw invalid([{ path: `${PREFIX}${bad[0]}`, message: 'is no name of an entry, or its value is too long' }]);
  if (metadata.length > MOST_ENTRIES) throw invalid([{ path: 'metadata', message: `takes ${MOST_ENTRIES} entries at most` }]);
  const rest = Object.fromEntries(Object.entries(query).filter(([name]) => !name.startsWith(PREFIX)));
  return { ...check(schema, rest), metadata };
}

/**
 * Whose calls are meant, by id. What was deleted has no name any more and is found by its id; what nobody is called
 * finds nothing. Throws `invalid_request` on a name that several have.
 */
export async function ownersOf(db: D1Database, { org, team, app }: NamedParents): Promise<Owners> {
  let owners: Owners = {};
  for (const [level, named] of Object.entries({ org, team, app })) {
    if (named === undefined) continue;
    const found = await findParents(db, { ...owners, [level]: named });
    // What it belongs to need not be asked for as well.
    if ('parents' in found) owners = { [level]: found.parents[level as keyof Owners] };
    else if (found.isNobody) owners = { ...owners, [level]: named };
    else throw invalid([found.problem]);
  }
  return owners;
}

type Owners = Pick<RecordFilters, 'org' | 'team' | 'app'>;
