import { createHash, randomBytes } from 'node:crypto';
import { KEY } from '../gateway.ts';
import { type Fixture, startFixture } from '../mcp/fixture.ts';
import { type McpGateway, startMcpGateway } from '../mcp/gateway.ts';
import { ask, make, makeFamily } from '../tenants.ts';
import { type IdentityProvider, startIdentityProvider } from '../upstream/identity-provider.ts';
import { Browser } from './browser.ts';

export const CALLBACK = 'http://127.0.0.1:51234/callback';

export interface OAuthGateway {
  readonly gateway: McpGateway;
  readonly provider: IdentityProvider;
  readonly fixture: Fixture;
  readonly url: string;
  /** Publishes the identity `oauth` with these settings beside those of the fixture. */
  publish(settings?: object, more?: object): Promise<void>;
  stop(): Promise<void>;
}

/** A gateway with an authorization server whose people sign in at a certified OpenID provider. */
export async function startOAuthGateway(): Promise<OAuthGateway> {
  const [gateway, fixture] = await Promise.all([startMcpGateway(), startFixture()]);
  const provider = await startIdentityProvider(
    [],
    [
      {
        client_id: 'weir',
        client_secret: UP_SECRET,
        grant_types: ['authorization_code'],
        redirect_uris: [`${gateway.url}/oauth/callback`],
        response_types: ['code'],
      },
    ],
  );
  const { team } = await makeFamily(gateway, 'acme');
  await make(gateway, 'apps', { name: 'builds', team });
  const entry = {
    use: 'oauth',
    name: 'people',
    login: { issuer: provider.issuer, clientId: 'weir', clientSecret: { secret: 'UP_KEY' } },
    as: { org: 'acme', app: '{claims.department}', user: '{claims.email}' },
  };
  const publish = async (settings: object = {}, more: object = {}) => {
    const published = await ask(gateway, 'PUT', '/config', {
      identities: [{ ...entry, ...settings }],
      routes: [
        {
          name: 'everything',
          kind: 'mcp',
          sources: [{ kind: 'remote', url: fixture.url, prefix: '' }],
          scopes: { server: ['mcp:use'], tools: { 'test_multiple*': ['mcp:multiple'] } },
        },
        { name: 'other', kind: 'mcp', sources: [{ kind: 'remote', url: fixture.url, prefix: '' }] },
      ],
      ...more,
    });
    if (published.status !== 200) throw new Error(JSON.stringify(published.body));
  };
  await publish();
  return {
    gateway,
    provider,
    fixture,
    url: gateway.url,
    publish,
    stop: async () => {
      await Promise.all([gateway.stop(), fixture.close(), provider.close()]);
    },
  };
}

/** The secret that the gateway has under the name `UP_KEY`. */
const UP_SECRET = 'up-credential-canary-1111';

export interface Client {
  readonly client_id: string;
  readonly client_secret?: string;
}

export async function register(url: string, metadata: object = {}): Promise<Client> {
  const response = await fetch(`${url}/oauth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: 'A client of the tests',
      redirect_uris: [CALLBACK],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      ...metadata,
    }),
  });
  if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
  return (await response.json()) as Client;
}

export const pkce = () => {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
};

export interface Asked {
  readonly client: Client;
  readonly resource?: string;
  readonly scope?: string;
  readonly state?: string;
  readonly challenge: string;
  readonly more?: Record<string, string | undefined>;
}

export function authorizeUrl(
  url: string,
  { client, resource = `${url}/mcp/everything`, scope = 'mcp:use', state = 'st', challenge, more }: Asked,
) {
  const query = new URLSearchParams();
  const fields = {
    response_type: 'code',
    client_id: client.client_id,
    redirect_uri: CALLBACK,
    scope,
    state,
    resource,
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...more,
  };
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) query.set(name, value);
  return `${url}/oauth/authorize?${query}`;
}

/** What somebody does who allows it: consents, and signs in at the organisation where that is asked for. */
export async function allow(browser: Browser, start: string, person = 'ann', stopAt = CALLBACK): Promise<URL> {
  let at = await browser.open(start, stopAt);
  if (at.startsWith(stopAt)) return new URL(at);
  at = await browser.send({ decision: 'allow', ...(browser.page.text.includes('name="key"') ? { key: KEY } : {}) }, stopAt);
  for (let step = 0; step < 4 && !at.startsWith(stopAt); step++) {
    const { text, status, url } = browser.page;
    const prompt = /name="prompt" value="(\w+)"/.exec(text)?.[1];
    if (prompt === undefined)
      throw new Error(`no form at ${url}: ${status} ${text.replaceAll(/<style[\s\S]*?<\/style>/g, '').slice(0, 600)}`);
    at = await browser.send(prompt === 'login' ? { login: person, password: 'any' } : {}, stopAt);
  }
  return new URL(at);
}

export interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly token_type: string;
  readonly expires_in: number;
  readonly scope: string;
  readonly resource: string;
}

export const redeemAt = (url: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
  fetch(`${url}/oauth/token`, { method: 'POST', headers, body: new URLSearchParams(form) });

export const codeForm = (client: Client, code: string, verifier: string) => ({
  grant_type: 'authorization_code',
  client_id: client.client_id,
  code,
  redirect_uri: CALLBACK,
  code_verifier: verifier,
});

export const refreshForm = (client: Client, refresh: string) => ({
  grant_type: 'refresh_token',
  client_id: client.client_id,
  refresh_token: refresh,
});

/** A code of somebody who has allowed it. */
export async function codeFor(url: string, asked: Partial<Asked> & { readonly person?: string } = {}) {
  const client = asked.client ?? (await register(url));
  const { verifier, challenge } = pkce();
  const back = await allow(new Browser(), authorizeUrl(url, { ...asked, client, challenge }), asked.person);
  const code = back.searchParams.get('code');
  if (code === null) throw new Error(`no code: ${back.href}`);
  return { client, verifier, code, back };
}

export async function tokensFor(url: string, asked: Partial<Asked> & { readonly person?: string } = {}) {
  const { client, verifier, code } = await codeFor(url, asked);
  const response = await redeemAt(url, codeForm(client, code, verifier));
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
  return { client, code, verifier, tokens: (await response.json()) as Tokens };
}
