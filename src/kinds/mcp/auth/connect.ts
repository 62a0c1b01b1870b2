import { encodeBase64 } from '../../../core/base64.ts';
import type { Connection, Credentials } from '../../../core/credentials.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { JsonObject } from '../../../core/json.ts';
import { digestOf } from '../../../core/ledger/canonical.ts';
import type { Secrets } from '../../../core/ports.ts';
import { accountOf, secretValue } from './account.ts';
import { union } from './challenge.ts';
import { CALLBACK_PATH, clientFor, readClient } from './clients.ts';
import { grantJson, type OAuthGrant, tokenParts } from './grants.ts';
import { type ConnectLink, LINK_FOR, opened } from './link.ts';
import { discoverServer } from './metadata.ts';
import { distrust, type Outbound } from './outbound.ts';
import { type OAuthSetting, resourceOf, type SourceAccess } from './settings.ts';
import { askToken, GrantRefused } from './tokens.ts';

/** With what somebody's consent is asked for and taken. */
export interface ConnectHome {
  readonly outbound: Outbound;
  readonly credentials: Credentials;
  readonly secrets: Secrets;
  /** Where the gateway is reached, without a path. */
  readonly origin: string;
}

/** Who comes back with a code, as the address says it. */
export interface Returned {
  readonly state: string;
  readonly code?: string | undefined;
  readonly issuer?: string | undefined;
  readonly error?: string | undefined;
}

/** What was connected, for those who administer it. */
export interface Connected {
  readonly link: Pick<ConnectLink, 'holder' | 'org' | 'app' | 'user' | 'route' | 'source'>;
  readonly account: string;
  readonly issuer?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
}

/** What is wrong with a visit; the person in front of the browser reads it. */
export const stale = (why: string): GatewayError => new GatewayError('invalid_request', why);

const secretHome = (source: string, { outbound, secrets, credentials }: ConnectHome) => ({
  name: source,
  ports: { clock: outbound.clock, egress: outbound.egress, secrets, credentials },
});

const base64url = (bytes: Uint8Array): string => encodeBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

/** 256 random bits as RFC 7636 §4.1 wants them. */
const random = (): string => base64url(crypto.getRandomValues(new Uint8Array(32)));
const s256 = async (text: string): Promise<string> =>
  base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))));

/**
 * Where the browser goes to consent. What it must bring back is kept for the holder, once and for ten minutes, together with
 * the browser it was given to. Throws `upstream_authorization`, and `invalid_request` for a link that was followed before.
 */
export async function beginConsent(
  link: ConnectLink,
  access: SourceAccess & { readonly auth: OAuthSetting },
  browser: string,
  home: ConnectHome,
): Promise<string> {
  const { outbound, credentials, origin } = home;
  const { auth, url } = access;
  const account = accountOf(access);
  const connection = credentials.connection(link.holder, account);
  if (!(await connection.once(link.id, link.until))) throw stale('This link was used already. Try the call again, and follow the new one.');
  const { server, resource, scopes } = await discoverServer(
    { url: resourceOf(url), metadata: link.metadata, issuer: auth.issuer },
    outbound,
  );
  if (server.authorizationUrl === undefined) throw distrust('the authorization server has no authorization_endpoint');
  if (!server.challengeMethods?.includes('S256')) throw distrust('the authorization server does not say that it knows PKCE with S256');
  const secret =
    auth.clientSecret === undefined ? undefined : await secretValue(auth.clientSecret, link.org, secretHome(link.source, home));
  const client = await clientFor(server, { id: auth.clientId, secret }, origin, credentials);
  const wanted = wantedScopes(auth, link, scopes, server.scopes);
  const id = random();
  const verifier = random();
  const redirectUri = `${origin}${CALLBACK_PATH}`;
  const { issuer, tokenUrl, revocationUrl, saysIssuer } = server;
  const until = outbound.clock.now() + LINK_FOR;
  await connection.expect(
    id,
    {
      ...{ verifier, issuer, tokenUrl, revocationUrl, saysIssuer, resource, redirectUri, scopes: wanted, browser: await digestOf(browser) },
      ...{ clientId: client.id, method: client.method, steps: link.steps },
      // An operator's secret is asked for again; that of a registration of the gateway's own stands nowhere else.
      ...(auth.clientId === undefined && client.secret !== undefined ? { clientSecret: client.secret } : {}),
    },
    until,
  );
  const { holder, org, app, user, route, source } = link;
  const state = await credentials.seal(JSON.stringify({ use: 'state', id, holder, account, org, app, user, route, source }));
  const to = new URL(server.authorizationUrl);
  const asked = {
    ...{ response_type: 'code', client_id: client.id, redirect_uri: redirectUri, state, resource },
    ...{ code_challenge: await s256(verifier), code_challenge_method: 'S256' },
    ...(wanted.length === 0 ? {} : { scope: wanted.join(' ') }),
    // OpenID Connect Core §11: without it there is no refresh token.
    ...(wanted.includes('offline_access') ? { prompt: 'consent' } : {}),
  };
  for (const [name, value] of Object.entries(asked)) to.searchParams.set(name, value);
  return to.href;
}

/** What the operator says, or what the server asked for, or what it says that it has; and what a lasting grant takes. */
function wantedScopes(auth: OAuthSetting, link: ConnectLink, resource: readonly string[], server: readonly string[]): readonly string[] {
  const wanted = union(auth.scopes ?? (link.scopes === undefined ? resource : []), link.scopes ?? []);
  return wanted.length > 0 && server.includes('offline_access') ? union(wanted, ['offline_access']) : wanted;
}

/** Where somebody comes back: at which source of which route, and what was kept for it is found. `undefined`: this gateway did not send anybody there. */
export async function readState(state: string, credentials: Credentials) {
  const said = await opened(state, 'state', credentials);
  if (said === undefined) return undefined;
  const { id, holder, account, org, app, user, route, source } = said;
  if ([id, holder, account, org, route, source].some((each) => typeof each !== 'string')) return undefined;
  return {
    id: String(id),
    account: String(account),
    link: {
      ...{ holder: String(holder), org: String(org), route: String(route), source: String(source) },
      ...(typeof app === 'string' ? { app } : {}),
      ...(typeof user === 'string' ? { user } : {}),
    },
  };
}

/**
 * Takes what the browser came back with for a grant. Who answers is checked before anything is sent anywhere (RFC 9207 §2.4).
 * Throws `invalid_request` for what is not of this browser, comes twice or too late, and `upstream_authorization`.
 */
export async function finishConsent(
  returned: Returned,
  access: SourceAccess & { readonly auth: OAuthSetting },
  browser: string,
  home: ConnectHome,
): Promise<Connected> {
  const { credentials } = home;
  const found = await readState(returned.state, credentials);
  if (found === undefined) throw stale('This is no answer to a question of this gateway.');
  const { id, account, link } = found;
  if (account !== accountOf(access)) throw stale('The source was changed in the meantime. Try the call again.');
  const connection = credentials.connection(link.holder, account);
  const kept = await connection.take(id);
  if (kept === undefined) throw stale('This answer came twice, or too late. Try the call again.');
  if (kept.browser !== (await digestOf(browser))) throw stale('Another browser began this. Open the link and consent in the same one.');
  checkIssuer(kept, returned.issuer);
  if (returned.error !== undefined) throw stale('The authorization server says that nobody consented. Try the call again.');
  if (returned.code === undefined) throw stale('The authorization server gave no code.');
  const grant = await redeemed(kept, returned.code, access.auth, link, home);
  await connection.put(grantJson(grant));
  return { link, account, issuer: grant.issuer, scopes: grant.scopes };
}

/** RFC 9207 §2.4: who says that it names itself and does not, and who names another, is not who was asked. */
function checkIssuer({ issuer, saysIssuer }: JsonObject, said: string | undefined): void {
  if (said === undefined ? saysIssuer === true : said !== issuer)
    throw distrust('the answer is not from the authorization server that was asked (RFC 9207)');
}

async function redeemed(
  kept: JsonObject,
  code: string,
  auth: OAuthSetting,
  link: Connected['link'],
  home: ConnectHome,
): Promise<OAuthGrant> {
  const { verifier, issuer, tokenUrl, revocationUrl, resource, redirectUri, scopes, clientId, clientSecret, method, steps } = kept;
  const own = auth.clientSecret === undefined ? undefined : await secretValue(auth.clientSecret, link.org, secretHome(link.source, home));
  const client = readClient({ id: clientId, method, secret: clientSecret ?? own });
  if (client === undefined) throw new GatewayError('internal', 'A consent was begun without a client.');
  const fields = {
    ...{ grant_type: 'authorization_code', code, redirect_uri: String(redirectUri) },
    ...{ code_verifier: String(verifier), resource: String(resource) },
  };
  try {
    const answer = await askToken(String(tokenUrl), client, fields, home.outbound);
    const asked = Array.isArray(scopes) ? scopes.map(String) : [];
    return {
      ...tokenParts(answer, asked, home.outbound.clock.now()),
      ...{ issuer: String(issuer), tokenUrl: String(tokenUrl), resource: String(resource) },
      ...(typeof revocationUrl === 'string' ? { revocationUrl } : {}),
      ...{ clientId: client.id, method: client.method, steps: Number(steps) },
      ...(typeof clientSecret === 'string' ? { clientSecret } : {}),
    };
  } catch (thrown) {
    if (thrown instanceof GrantRefused) throw distrust('the token endpoint refuses the code', thrown);
    throw thrown;
  }
}

/** Keeps a key that somebody stores for itself. Throws `invalid_request` where it could not stand in a header. */
export async function storeKey(connection: Connection, key: string): Promise<void> {
  const text = key.trim();
  if (!/^[\x21-\x7e](?:[\x20-\x7e]{0,8190}[\x21-\x7e])?$/.test(text))
    throw stale('That is no key: it is empty, too long, or holds characters that no key has.');
  await connection.put({ kind: 'key', token: text });
}
