import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeFamily, makeKey } from '../tenants.ts';
import { Browser, type Page } from './browser.ts';
import { call, type McpGateway, startMcpGateway } from './gateway.ts';
import { linkIn } from './protected.ts';
import { type ScriptedIssuer, startScriptedIssuer } from './scripted-issuer.ts';

// Authorization servers that lie. Nothing is shown to them, nobody is sent where they say, and no code is redeemed.

let gateway: McpGateway;
let server: ScriptedIssuer;
let other: ScriptedIssuer;
let key: string;

beforeAll(async () => {
  [gateway, server, other] = await Promise.all([startMcpGateway(), startScriptedIssuer(), startScriptedIssuer()]);
  await gateway.publish({ own: [{ url: server.url, name: 'desk', prefix: '', auth: { use: 'oauth' } }] });
  const { app } = await makeFamily(gateway, 'anna');
  ({ key } = await makeKey(gateway, { app, name: 'anna' }));
}, 180_000);
afterAll(() => Promise.all([gateway?.stop(), server?.close(), other?.close()]));
beforeEach(() => server.say({}));

const whoami = () => call(gateway.mcp('own'), 1, 'whoami', {}, { authorization: `Bearer ${key}` });

/** Follows the link until the browser would leave the gateway, or is told why not. */
async function begin(browser = new Browser()): Promise<Page> {
  const page = await browser.open(linkIn((await whoami()).text));
  return browser.submit(page, {}, (url) => !url.startsWith(gateway.url));
}

describe('metadata', () => {
  const wrong: readonly (readonly [string, () => Parameters<ScriptedIssuer['say']>[0]])[] = [
    ['is of another resource', () => ({ resource: { resource: 'https://elsewhere.example.com/mcp' } })],
    ['is of a resource beside this one', () => ({ resource: { resource: `${server.origin}/mc` } })],
    ['names an authorization server inside the network', () => ({ resource: { authorization_servers: ['http://169.254.169.254'] } })],
    ['names an authorization server by an IP address', () => ({ resource: { authorization_servers: ['https://10.0.0.1'] } })],
    ['calls itself by another name', () => ({ server: { issuer: `${server.origin}/` } })],
    ['calls itself by the name of another', () => ({ server: { issuer: other.origin } })],
    ['sends browsers to a script', () => ({ server: { authorization_endpoint: 'javascript:alert(1)' } })],
    ['sends browsers to a flag of a program', () => ({ server: { authorization_endpoint: '-flag' } })],
    ['sends browsers to a file', () => ({ server: { authorization_endpoint: 'file:///etc/passwd' } })],
    ['sends browsers to plain http', () => ({ server: { authorization_endpoint: 'http://login.example.com/authorize' } })],
    ['has its token endpoint inside the network', () => ({ server: { token_endpoint: 'https://metadata.google.internal/token' } })],
    ['has a token endpoint with credentials in it', () => ({ server: { token_endpoint: 'https://me:secret@example.com/token' } })],
    ['has a registration endpoint inside the network', () => ({ server: { registration_endpoint: 'https://192.168.1.1/register' } })],
    ['does not say that it knows PKCE', () => ({ server: { code_challenge_methods_supported: undefined } })],
    ['knows PKCE in the plain alone', () => ({ server: { code_challenge_methods_supported: ['plain'] } })],
    ['is not there', () => ({ server: null })],
    ['registers nobody', () => ({ server: { registration_endpoint: undefined } })],
  ];

  it.each(wrong)('that %s is refused', async (_what, parts) => {
    server.say(parts());
    const before = server.tokens.length;
    const page = await begin();
    expect(page.status).toBe(502);
    expect(page.text).toContain('No credential for the server could be got');
    expect(server.tokens).toHaveLength(before);
    expect(other.arrived).toEqual([]);
  });

  it('that is right leads on', async () => {
    const page = await begin();
    expect(page).toMatchObject({ status: 0, url: expect.stringContaining(`${server.origin}/authorize?`) });
  });
});

describe('an answer', () => {
  const returning = (page: Page, parts: { readonly [name: string]: string }) => {
    const state = new URL(page.url).searchParams.get('state') ?? '';
    return `${gateway.url}/oauth/connect/callback?${new URLSearchParams({ state, code: 'a-code', ...parts })}`;
  };

  it.each([
    ['from another authorization server', { authorization_response_iss_parameter_supported: true }, { iss: 'https://evil.example.com' }],
    ['that does not say from whom it is, where it would', { authorization_response_iss_parameter_supported: true }, {}],
    ['that names another, where it need not say any', {}, { iss: 'https://evil.example.com' }],
    ['with a slash more than its name', { authorization_response_iss_parameter_supported: true }, { iss: 'SLASH' }],
  ])('%s is dropped before its code is redeemed', async (_what, metadata, parts: { readonly iss?: string }) => {
    server.say({ server: metadata });
    const browser = new Browser();
    const page = await begin(browser);
    const before = server.tokens.length;
    const iss = parts.iss === 'SLASH' ? { iss: `${server.origin}/` } : parts;
    const end = await browser.open(returning(page, iss));
    expect(end).toMatchObject({ status: 502, text: expect.stringContaining('RFC 9207') });
    expect(server.tokens).toHaveLength(before);
  });

  it('that says from whom it is, or need not, is redeemed', async () => {
    server.say({ server: { authorization_response_iss_parameter_supported: true } });
    const browser = new Browser();
    const end = await browser.open(returning(await begin(browser), { iss: server.origin }));
    expect(end.text).toContain('is connected');
    expect(Object.fromEntries(server.tokens.at(-1) ?? [])).toMatchObject({ code: 'a-code', resource: server.url, client_id: 'registered' });
    expect((await whoami()).messages[0]?.result.content[0].text).toContain('shown Bearer upstream-token-');
    await fetch(`${gateway.url}/oauth/connect/own/desk`, { method: 'DELETE', headers: { authorization: `Bearer ${key}` } });
  });

  it('that says no grants nothing', async () => {
    const browser = new Browser();
    const page = await begin(browser);
    const end = await browser.open(returning(page, { error: 'access_denied' }));
    expect(end).toMatchObject({ status: 400, text: expect.stringContaining('nobody consented') });
    expect((await whoami()).messages[0]?.result.isError).toBe(true);
  });

  it.each([
    ['that ends its header', { access_token: 'a\r\nx-evil: 1' }],
    ['that must be proved', { token_type: 'DPoP' }],
    ['that is none', { access_token: undefined }],
  ])('with a token %s is refused', async (_what, token) => {
    const browser = new Browser();
    const page = await begin(browser);
    server.say({ token });
    expect(await browser.open(returning(page, {}))).toMatchObject({ status: 502 });
    server.say({});
    expect((await whoami()).messages[0]?.result.isError).toBe(true);
  });

  it('of nobody, of another use or changed in a letter is no answer', async () => {
    const browser = new Browser();
    const page = await begin(browser);
    const state = new URL(page.url).searchParams.get('state') ?? '';
    const link = new URL(linkIn((await whoami()).text)).searchParams.get('link') ?? '';
    for (const forged of ['', 'x', link, `${state.slice(0, 40)}${state[40] === 'A' ? 'B' : 'A'}${state.slice(41)}`]) {
      const end = await browser.open(`${gateway.url}/oauth/connect/callback?${new URLSearchParams({ state: forged, code: 'c' })}`);
      expect(end.status).toBe(400);
    }
  });
});
