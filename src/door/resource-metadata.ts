import { isObject } from '../core/json.ts';
import type { Plan } from '../core/plan.ts';
import { McpSettings } from '../kinds/mcp/settings.ts';
import { CORS_HEADERS } from './cors.ts';
import { issuerOf, oauthOf } from './oauth/settings.ts';

const WELL_KNOWN = '/.well-known/oauth-protected-resource';

/** Where the metadata of an MCP server stand (RFC 9728 section 3.1: the path behind the well-known one). Clients take it as it is, so it is absolute. */
export const metadataUrl = (request: Request, name: string, issuer: string | undefined): string =>
  `${issuer ?? originOf(request)}${WELL_KNOWN}/mcp/${encodeURIComponent(name)}`;

const originOf = ({ url }: Request): string => URL.parse(url)?.origin ?? '';

/**
 * Who may use an MCP server, or without a name the gateway itself, and whose tokens it takes: RFC 9728. Where it takes keys
 * of the gateway alone, no authorization server is named.
 */
export function metadataAnswer(request: Request, name: string | undefined, plan: Plan): Response {
  const origin = issuerOf(plan) ?? originOf(request);
  const own = oauthOf(plan) === undefined ? [] : [origin];
  const issuers = plan.identities.flatMap(({ kind, settings }) => {
    const issuer = kind.use === 'jwt' && isObject(settings) ? settings.issuer : undefined;
    return typeof issuer === 'string' ? [issuer] : [];
  });
  const server = name === undefined ? undefined : plan.servers.get(name);
  // What every request needs: clients ask for it first, and for more when a tool wants it.
  const scopes = server instanceof McpSettings ? server.scopes.server : [];
  const document = {
    resource: name === undefined ? origin : `${origin}/mcp/${encodeURIComponent(name)}`,
    resource_name: name ?? 'Weir',
    bearer_methods_supported: ['header'],
    ...(own.length + issuers.length === 0 ? {} : { authorization_servers: [...new Set([...own, ...issuers])] }),
    ...(scopes.length === 0 ? {} : { scopes_supported: scopes }),
  };
  return Response.json(document, { headers: { ...CORS_HEADERS, 'cache-control': 'public, max-age=300' } });
}

/** A challenge of the scheme `Bearer` (RFC 6750 section 3); what is absent or empty is not said. */
export const challengeOf = (parameters: { readonly [name: string]: string | undefined }): string =>
  `Bearer ${Object.entries(parameters)
    .flatMap(([name, value]) => (value === undefined || value === '' ? [] : [`${name}="${value.replaceAll(/["\\]/g, '')}"`]))
    .join(', ')}`;
