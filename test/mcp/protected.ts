import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify } from 'jose';
import Provider from 'oidc-provider';
import { Browser, type Page } from './browser.ts';

// An MCP server that takes tokens of a real authorization server and of nobody else, both on loopback.

/** What a token endpoint was asked. */
export interface TokenRequest {
  readonly form: URLSearchParams;
  readonly authorization: string | undefined;
}

export interface Protected {
  /** Of the MCP server. */
  readonly url: string;
  readonly issuer: string;
  /** `Authorization` of every request to the MCP server. */
  readonly shown: readonly (string | undefined)[];
  readonly tokenRequests: readonly TokenRequest[];
  readonly registrations: readonly string[];
  /** From now on the server refuses every token that was made before. */
  expireAll(): void;
  close(): Promise<void>;
}

export interface ProtectedOptions {
  /** Seconds that an access token lives. */
  readonly tokenFor?: number;
  /** The tool `write` wants more than the others. */
  readonly scopes?: boolean;
  readonly clients?: readonly object[];
}

const read = async (request: IncomingMessage): Promise<string> => {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
};

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

async function listening(serve: Serve): Promise<{ readonly origin: string; close(): Promise<void> }> {
  const http = createServer(serve);
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    close: async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

/** A certified OpenID provider that registers clients and hands out refresh tokens that are good once. */
async function startIssuer(resource: () => string, { tokenFor = 600, clients = [] }: ProtectedOptions) {
  const tokenRequests: TokenRequest[] = [];
  const registrations: string[] = [];
  let serve: Serve = () => undefined;
  const http = await listening((request, response) => serve(request, response));
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  const provider = new Provider(http.origin, {
    clients,
    clientDefaults: { grant_types: ['authorization_code', 'refresh_token'], token_endpoint_auth_method: 'none' },
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig', kid: 'first' }] },
    scopes: ['openid', 'offline_access', 'tools:read', 'tools:write'],
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post'],
    conformIdTokenClaims: false,
    ttl: {
      ClientCredentials: tokenFor,
      AccessToken: tokenFor,
      RefreshToken: 6_000,
      Interaction: 600,
      Session: 600,
      Grant: 600,
      AuthorizationCode: 60,
      IdToken: 600,
    },
    cookies: { keys: ['cookies of the tests'] },
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    pkce: { required: () => true },
    features: {
      registration: { enabled: true },
      revocation: { enabled: true },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_context: unknown, indicator: string) => {
          if (indicator !== resource()) throw new Error(`an unknown resource: ${indicator}`);
          return {
            scope: 'tools:read tools:write',
            audience: indicator,
            accessTokenFormat: 'jwt',
            accessTokenTTL: tokenFor,
            jwt: { sign: { alg: 'RS256' } },
          };
        },
      },
    },
    findAccount: (_context: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id }) }),
  });
  const callback = provider.callback();
  serve = async (request, response) => {
    const isToken = request.url === '/token';
    const isRegistration = request.url === '/reg';
    if (!isToken && !isRegistration) return callback(request, response);
    const text = await read(request);
    if (isToken) tokenRequests.push({ form: new URLSearchParams(text), authorization: request.headers.authorization });
    else registrations.push(text);
    // The provider takes a body that was read before it.
    Object.assign(request, { body: isToken ? Object.fromEntries(new URLSearchParams(text)) : JSON.parse(text) });
    callback(request, response);
  };
  const jwk = { ...(await exportJWK(publicKey)), alg: 'RS256', kid: 'first' };
  return { ...http, tokenRequests, registrations, keys: createLocalJWKSet({ keys: [jwk] }) };
}

/** The MCP server: it says by whom it lets callers in, checks every token, and has tools that say who calls. */
export async function startProtected(options: ProtectedOptions = {}): Promise<Protected> {
  let origin = '';
  const resource = () => `${origin}/mcp`;
  const issuer = await startIssuer(resource, options);
  const shown: (string | undefined)[] = [];
  let notBefore = 0;
  const whoIs = async (authorization: string | undefined) => {
    const token = /^Bearer (.+)$/.exec(authorization ?? '')?.[1];
    if (token === undefined) return undefined;
    const { payload } = await jwtVerify(token, issuer.keys, { issuer: issuer.origin, audience: resource() });
    if ((payload.iat ?? 0) * 1_000 < notBefore) throw new Error('too old');
    return { sub: payload.sub ?? String(payload.client_id), scope: String(payload.scope ?? ''), token };
  };
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const json = (status: number, body: unknown, headers: { readonly [name: string]: string } = {}) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(JSON.stringify(body));
    };
    if (request.url === '/.well-known/oauth-protected-resource/mcp') {
      return json(200, { resource: resource(), authorization_servers: [issuer.origin], scopes_supported: ['tools:read'] });
    }
    if (request.url !== '/mcp') return json(404, {});
    const { id, method, params } = JSON.parse((await read(request)) || '{}');
    shown.push(request.headers.authorization);
    const metadata = `${origin}/.well-known/oauth-protected-resource/mcp`;
    const who = await whoIs(request.headers.authorization).catch(() => undefined);
    if (who === undefined)
      return json(401, { error: 'unauthorized' }, { 'www-authenticate': `Bearer resource_metadata="${metadata}", scope="tools:read"` });
    if (options.scopes === true && params?.name === 'write' && !who.scope.split(' ').includes('tools:write')) {
      return json(
        403,
        { error: 'forbidden' },
        { 'www-authenticate': `Bearer error="insufficient_scope", scope="tools:write", resource_metadata="${metadata}"` },
      );
    }
    const answer = (result: object) => json(200, { jsonrpc: '2.0', id, result: { resultType: 'complete', ...result } });
    if (method === 'server/discover')
      return answer({ supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, ttlMs: 0, cacheScope: 'public' });
    if (method === 'tools/list') {
      const tools = ['whoami', 'write'].map((name) => ({ name, inputSchema: { type: 'object' } }));
      return answer({ tools, ttlMs: 0, cacheScope: 'public' });
    }
    answer({ content: [{ type: 'text', text: `${who.sub} with ${who.scope}` }], structuredContent: { token: who.token } });
  };
  const http = await listening((request, response) => void serve(request, response));
  origin = http.origin;
  return {
    url: resource(),
    issuer: issuer.origin,
    shown,
    tokenRequests: issuer.tokenRequests,
    registrations: issuer.registrations,
    expireAll: () => {
      notBefore = Date.now() + 1_000;
    },
    close: async () => {
      await http.close();
      await issuer.close();
    },
  };
}

/** What a person does with a link: reads the page, goes on, logs in, agrees. Gives the page at the end. */
export async function consent(link: string, person: string, browser = new Browser(), until?: (url: string) => boolean): Promise<Page> {
  let page = await browser.open(link, undefined, until);
  if (page.status !== 200) return page;
  page = await browser.submit(page, {}, until);
  for (let step = 0; step < 4 && page.status !== 0; step++) {
    const prompt = /name="prompt" value="(\w+)"/.exec(page.text)?.[1];
    if (prompt === undefined) return page;
    page = await browser.submit(page, prompt === 'login' ? { login: person, password: 'any' } : {}, until);
  }
  return page;
}

/** The link in what a client was told. */
export const linkIn = (text: string): string => /https?:\/\/[^\s"\\]*\/oauth\/connect\?link=[\w-]+/.exec(text)?.[0] ?? '';
