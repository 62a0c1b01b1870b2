import { GatewayError } from '../../core/errors.ts';
import { defineIdentity, type IdentityPorts, type Proof } from '../../core/identity.ts';
import { resourceAt } from '../../core/oauth.ts';
import { type OAuthSettings, problemsOf, settings } from './settings.ts';

/** Access tokens of the gateway's own authorization server: of people who signed in at their organisation, or with a key. */
export const oauth = defineIdentity({
  use: 'oauth',
  config: settings,
  examples: [
    {
      use: 'oauth',
      name: 'people',
      login: { issuer: 'https://login.acme.example', clientId: 'weir', clientSecret: { secret: 'OIDC_CLIENT' } },
      claims: { groups: 'ai-users' },
      as: { org: 'acme', app: '{claims.department}', user: '{claims.email|claims.sub}', metadata: { client: '{client.id}' } },
      scopes: {
        'files:read': { description: 'Read your files' },
        'files:delete': { description: 'Delete your files', claims: { groups: 'platform' } },
      },
    },
    { use: 'oauth', name: 'by-key', accessToken: 900, refreshToken: 0, registration: false },
  ],
  facts: ['claims', 'client'],
  single: true,
  standsAlone: ({ login, assertions }) => login === undefined && assertions === undefined,
  problems: problemsOf,
  witness: (config) => ({
    prove: ({ token, request }, ports) =>
      token === undefined || ports.accessTokens?.mayBe(token) !== true ? undefined : judge(token, request, config, ports),
  }),
});

async function judge(token: string, request: Request, { issuer }: OAuthSettings, { accessTokens }: IdentityPorts): Promise<Proof> {
  const found = await accessTokens?.find(token);
  if (found === undefined)
    throw new GatewayError('invalid_key', 'The access token has expired, was revoked, or is not one of this gateway.');
  const url = new URL(request.url);
  // RFC 8707: who can use a token at one server could otherwise use it at all of them.
  if (found.resource !== resourceAt(url.pathname, issuer ?? url.origin)) {
    throw new GatewayError('invalid_key', 'The access token is for another resource than this one.');
  }
  const { id, expiresAt, claims, client, scopes, key } = found;
  return { facts: { claims, client: { id: client } }, scopes, token: { id, expiresAt }, ...(key === undefined ? {} : { key }) };
}
