import { Client as NewClient, StreamableHTTPClientTransport as NewTransport } from '@modelcontextprotocol/client';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser } from './browser.ts';
import { allow, CALLBACK, type OAuthGateway, startOAuthGateway } from './fixture.ts';

// The official clients of the protocol, of both lines, from nothing but an address to a tool's answer.

let oauth: OAuthGateway;
beforeAll(async () => {
  oauth = await startOAuthGateway();
}, 180_000);
afterAll(() => oauth?.stop());

interface Kept {
  // biome-ignore lint/suspicious/noExplicitAny: what the SDKs keep is of their own types, which differ
  [name: string]: any;
}

/** What an application keeps of OAuth, and a person who allows everything. */
function application() {
  const kept: Kept = {};
  let back: URLSearchParams | undefined;
  const asked: URL[] = [];
  const provider = {
    redirectUrl: CALLBACK,
    clientMetadata: {
      client_name: 'An application with an SDK',
      redirect_uris: [CALLBACK],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
    state: () => 'state of the application',
    clientInformation: () => kept.client,
    saveClientInformation: (client: unknown) => {
      kept.client = client;
    },
    tokens: () => kept.tokens,
    saveTokens: (tokens: unknown) => {
      kept.tokens = tokens;
    },
    saveCodeVerifier: (verifier: string) => {
      kept.verifier = verifier;
    },
    codeVerifier: () => kept.verifier,
    saveDiscoveryState: (state: unknown) => {
      kept.discovery = state;
    },
    discoveryState: () => kept.discovery,
    redirectToAuthorization: async (url: URL) => {
      asked.push(url);
      back = (await allow(new Browser(), url.href)).searchParams;
    },
  };
  const cameBack = () => {
    if (back === undefined) throw new Error('nobody was asked');
    expect(back.get('error'), back.get('error_description') ?? '').toBeNull();
    return back;
  };
  return { kept, provider, asked, cameBack };
}

interface Connected {
  callTool(asked: { name: string; arguments: object }): Promise<unknown>;
  listTools(): Promise<{ tools: { name: string }[] }>;
  close(): Promise<void>;
}

const address = () => new URL(`${oauth.url}/mcp/everything`);

/** Connects, with a person's help where it is asked for. */
async function connectNew({ provider, cameBack }: ReturnType<typeof application>) {
  const client = new NewClient({ name: 'new', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  const transport = () => new NewTransport(address(), { authProvider: provider });
  let current = transport();
  try {
    await client.connect(current);
  } catch {
    await current.finishAuth(cameBack());
    current = transport();
    await client.connect(current);
  }
  return { client: client as unknown as Connected, finish: () => current.finishAuth(cameBack()) };
}

async function connectOld({ provider, cameBack }: ReturnType<typeof application>) {
  const client = new OldClient({ name: 'old', version: '1' });
  const transport = () => new OldTransport(address(), { authProvider: provider as never });
  let current = transport();
  try {
    await client.connect(current as never);
  } catch {
    await current.finishAuth(cameBack().get('code') ?? '');
    current = transport();
    await client.connect(current as never);
  }
  return { client: client as unknown as Connected, finish: () => current.finishAuth(cameBack().get('code') ?? '') };
}

describe.each([
  ['2.x', connectNew],
  ['1.x', connectOld],
] as const)('the official client %s', (line, connect) => {
  it('finds the way in, calls a tool, and asks for more when a tool needs more', async () => {
    const app = application();
    const { client, finish } = await connect(app);
    expect(app.asked).toHaveLength(1);
    expect(app.asked[0]?.searchParams.get('scope')).toBe('mcp:use');
    expect(app.asked[0]?.searchParams.get('resource')).toBe(`${oauth.url}/mcp/everything`);
    const answer = await client.callTool({ name: 'test_simple_text', arguments: {} });
    expect(JSON.stringify(answer)).toContain('simple text');
    // It is listed for everybody, so that it can be asked for.
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('test_multiple_content_types');
    // The 1.x line refreshes before it asks anybody, which brings no further scopes: it asks where it cannot refresh.
    if (line === '1.x') app.kept.tokens = { ...app.kept.tokens, refresh_token: undefined };
    await expect(client.callTool({ name: 'test_multiple_content_types', arguments: {} })).rejects.toThrow();
    expect(new Set(app.asked.at(-1)?.searchParams.get('scope')?.split(' '))).toEqual(new Set(['mcp:use', 'mcp:multiple']));
    await finish();
    const more = await client.callTool({ name: 'test_multiple_content_types', arguments: {} });
    expect(JSON.stringify(more)).toContain('Multiple content types');
    await client.close();
  });

  it('refreshes what has run out, without anybody', async () => {
    const app = application();
    const { client } = await connect(app);
    const before = app.kept.tokens;
    app.kept.tokens = { ...before, access_token: 'weir_oauth_gone.gone.gone.gone' };
    const answer = await client.callTool({ name: 'test_simple_text', arguments: {} });
    expect(JSON.stringify(answer)).toContain('simple text');
    expect(app.asked).toHaveLength(1);
    expect(app.kept.tokens.refresh_token).not.toBe(before.refresh_token);
    await client.close();
  });
});
