import type { Problem } from '../../config/problems.ts';
import { findTenants } from '../../state/tenants/reads.ts';
import { above, type Parents } from '../../state/tenants/tenant.ts';
import { invalid } from '../input.ts';

/** How a body or a query names what something belongs to: by id or name. */
export interface NamedParents {
  readonly org?: string | undefined;
  readonly team?: string | undefined;
  readonly app?: string | undefined;
}

export type Found =
  | { readonly parents: Parents }
  /** `isNobody`: nobody is called so, rather than several. */
  | { readonly problem: Problem; readonly isNobody: boolean };

const LEVELS = ['org', 'team', 'app'] as const;
const WORDS = { org: 'organisation', team: 'team', app: 'app' } as const;

/**
 * Whom the names mean, from the widest: a wider one says among whose the next one is looked for. A name that several have
 * is refused rather than guessed.
 */
export async function findParents(db: D1Database, named: NamedParents): Promise<Found> {
  let parents: Parents = {};
  for (const level of LEVELS) {
    const name = named[level];
    if (name === undefined) continue;
    const [found, another] = await findTenants(db, { level, named: name, org: parents.org, team: parents.team });
    if (found === undefined) return { problem: { path: level, message: `names no ${WORDS[level]}${within(parents)}` }, isNobody: true };
    if (another !== undefined) {
      const wider = above[level];
      const hint = wider === undefined ? '' : `, or say which ${WORDS[wider === 'app' ? 'team' : wider]} it belongs to`;
      return { problem: { path: level, message: `names more than one ${WORDS[level]}: give its id${hint}` }, isNobody: false };
    }
    const { id, org, team } = found;
    parents = { ...(org === undefined ? {} : { org }), ...(team === undefined ? {} : { team }), [level]: id };
  }
  return { parents };
}

/** Whose things a list has; `undefined` where the names mean nobody, who has none. Throws `invalid_request` on a name that several have. */
export async function parentsOfList(db: D1Database, named: NamedParents): Promise<Parents | undefined> {
  const found = await findParents(db, named);
  if ('parents' in found) return found.parents;
  if (found.isNobody) return undefined;
  throw invalid([found.problem]);
}

const within = ({ org, team }: Parents) => (team === undefined && org === undefined ? '' : ' there');
