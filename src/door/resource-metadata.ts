import { isObject } from '../core/json.ts';
import type { Plan } from '../core/plan.ts';
import { CORS_HEADERS } from './cors.ts';

/** Where the metadata of an MCP server stand (RFC 9728 section 3.1: the path behind the well-known one). Clients take it as it is, so it is absolute. */
export const metadataUrl = (request: Request, name: string): string =>
  `${originOf(request)}/.well-known/oauth-protected-resource/mcp/${encodeURIComponent(name)}`;

const originOf = ({ url }: Request): string => URL.parse(url)?.origin ?? '';

/** Who may use an MCP server, and whose tokens it takes: RFC 9728. Where it takes keys of the gateway alone, no authorization server is named. */
export function metadataAnswer(request: Request, name: string, plan: Plan): Response {
  const issuers = plan.identities.flatMap(({ kind, settings }) => {
    const issuer = kind.use === 'jwt' && isObject(settings) ? settings.issuer : undefined;
    return typeof issuer === 'string' ? [issuer] : [];
  });
  const document = {
    resource: `${originOf(request)}/mcp/${encodeURIComponent(name)}`,
    resource_name: name,
    bearer_methods_supported: ['header'],
    ...(issuers.length === 0 ? {} : { authorization_servers: [...new Set(issuers)] }),
  };
  return Response.json(document, { headers: { ...CORS_HEADERS, 'cache-control': 'public, max-age=300' } });
}
