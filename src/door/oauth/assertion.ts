import { GatewayError } from '../../core/errors.ts';
import type { Identity } from '../../core/exchange.ts';
import type { Proof } from '../../core/identity.ts';
import { isArray, isObject, type JsonObject, parseJson } from '../../core/json.ts';
import type { Plan } from '../../core/plan.ts';
import type { Ports } from '../../core/ports.ts';
import { Snapshots } from '../../core/snapshots.ts';
import { IssuerKeys } from '../../identity/jwt/issuer-keys.ts';
import { claimedBy } from '../../identity/jwt/token.ts';
import type { AuthorizationServer } from '../../state/oauth/authorization-server.ts';
import type { Assertions } from '../../state/oauth/endpoints.ts';
import { base64url, randomId } from './browser.ts';
import { allowedScopes, grantable, missingFrom, type OAuthPlan } from './settings.ts';

export interface AssertionDoor {
  readonly plan: Plan;
  readonly oauth: OAuthPlan;
  readonly server: AuthorizationServer;
  readonly ports: Ports;
  standsFor(proof: Proof): Promise<Identity>;
}

/** Seconds for which an assertion may be good at most: it is made to be used at once. */
const LONGEST = 300;
const TYPE = 'oauth-id-jag+jwt';

/** Keys of the providers, in one isolate. */
const known = new Snapshots<IssuerKeys>(16);

/**
 * Identity assertions (ID-JAG, draft-ietf-oauth-identity-assertion-authz-grant): a provider says who a person is and what
 * for, to this server and for one client. Each is good once.
 */
export const assertionsOf =
  ({ plan, oauth, server, ports, standsFor }: AssertionDoor): Assertions =>
  async (settings, form, client) => {
    try {
      const claims = await proven(form.get('assertion') ?? '', client.id, settings.issuer, oauth, server, ports);
      const { resource } = claims;
      const asked = form.get('resource') ?? resource;
      if (typeof resource !== 'string' || asked !== resource || !settings.resources.includes(resource)) {
        return { error: 'invalid_target', why: 'The assertion is for no resource of this gateway, or for another one.' };
      }
      const counts = await standsFor({ facts: { claims, client: { id: client.id } } });
      const said = typeof claims.scope === 'string' ? claims.scope.split(' ').filter(Boolean) : [];
      const wanted = form.get('scope')?.split(' ').filter(Boolean) ?? said;
      if (!wanted.every((each) => said.includes(each)))
        return { error: 'invalid_scope', why: 'More is asked for than the assertion says.' };
      const scopes = allowedScopes(grantable(wanted, resource, settings.issuer, plan, oauth), claims, oauth);
      const verifier = randomId() + randomId();
      const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
      const { name, redirectUri } = factsOf(client);
      const authorization = { clientId: client.id, clientName: name, redirectUri, state: '', scopes, resource };
      const challenged = { ...authorization, challenge: base64url(new Uint8Array(digest)) };
      const who = { name: `${String(claims.iss)} ${String(claims.sub)}`, counts };
      // No refresh token comes of it.
      const to = await server.grant({ ...settings, refreshToken: 0 }, challenged, who, scopes, { claims });
      return { code: new URL(to).searchParams.get('code') ?? '', verifier };
    } catch (thrown) {
      const error = GatewayError.from(thrown);
      if (error.code === 'internal' || error.code === 'overloaded') throw error;
      return { error: 'invalid_grant', why: error.message };
    }
  };

/** What an assertion says that is good now, and was not used before. Throws `invalid_key`, `not_allowed`. */
async function proven(
  assertion: string,
  client: string,
  audience: string,
  { settings }: OAuthPlan,
  server: AuthorizationServer,
  ports: Ports,
): Promise<JsonObject> {
  const issuer = claimedBy(assertion)?.iss;
  const from = settings.assertions?.find((each) => each.issuer === issuer);
  if (from === undefined) throw new GatewayError('invalid_key', 'The assertion is of no provider that is taken here.');
  const name = JSON.stringify(from);
  const keys = known.get(name) ?? new IssuerKeys(from.issuer, from.jwksUri);
  known.put(name, keys);
  const { verify } = await import('../../identity/jwt/verify.ts');
  const claims = await verify(assertion, { issuer: from.issuer, audience, type: TYPE }, keys, ports);
  const { jti, sub, iat, exp } = claims;
  if (typeof jti !== 'string' || jti === '' || typeof sub !== 'string' || sub === '') {
    throw new GatewayError('invalid_key', 'The assertion has no jti, or names nobody.');
  }
  if (claims.client_id !== client) throw new GatewayError('invalid_key', 'The assertion was given to another client.');
  if (typeof iat !== 'number' || Number(exp) - iat > LONGEST) throw new GatewayError('invalid_key', 'The assertion is good for too long.');
  const missing = missingFrom(claims, settings.claims);
  if (missing !== undefined) throw new GatewayError('not_allowed', `"${missing}" is not what the operator asks for.`);
  const used = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(`${from.issuer} ${jti}`));
  // A minute longer than it is good, as clocks may differ.
  if (!(await server.takeOnce(`assertion ${base64url(new Uint8Array(used))}`, (Number(exp) + 120) * 1000))) {
    throw new GatewayError('invalid_key', 'The assertion was used before.');
  }
  const { jti: _, exp: __, iat: ___, aud: ____, ...said } = claims;
  return said;
}

/** What a client calls itself, and an address of its own: the library makes no grant without one, and nobody is sent there. */
function factsOf({ id, record }: { readonly id: string; readonly record: string }) {
  const parsed = parseJson(record);
  const client = isObject(parsed) ? parsed : {};
  const redirects = isArray(client.redirectUris) ? client.redirectUris : [];
  const name = typeof client.clientName === 'string' ? client.clientName.trim() : '';
  return { name: name || id, redirectUri: redirects.find((each) => typeof each === 'string') ?? '' };
}
