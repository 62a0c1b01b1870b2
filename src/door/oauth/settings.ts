import type { PlanIdentity } from '../../core/identity.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Plan } from '../../core/plan.ts';
import { holds } from '../../core/template.ts';
import { DEFAULT_ACCESS_TOKEN, DEFAULT_REFRESH_TOKEN, type OAuthSettings, settings } from '../../identity/oauth/settings.ts';
import { allScopes } from '../../kinds/mcp/scopes.ts';
import { McpSettings } from '../../kinds/mcp/settings.ts';
import type { ServerSettings } from '../../state/oauth/provider.ts';

/** The authorization server of a configuration. */
export interface OAuthPlan {
  readonly entry: PlanIdentity;
  readonly settings: OAuthSettings;
}

const read = new WeakMap<PlanIdentity, OAuthPlan>();

/** `undefined` where the configuration has none. */
export function oauthOf({ identities }: Plan): OAuthPlan | undefined {
  const entry = identities.find(({ kind }) => kind.use === 'oauth');
  if (entry === undefined) return undefined;
  const known = read.get(entry) ?? { entry, settings: settings.parse(entry.settings) };
  read.set(entry, known);
  return known;
}

/** The gateway's own address as the operator says it. */
export const issuerOf = (plan: Plan): string | undefined => oauthOf(plan)?.settings.issuer;

/** What the authorization server is for clients of this address. */
export function serverSettings(plan: Plan, { settings }: OAuthPlan, request: Request): ServerSettings {
  const issuer = settings.issuer ?? new URL(request.url).origin;
  const servers = [...plan.servers.keys()].map((name) => `${issuer}/mcp/${name}`);
  const [only, ...more] = servers;
  return {
    issuer,
    resources: [issuer, ...servers],
    // Clients of 2025-03-26 do not say which resource they mean.
    ...(only === undefined || more.length > 0 ? {} : { defaultResource: only }),
    scopes: [...new Set([...Object.keys(settings.scopes ?? {}), ...[...plan.servers.values()].flatMap(scopesAt)])],
    accessToken: settings.accessToken ?? DEFAULT_ACCESS_TOKEN,
    refreshToken: settings.refreshToken ?? DEFAULT_REFRESH_TOKEN,
    registration: settings.registration ?? true,
    assertions: settings.assertions !== undefined,
  };
}

const scopesAt = (server: object | undefined): readonly string[] => (server instanceof McpSettings ? allScopes(server.scopes) : []);

/**
 * Which of the scopes that a client asks for somebody may give it: those that there are at the resource, and that the
 * provider's claims allow. A client that asks for none gets what every request needs.
 */
export function grantable(
  asked: readonly string[],
  resource: string,
  issuer: string,
  plan: Plan,
  { settings }: OAuthPlan,
): readonly string[] {
  const server = plan.servers.get(resource.slice(`${issuer}/mcp/`.length));
  const isServer = resource !== issuer && server instanceof McpSettings;
  const there = isServer ? scopesAt(server) : Object.keys(settings.scopes ?? {});
  const wanted = asked.length > 0 ? asked : isServer ? server.scopes.server : [];
  return [...new Set(wanted)].filter((scope) => there.includes(scope));
}

/** Those of the scopes that claims allow. */
export const allowedScopes = (scopes: readonly string[], claims: JsonObject, { settings }: OAuthPlan): readonly string[] =>
  scopes.filter((scope) => missingFrom(claims, settings.scopes?.[scope]?.claims) === undefined);

/** The first claim that is not or does not hold all it must. */
export function missingFrom(claims: JsonObject, required: OAuthSettings['claims']): string | undefined {
  const found = Object.entries(required ?? {}).find(([path, wanted]) => {
    const values = Array.isArray(wanted) ? wanted : [wanted];
    return !values.every((value) => holds(claims, path, value));
  });
  return found?.[0];
}
