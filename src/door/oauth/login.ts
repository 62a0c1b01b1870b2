import { addressFault } from '../../core/address.ts';
import { encodeBase64 } from '../../core/base64.ts';
import type { IdentityPorts } from '../../core/identity.ts';
import { isArray, isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import { readText } from '../../core/reader.ts';
import { Snapshots } from '../../core/snapshots.ts';
import { IssuerKeys } from '../../identity/jwt/issuer-keys.ts';
import type { OAuthSettings } from '../../identity/oauth/settings.ts';
import { base64url, randomId } from './browser.ts';

type Login = NonNullable<OAuthSettings['login']>;

/** Why a sign-in at the provider did not work, for who tried; the cause is for the log. */
export class LoginFault extends Error {
  constructor(
    message: string,
    /** The provider or the person said no, and the client may be told so. */
    readonly isDenial = false,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What a provider says of itself (OpenID Connect Discovery 1.0 section 3). */
interface Provider {
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly userinfoEndpoint?: string;
  /** Whether it always names itself in its answers (RFC 9207). */
  readonly namesItself: boolean;
  /** Whether it takes the client's secret in the form alone. */
  readonly secretInForm: boolean;
  readonly keys: IssuerKeys;
}

const ANSWER_WITHIN = 10_000;
const FRESH = 10 * 60_000;
const MOST_BYTES = 256 * 1024;
/** Bytes of what is kept of a person for as long as the grant lasts. */
const MOST_CLAIMS = 8 * 1024;

/** The organisation's OpenID provider: the gateway is a client of it, as any other application is. */
class OrganisationLogin {
  readonly #providers = new Snapshots<{ readonly provider: Provider; readonly until: number }>(16);

  /** Where the browser goes to, and what must come back with it. */
  async start(login: Login, redirectUri: string, state: string, ports: IdentityPorts, local: boolean) {
    const { authorizationEndpoint } = await this.#provider(login, ports, local);
    const verifier = randomId() + randomId();
    const nonce = randomId();
    const challenge = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
    const url = new URL(authorizationEndpoint);
    const asked = {
      response_type: 'code',
      client_id: login.clientId,
      redirect_uri: redirectUri,
      scope: (login.scopes ?? ['openid', 'profile', 'email']).join(' '),
      state,
      nonce,
      code_challenge: base64url(new Uint8Array(challenge)),
      code_challenge_method: 'S256',
    };
    for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
    return { url: url.href, login: { nonce, verifier } };
  }

  /** What the provider says of the person, once the browser is back. Throws a `LoginFault`. */
  async finish(
    login: Login,
    answer: URLSearchParams,
    redirectUri: string,
    kept: { readonly nonce: string; readonly verifier: string },
    ports: IdentityPorts,
    local: boolean,
  ): Promise<JsonObject> {
    const provider = await this.#provider(login, ports, local);
    // RFC 9207: an answer of another provider is not shown to this one.
    const iss = answer.get('iss');
    if (iss === null ? provider.namesItself : iss !== login.issuer)
      throw new LoginFault('The answer is not of the provider that was asked.');
    if (answer.get('error') !== null) throw new LoginFault('The sign-in was refused or broken off.', true);
    const code = answer.get('code');
    if (code === null || code === '') throw new LoginFault('The provider answered without a code.');
    const tokens = await this.#redeem(login, provider, { code, redirectUri, verifier: kept.verifier }, ports);
    const claims = await this.#identity(login, provider, tokens, kept.nonce, ports);
    if (JSON.stringify(claims).length > MOST_CLAIMS) throw new LoginFault('The provider says more of you than can be kept.');
    return claims;
  }

  async #redeem(
    { clientId, clientSecret }: Login,
    { tokenEndpoint, secretInForm }: Provider,
    { code, redirectUri, verifier }: { readonly code: string; readonly redirectUri: string; readonly verifier: string },
    ports: IdentityPorts,
  ): Promise<JsonObject> {
    const form = new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier });
    const headers: { [name: string]: string } = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };
    const secret = clientSecret === undefined ? undefined : ports.secrets.get(clientSecret.secret);
    if (clientSecret !== undefined && secret === undefined) throw new LoginFault('The operator has not set the secret of the sign-in.');
    if (secret === undefined) form.set('client_id', clientId);
    else if (secretInForm) {
      form.set('client_id', clientId);
      form.set('client_secret', secret);
    } else {
      // RFC 6749 section 2.3.1: both are encoded as in a form first.
      const pair = `${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`;
      headers.authorization = `Basic ${encodeBase64(new TextEncoder().encode(pair))}`;
    }
    return fetchJson(tokenEndpoint, { method: 'POST', headers, body: form.toString() }, ports);
  }

  /** OpenID Connect Core 1.0 section 3.1.3.7, and what its userinfo adds. */
  async #identity(
    { issuer, clientId }: Login,
    { keys, userinfoEndpoint }: Provider,
    tokens: JsonObject,
    nonce: string,
    ports: IdentityPorts,
  ) {
    const { id_token, access_token } = tokens;
    if (typeof id_token !== 'string') throw new LoginFault('The provider answered without an ID token.');
    const { verify } = await import('../../identity/jwt/verify.ts');
    const claims = await verify(id_token, { issuer, audience: clientId }, keys, ports).catch((cause: unknown) => {
      throw new LoginFault('The ID token of the provider is not good.', false, { cause });
    });
    if (claims.nonce !== nonce) throw new LoginFault('The ID token belongs to another sign-in.');
    if (isArray(claims.aud) && claims.aud.length > 1 && claims.azp !== clientId)
      throw new LoginFault('The ID token is for another client.');
    if (typeof claims.sub !== 'string' || claims.sub === '') throw new LoginFault('The ID token names nobody.');
    const { nonce: _, at_hash: __, c_hash: ___, aud: ____, exp: _____, iat: ______, ...said } = claims;
    if (userinfoEndpoint === undefined || typeof access_token !== 'string') return said;
    const headers = { authorization: `Bearer ${access_token}`, accept: 'application/json' };
    const more = await fetchJson(userinfoEndpoint, { method: 'GET', headers }, ports).catch((cause: unknown) => {
      console.error('The userinfo of a sign-in could not be read', cause);
      return undefined;
    });
    // Section 5.3.2: of somebody else nothing is believed.
    return more === undefined || more.sub !== claims.sub ? said : { ...more, ...said };
  }

  async #provider({ issuer }: Login, ports: IdentityPorts, local: boolean): Promise<Provider> {
    const now = ports.clock.now();
    const known = this.#providers.get(issuer);
    if (known !== undefined && now < known.until) return known.provider;
    const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const document = await fetchJson(url, { method: 'GET', headers: { accept: 'application/json' } }, ports);
    if (document.issuer !== issuer) throw new LoginFault('The provider says that it is another one.');
    const endpoint = (name: string): string => {
      const value = document[name];
      const parsed = typeof value === 'string' ? URL.parse(value) : null;
      if (parsed === null || addressFault(parsed, local) !== undefined) throw new LoginFault(`The provider's ${name} is not an address.`);
      return parsed.href;
    };
    const methods = document.token_endpoint_auth_methods_supported;
    const provider: Provider = {
      authorizationEndpoint: endpoint('authorization_endpoint'),
      tokenEndpoint: endpoint('token_endpoint'),
      ...(document.userinfo_endpoint === undefined ? {} : { userinfoEndpoint: endpoint('userinfo_endpoint') }),
      namesItself: document.authorization_response_iss_parameter_supported === true,
      secretInForm: isArray(methods) && !methods.includes('client_secret_basic') && methods.includes('client_secret_post'),
      keys: new IssuerKeys(issuer, endpoint('jwks_uri')),
    };
    this.#providers.put(issuer, { provider, until: now + FRESH });
    return provider;
  }
}

/** What it learns of providers holds in one isolate for all that sign in. */
export const organisationLogin = new OrganisationLogin();

async function fetchJson(
  url: string,
  {
    method,
    headers,
    body,
  }: { readonly method: 'GET' | 'POST'; readonly headers: { readonly [name: string]: string }; readonly body?: string },
  { egress }: IdentityPorts,
): Promise<JsonObject> {
  try {
    const signal = AbortSignal.timeout(ANSWER_WITHIN);
    const response = await egress.send({ url, method, headers, signal, ...(body === undefined ? {} : { body }) });
    const text = await readText(response, MOST_BYTES);
    const document: Json | undefined = text === undefined ? undefined : parseJson(text);
    if (response.status !== 200 || !isObject(document)) throw new Error(`${new URL(url).pathname} answered with ${response.status}`);
    return document;
  } catch (cause) {
    throw new LoginFault('The provider of the organisation could not be asked. Try again shortly.', false, { cause });
  }
}
