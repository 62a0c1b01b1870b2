import { decodeBase64 } from '../../core/base64.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Identity } from '../../core/exchange.ts';
import { isArray, isObject, type JsonObject, parseJson } from '../../core/json.ts';
import type { AccessTokens } from '../../core/oauth.ts';
import { base64url, OwnerKeys } from '../secret.ts';
import { ClientDocuments, ClientFault } from './client-documents.ts';
import { ClientEndpoints } from './endpoints.ts';
import { GivenTokens, type Granted } from './given-tokens.ts';
import { noteGrant } from './grant-rows.ts';
import { TokenNames } from './names.ts';
import { OAuthPlaces, type OAuthPlacesOptions } from './places.ts';
import { AUTHORIZE_PATH, providerOf, type ServerSettings } from './provider.ts';

export interface AuthorizationServerOptions extends OAuthPlacesOptions {
  /** The secret in use, then the one before; at least one. */
  readonly secrets: readonly string[];
  /** Where grants are listed for those who administer them. */
  readonly db?: D1Database | undefined;
}

/** Who lets a client act as them. */
export interface Grantor {
  /** Told apart from everybody else, and always the same. */
  readonly name: string;
  /** As whom the client's calls count. */
  readonly counts: Pick<Identity, 'org' | 'app' | 'user'>;
}

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
/** Identity Assertion Authorization Grant: a provider's word for a person, made for this server and one client. */
const ID_JAG = 'urn:ietf:params:oauth:grant-profile:id-jag';

/** A request for authorization that may be shown to somebody. Plain data. */
export interface Authorization {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly state: string;
  readonly scopes: readonly string[];
  readonly challenge: string;
  readonly resource: string;
}

/** A request for authorization, and what its client calls itself. */
type Asked = Authorization & { readonly clientName: string };

/** What a client says of itself; nobody vouches for its name. */
export interface ClientFacts {
  readonly name: string;
  /** The host that its document lies on, which it therefore owns. */
  readonly domain?: string;
}

/** Why an authorization is not given. `redirectTo`: where the browser is sent with it; without it, it is told here. */
export class AuthorizationFault extends Error {
  constructor(
    message: string,
    readonly redirectTo?: string,
  ) {
    super(message);
  }
}

/**
 * The gateway's own authorization server (OAuth 2.1). The library knows the protocol; here stands where things are kept, so
 * that what is for one use is used once, and which clients there are.
 */
export class AuthorizationServer {
  /** For clients. */
  readonly endpoints: ClientEndpoints;
  /** For the gateway's own routes. */
  readonly accessTokens: AccessTokens;
  readonly #secrets: readonly string[];
  readonly #names: TokenNames;
  readonly #places: OAuthPlaces;
  readonly #db: D1Database | undefined;

  constructor({ secrets, db, ...options }: AuthorizationServerOptions) {
    this.#secrets = secrets;
    this.#db = db;
    this.#names = new TokenNames(secrets);
    this.#places = new OAuthPlaces(options);
    this.endpoints = new ClientEndpoints(this.#places, this.#names);
    this.accessTokens = new GivenTokens(this.#places, this.#names);
  }

  /** RFC 8414. */
  async metadata(settings: ServerSettings): Promise<JsonObject> {
    const provider = await providerOf(settings);
    const response = await provider.answer(new Request(`${settings.issuer}/.well-known/oauth-authorization-server`), {
      OAUTH_KV: this.#places.kv(),
    });
    const document = parseJson(await response.text());
    // Which servers there are is said to who asks for one of them by name.
    const { protected_resources: _, ...metadata } = isObject(document) ? document : {};
    const grants = isArray(metadata.grant_types_supported) ? metadata.grant_types_supported : [];
    const assertions = { grant_types_supported: [...grants, JWT_BEARER], authorization_grant_profiles_supported: [ID_JAG] };
    return {
      ...metadata,
      ...(settings.assertions ? assertions : {}),
      revocation_endpoint: `${settings.issuer}/oauth/revoke`,
      client_id_metadata_document_supported: true,
    };
  }

  /** What a browser brings to the authorization endpoint. Throws an `AuthorizationFault`. */
  async read(settings: ServerSettings, search: string): Promise<{ readonly authorization: Authorization; readonly client: ClientFacts }> {
    const { AuthorizationError, authorizationErrorRedirect } = await import('@cloudflare/workers-oauth-provider');
    const twice = repeated(new URLSearchParams(search));
    if (twice !== undefined) throw new AuthorizationFault(`${twice} is given more than once.`);
    const provider = await providerOf(settings);
    try {
      const api = provider.api({ OAUTH_KV: this.#places.kv() });
      const request = await api.parseAuthRequest(new Request(`${settings.issuer}${AUTHORIZE_PATH}${search}`));
      const { clientId, redirectUri, state, scope, codeChallenge, codeChallengeMethod, resource } = request;
      const found = await api.lookupClient(clientId);
      // Ports of this computer may differ (RFC 8252 section 7.3), and nothing else: not how the same address is written.
      if (found?.redirectUris.includes(redirectUri) !== true && URL.parse(redirectUri)?.href !== redirectUri) {
        throw new AuthorizationFault('The redirect URI is not one of the client.');
      }
      // The library lets clients with a secret do without; a code that was stolen would be theirs to redeem.
      if (codeChallenge === undefined || codeChallengeMethod !== 'S256' || !/^[\w-]{43}$/.test(codeChallenge)) {
        const why = 'PKCE with the method S256 is required.';
        throw new AuthorizationFault(why, authorizationErrorRedirect(request, 'invalid_request', why));
      }
      const domain = ClientDocuments.isAddress(clientId) ? URL.parse(clientId)?.host : undefined;
      return {
        authorization: { clientId, redirectUri, state, scopes: scope, challenge: codeChallenge, resource: resource ?? '' },
        client: { name: found?.clientName?.trim() || clientId, ...(domain === undefined ? {} : { domain }) },
      };
    } catch (thrown) {
      if (thrown instanceof AuthorizationError)
        throw new AuthorizationFault(`${thrown.description}.`.replace('..', '.'), thrown.redirectTo);
      if (thrown instanceof ClientFault) throw new AuthorizationFault(thrown.message);
      throw thrown;
    }
  }

  /** The address to which a client is told that it does not get what it asked for. */
  async refused(settings: ServerSettings, { redirectUri, state }: Authorization, code: 'access_denied' | 'server_error', why: string) {
    const { authorizationErrorRedirect } = await import('@cloudflare/workers-oauth-provider');
    return authorizationErrorRedirect({ redirectUri, state, issuer: settings.issuer }, code, why);
  }

  /** Makes a grant, and gives the address at which its client gets the code. */
  async grant(settings: ServerSettings, asked: Asked, who: Grantor, scopes: readonly string[], granted: Granted): Promise<string> {
    const { AuthorizationError } = await import('@cloudflare/workers-oauth-provider');
    const provider = await providerOf(settings);
    const { clientId, redirectUri, state, challenge, resource } = asked;
    try {
      const { redirectTo } = await provider.api({ OAUTH_KV: this.#places.kv() }).completeAuthorization({
        request: {
          responseType: 'code',
          clientId,
          redirectUri,
          scope: [...scopes],
          state,
          codeChallenge: challenge,
          codeChallengeMethod: 'S256',
          resource,
          issuer: settings.issuer,
        },
        userId: await this.#names.user(who.name),
        metadata: {},
        scope: [...scopes],
        props: granted,
        // A person may use a client on several machines.
        revokeExistingGrants: false,
      });
      const url = new URL(redirectTo);
      const code = url.searchParams.get('code') ?? '';
      await this.#note(code, settings, asked, who, scopes, granted);
      url.searchParams.set('code', await this.#names.shown(code));
      return url.href;
    } catch (thrown) {
      if (thrown instanceof AuthorizationError) throw new AuthorizationFault(thrown.description);
      if (thrown instanceof ClientFault) throw new AuthorizationFault(thrown.message);
      throw thrown;
    }
  }

  /** Takes a grant back, by the id that operators know it by. */
  async endGrant(id: string): Promise<void> {
    await this.#places.grantById(id).end();
  }

  /** Lists a grant before anybody has its code: one that nobody could take back is not given. */
  async #note(
    code: string,
    settings: ServerSettings,
    asked: Asked,
    who: Grantor,
    scopes: readonly string[],
    granted: Granted,
  ): Promise<void> {
    if (this.#db === undefined) return;
    const [user = '', grant = ''] = code.split(':');
    const now = this.#places.clock.now();
    try {
      await noteGrant(this.#db, {
        ...{ id: this.#places.grantId(user, grant), org: who.counts.org, app: who.counts.app, user: who.counts.user ?? null },
        ...{ key: granted.key ?? null, client: asked.clientId, clientName: asked.clientName, resource: asked.resource },
        ...{ scopes: scopes.join(' '), createdAt: now, expiresAt: now + 1_000 * Math.max(settings.refreshToken, settings.accessToken) },
      });
    } catch (cause) {
      await this.#places.grantOf(user, grant).end();
      throw new GatewayError('overloaded', 'The grant cannot be noted now. Try again in a moment.', { cause });
    }
  }

  /** Whether it is the first time that a sign-in with this name is finished. */
  takeOnce(name: string, until: number): Promise<boolean> {
    return this.#places.takeOnce(name, until);
  }

  /** A text that only this gateway opens again, and only for the same use. base64url. */
  async seal(text: string, use: string): Promise<string> {
    const [secret = ''] = this.#secrets;
    const keys = await OwnerKeys.derive(secret, 'browser', 'oauth');
    return base64url((await keys.seal(text, use)).slice().buffer);
  }

  async open(sealed: string, use: string): Promise<string | undefined> {
    const bytes = decodeBase64(sealed);
    if (bytes === undefined) return undefined;
    for (const secret of this.#secrets) {
      const opened = await (await OwnerKeys.derive(secret, 'browser', 'oauth')).open(bytes, use);
      if (opened !== undefined) return opened;
    }
    return undefined;
  }
}

/** RFC 6749 section 3.1: no parameter stands twice. Several resources are the library's to refuse, in its own words. */
const repeated = (search: URLSearchParams): string | undefined =>
  [...new Set(search.keys())].find((name) => name !== 'resource' && search.getAll(name).length > 1);
