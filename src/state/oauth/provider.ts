import type { OAuthHelpers } from '@cloudflare/workers-oauth-provider';

/** What the authorization server is, as the configuration says it. Plain data: it goes to the objects with every request. */
export interface ServerSettings {
  /** The gateway's own address: an origin, without a slash at its end. */
  readonly issuer: string;
  /** Every resource that tokens may be for (RFC 8707). */
  readonly resources: readonly string[];
  /** Which of them is meant where a client does not say it; absent: then it must. */
  readonly defaultResource?: string;
  /** Every scope that can be granted. */
  readonly scopes: readonly string[];
  /** Seconds. */
  readonly accessToken: number;
  /** Seconds from the sign-in on, however often it is used; 0: none is given out. */
  readonly refreshToken: number;
  /** Whether clients may register themselves (RFC 7591). */
  readonly registration: boolean;
  /** Whether clients may bring assertions of a provider in the place of a sign-in. */
  readonly assertions: boolean;
}

/** What the library keeps things in. It was made for Workers KV, and asks no more of it than this. */
export interface GrantKv {
  get(key: string, options?: { readonly type: 'json' }): Promise<unknown>;
  put(key: string, value: string, options?: { readonly expiration?: number; readonly expirationTtl?: number }): Promise<void>;
  delete(key: string): Promise<void>;
  list(options: {
    readonly prefix?: string;
  }): Promise<{ readonly keys: readonly { readonly name: string }[]; readonly list_complete: true }>;
}

export interface ProviderEnv {
  readonly OAUTH_KV: GrantKv;
}

export const TOKEN_PATH = '/oauth/token';
export const AUTHORIZE_PATH = '/oauth/authorize';
export const REGISTER_PATH = '/oauth/register';

/** What is used of the library. */
export interface Provider {
  /** Answers a request to one of the endpoints. */
  answer(request: Request, env: ProviderEnv): Promise<Response>;
  api(env: ProviderEnv): OAuthHelpers;
}

/** The library for these settings; loaded when it is first asked for. */
export async function providerOf(settings: ServerSettings): Promise<Provider> {
  const { OAuthAuthorizationServer: Server } = await import('@cloudflare/workers-oauth-provider');
  const { issuer, resources, defaultResource, scopes, accessToken, refreshToken, registration } = settings;
  const server = new Server<ProviderEnv>({
    issuer,
    resources: [...resources],
    ...(defaultResource === undefined ? {} : { defaultResource }),
    authorizeEndpoint: `${issuer}${AUTHORIZE_PATH}`,
    tokenEndpoint: `${issuer}${TOKEN_PATH}`,
    ...(registration ? { clientRegistrationEndpoint: `${issuer}${REGISTER_PATH}` } : {}),
    scopesSupported: [...scopes],
    accessTokenTTL: accessToken,
    refreshTokenTTL: refreshToken,
    // Native applications (RFC 8252 section 7.1). Schemes that run something are refused whatever is set here.
    allowPrivateUseRedirectUris: true,
    // What is refused is the client's to know; the log is not for strangers to fill.
    onError: () => undefined,
  });
  return {
    // It asks for the context of the request, and does nothing with it.
    answer: (request, env): Promise<Response> => Reflect.apply(server.fetch, server, [request, env, {}]),
    api: (env) => server.getOAuthApi(env),
  };
}
