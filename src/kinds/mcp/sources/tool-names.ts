import { hashOf } from '../../../core/stable-hash.ts';

/** Characters of a tool's name: what most models take. */
const LONGEST = 64;
const HASH = 8;

/** What a name is made of, and what it was before. */
export interface Nameable {
  /** What it is called already: an `operationId`, a field. */
  readonly id: string | undefined;
  /** `GET /users/{id}`, `query.users`: no two of a source have the same. */
  readonly place: string;
}

/**
 * One name for each, in order, never the same for two: those that are names already stay as they are, others are made
 * to fit, and what would be alike then, or had to be cut, ends in a hash of its place. A name does not depend on what
 * else the source has, unless it is claimed by two.
 */
export function toolNames(all: readonly Nameable[]): readonly string[] {
  const wanted = all.map(({ id, place }) => fitted(id === undefined || id === '' ? place : id, place));
  const claims = new Map<string, number>();
  for (const name of wanted) claims.set(name, (claims.get(name) ?? 0) + 1);
  const owned = new Set<string>();
  const names = all.map(({ id, place }, at) => {
    const name = wanted[at] ?? '';
    // Of several that would have one name, the one that is called so keeps it.
    const isOwn = (claims.get(name) ?? 0) === 1 || (id === name && !owned.has(name));
    const given = isOwn ? name : marked(name, place);
    owned.add(given);
    return given;
  });
  return names.map((name, at) => (names.indexOf(name) === at ? name : marked(name, `${all[at]?.place} ${at}`)));
}

function fitted(text: string, place: string): string {
  const name = text
    .replace(/[^A-Za-z0-9_-]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .replace(/^$/, 'operation');
  return name.length <= LONGEST ? name : marked(name, place);
}

const marked = (name: string, place: string): string => `${name.slice(0, LONGEST - HASH - 1)}_${hashOf(place).slice(0, HASH)}`;
