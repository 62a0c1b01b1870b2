import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

/** Whom its tokens are for. */
export const AUDIENCE = 'https://ai.acme.example';

export interface IdentityProvider {
  readonly issuer: string;
  /** Paths that were asked for, in order. */
  readonly asked: readonly string[];
  /** A token of a client for itself. */
  forClient(id: string, scope?: string): Promise<string>;
  /** A token of a person who logs in with a browser, at the client `web`. */
  forUser(name: string): Promise<string>;
  close(): Promise<void>;
}

const SECRET = 'secret-of-a-client-of-the-tests';
const REDIRECT = 'https://web.acme.example/callback';

const client = (id: string) => ({
  client_id: id,
  client_secret: SECRET,
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
});

/**
 * A certified OpenID provider, on loopback. Its access tokens are JWTs for one resource (RFC 8707, RFC 9068). `people`:
 * further clients at which people sign in, as the provider's own settings have them.
 */
export async function startIdentityProvider(clients: readonly string[], people: readonly object[] = []): Promise<IdentityProvider> {
  const asked: string[] = [];
  let serve: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    serve(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const provider = new Provider(issuer, {
    clients: [
      ...clients.map(client),
      { client_id: 'web', client_secret: SECRET, grant_types: ['authorization_code'], redirect_uris: [REDIRECT], response_types: ['code'] },
      ...people,
    ],
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig', kid: 'first' }] },
    scopes: ['openid', 'email', 'profile', 'ai:use', 'ai:look'],
    claims: { openid: ['sub', 'groups'], email: ['email'], profile: ['department'] },
    conformIdTokenClaims: false,
    ttl: { ClientCredentials: 600, AccessToken: 600, IdToken: 600, Interaction: 600, Session: 600, Grant: 600, AuthorizationCode: 60 },
    cookies: { keys: ['cookies of the tests'] },
    features: {
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => AUDIENCE,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: 'ai:use ai:look',
          audience: AUDIENCE,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 600,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    findAccount: (_context: unknown, id: string) => ({
      accountId: id,
      claims: () => ({
        sub: id,
        email: `${id}@acme.example`,
        department: 'builds',
        groups: id === 'root' ? ['people', 'platform'] : ['people'],
      }),
    }),
    extraTokenClaims: (_context: unknown, token: { accountId?: string }) =>
      token.accountId === undefined
        ? undefined
        : { email: `${token.accountId}@acme.example`, groups: token.accountId === 'root' ? ['people', 'platform'] : ['people'] },
  });
  serve = provider.callback();
  const tokenFor = async (form: Record<string, string>, id: string): Promise<string> => {
    const response = await fetch(`${issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${SECRET}`).toString('base64')}` },
      body: new URLSearchParams(form),
    });
    const body = (await response.json()) as { access_token?: string };
    if (body.access_token === undefined) throw new Error(`no token: ${JSON.stringify(body)}`);
    return body.access_token;
  };
  return {
    issuer,
    asked,
    forClient: (id, scope = 'ai:use') => tokenFor({ grant_type: 'client_credentials', resource: AUDIENCE, scope }, id),
    forUser: async (name) => {
      const verifier = randomBytes(32).toString('base64url');
      const code = await logIn(issuer, name, createHash('sha256').update(verifier).digest('base64url'));
      return tokenFor(
        { grant_type: 'authorization_code', code, redirect_uri: REDIRECT, code_verifier: verifier, resource: AUDIENCE },
        'web',
      );
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** What a browser does: follows redirects with its cookies, fills in the form, agrees. */
async function logIn(issuer: string, name: string, challenge: string): Promise<string> {
  const cookies = new Map<string, string>();
  const query = new URLSearchParams({
    client_id: 'web',
    response_type: 'code',
    redirect_uri: REDIRECT,
    scope: 'openid ai:use',
    resource: AUDIENCE,
    code_challenge: challenge,
    code_challenge_method: 'S256',
  });
  let url = `${issuer}/auth?${query}`;
  let form: URLSearchParams | undefined;
  for (let step = 0; step < 12; step++) {
    const response = await fetch(url, {
      method: form === undefined ? 'GET' : 'POST',
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([cookie, value]) => `${cookie}=${value}`).join('; ') },
      ...(form === undefined ? {} : { body: form }),
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, key = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      cookies.set(key, value);
    }
    const location = response.headers.get('location');
    if (location?.startsWith(REDIRECT)) return new URL(location).searchParams.get('code') ?? '';
    if (location !== null) {
      url = new URL(location, issuer).href;
      form = undefined;
    } else {
      const page = await response.text();
      const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1];
      if (prompt === undefined) throw new Error(`no form at ${url}: ${response.status} ${page.slice(0, 300)}`);
      form = new URLSearchParams(prompt === 'login' ? { prompt, login: name, password: 'any' } : { prompt });
    }
  }
  throw new Error('the log-in did not end');
}
