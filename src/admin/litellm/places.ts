import { GatewayError } from '../../core/errors.ts';
import type { AppResource, OrgResource, TeamResource } from '../resources/shapes.ts';
import type { InnerAdmin } from './inner.ts';

/** Where keys are that LiteLLM has no place for: it knows neither apps nor, most often, organisations. */
export const ORG = 'litellm';
export const DEFAULT = 'default';

/** In the metadata of teams and keys: what they were called there. */
export const TEAM_ID = 'litellm_team_id';
export const USER_ID = 'litellm_user_id';

/** The organisation that is named by id or name, or the one for all that name none. Throws `invalid_request`. */
export async function orgOf(inner: InnerAdmin, named: string | undefined): Promise<OrgResource> {
  if (named === undefined) return ensure(inner, 'orgs', ORG, {});
  const found = (await inner.read('orgs', named)) ?? (await byName(inner, 'orgs', named, {}));
  if (found !== undefined) return found;
  throw new GatewayError('invalid_request', `organization_id: there is no organisation "${named}".`, { param: 'organization_id' });
}

/** A team by LiteLLM's id of it, by ours, or by a name that only one has. */
export async function findTeam(inner: InnerAdmin, id: string): Promise<TeamResource | undefined> {
  const own = id.startsWith('team_') ? await inner.read('teams', id) : undefined;
  if (own !== undefined) return own;
  const named: TeamResource[] = [];
  for await (const team of inner.all('teams')) {
    if (team.metadata[TEAM_ID] === id) return team;
    if (team.name === id && team.metadata[TEAM_ID] === undefined) named.push(team);
  }
  return named.length === 1 ? named[0] : undefined;
}

/** What LiteLLM's clients know a team by; `null` for the one that stands for none. */
export function teamIdOf({ id, name, metadata }: TeamResource): string | null {
  const theirs = metadata[TEAM_ID];
  if (typeof theirs === 'string') return theirs;
  return name === DEFAULT ? null : id;
}

/** The app for a key of a team; for a key of nobody's team, that of its user. Made where it is missing. */
export async function appFor(
  inner: InnerAdmin,
  { team, org, user }: { readonly team: TeamResource | undefined; readonly org: string | undefined; readonly user: string | undefined },
): Promise<AppResource> {
  if (team !== undefined) return ensure(inner, 'apps', DEFAULT, { team: team.id });
  const home = await ensure(inner, 'teams', DEFAULT, { org: (await orgOf(inner, org)).id });
  return ensure(inner, 'apps', user ?? DEFAULT, { team: home.id });
}

type Kept = { readonly orgs: OrgResource; readonly teams: TeamResource; readonly apps: AppResource };

async function byName<P extends keyof Kept>(inner: InnerAdmin, plural: P, name: string, within: { readonly [parent: string]: string }) {
  for await (const each of inner.all(plural, { name, ...within })) if (each.name === name) return each;
  return undefined;
}

/** Finds it by its name, or makes it; also where somebody else makes it meanwhile. */
async function ensure<P extends keyof Kept>(inner: InnerAdmin, plural: P, name: string, within: { readonly [parent: string]: string }) {
  const found = await byName(inner, plural, name, within);
  if (found !== undefined) return found;
  try {
    return await inner.create(plural, { name, ...within });
  } catch (thrown) {
    const made = thrown instanceof GatewayError && thrown.code === 'already_exists' ? await byName(inner, plural, name, within) : undefined;
    if (made === undefined) throw thrown;
    return made;
  }
}
