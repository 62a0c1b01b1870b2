import { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { readBody, refuse, rulesOf, teamBody } from './bodies.ts';
import { teamFields } from './fields.ts';
import type { Desk } from './keys.ts';
import { findTeam, orgOf, TEAM_ID } from './places.ts';
import { shownKey, shownTeam } from './shown.ts';

export async function create(request: Request, { inner, deps }: Desk): Promise<JsonObject> {
  const { body, raw } = await readBody(request, teamBody);
  const { rules, warnings } = rulesOf(body, { raw, kept: teamFields });
  const { team_id: id, team_alias: alias } = body;
  if (!id && !alias) refuse([{ field: 'team_alias', message: 'a team needs a name' }]);
  if (id && (await findTeam(inner, id)) !== undefined) refuse([{ field: 'team_id', message: `there is a team of this id: "${id}"` }]);
  const org = await orgOf(inner, body.organization_id || undefined);
  const team = await inner.create('teams', {
    name: alias || id,
    org: org.id,
    ...rules,
    metadata: id ? { ...rules.metadata, [TEAM_ID]: id } : rules.metadata,
  });
  return { ...(await shownTeam(team, deps)), ...(warnings.length === 0 ? {} : { warnings }) };
}

export async function info(request: Request, { inner, deps }: Desk): Promise<JsonObject> {
  const id = new URL(request.url).searchParams.get('team_id');
  if (id === null || id === '') throw new GatewayError('invalid_request', 'team_id: say which team, as ?team_id=.', { param: 'team_id' });
  const team = await findTeam(inner, id);
  if (team === undefined) throw new GatewayError('not_found', `There is no team "${id}".`, { param: 'team_id' });
  const keys: JsonObject[] = [];
  for await (const key of inner.all('keys', { team: team.id })) keys.push(await shownKey(key, team, deps));
  return { team_id: id, team_info: await shownTeam(team, deps), keys, team_memberships: [] };
}
