import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

// A protected MCP server and its authorization server on one port, which say and do what a test wants, however wrong.

type Document = { readonly [member: string]: unknown };

export interface ScriptedIssuer {
  readonly origin: string;
  /** Of the MCP server. */
  readonly url: string;
  /** Everything that arrived: method, path, head and body as one text. */
  readonly arrived: readonly string[];
  /** Forms that reached the token endpoint. */
  readonly tokens: readonly URLSearchParams[];
  /** `Authorization` of requests to the MCP server. */
  readonly shown: readonly (string | undefined)[];
  /** What its documents say from now on, over what they would; `null`: there is none. */
  say(parts: {
    readonly resource?: Document | null;
    readonly server?: Document | null;
    readonly token?: Document;
    readonly tokenStatus?: number;
  }): void;
  close(): Promise<void>;
}

export async function startScriptedIssuer(): Promise<ScriptedIssuer> {
  let said: Parameters<ScriptedIssuer['say']>[0] = {};
  const arrived: string[] = [];
  const tokens: URLSearchParams[] = [];
  const shown: (string | undefined)[] = [];
  let count = 0;
  const http = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const text = Buffer.concat(pieces).toString();
    arrived.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)} ${text}`);
    const json = (status: number, body: unknown, headers: { readonly [name: string]: string } = {}) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(JSON.stringify(body));
    };
    const { pathname } = new URL(request.url ?? '/', origin);
    if (pathname === '/.well-known/oauth-protected-resource/mcp') {
      if (said.resource === null) return json(404, {});
      return json(200, { resource: `${origin}/mcp`, authorization_servers: [origin], ...said.resource });
    }
    if (pathname === '/.well-known/oauth-authorization-server') {
      if (said.server === null) return json(404, {});
      return json(200, {
        issuer: origin,
        authorization_endpoint: `${origin}/authorize`,
        token_endpoint: `${origin}/token`,
        registration_endpoint: `${origin}/register`,
        code_challenge_methods_supported: ['S256'],
        token_endpoint_auth_methods_supported: ['none', 'client_secret_basic'],
        ...said.server,
      });
    }
    if (pathname === '/register') return json(201, { client_id: 'registered' });
    if (pathname === '/token') {
      tokens.push(new URLSearchParams(text));
      count += 1;
      return json(said.tokenStatus ?? 200, {
        access_token: `upstream-token-${count}`,
        token_type: 'Bearer',
        expires_in: 3600,
        ...said.token,
      });
    }
    if (pathname !== '/mcp') return json(404, {});
    shown.push(request.headers.authorization ?? (request.headers['x-api-key'] as string | undefined));
    const { id, method } = JSON.parse(text || '{}');
    const credential = shown.at(-1);
    const isGood = credential !== undefined && /^(?:Bearer upstream-token-\d+|Bearer good-.*|good-.*)$/.test(credential);
    if (!isGood) return json(401, {}, { 'www-authenticate': 'Bearer' });
    const answer = (result: object) => json(200, { jsonrpc: '2.0', id, result: { resultType: 'complete', ...result } });
    if (method === 'server/discover') return answer({ supportedVersions: ['2026-07-28'], capabilities: { tools: {} } });
    if (method === 'tools/list') return answer({ tools: [{ name: 'whoami', inputSchema: { type: 'object' } }] });
    answer({ content: [{ type: 'text', text: `shown ${credential}` }] });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  return {
    origin,
    url: `${origin}/mcp`,
    arrived,
    tokens,
    shown,
    say: (parts) => {
      said = parts;
    },
    close: async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}
