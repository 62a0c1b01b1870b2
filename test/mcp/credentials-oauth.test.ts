import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFamily, makeKey } from '../tenants.ts';
import { Browser } from './browser.ts';
import { call, initialize, type McpGateway, modern, post, startMcpGateway } from './gateway.ts';
import { consent, linkIn, type Protected, startProtected } from './protected.ts';

// People consent in a browser to what the gateway does for them at a server that a real authorization server protects.

const URLS = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: { url: {} } } };

let gateway: McpGateway;
let server: Protected;
let anna: { readonly key: string; readonly app: string };
let ben: { readonly key: string; readonly app: string };
const as = ({ key }: { readonly key: string }) => ({ authorization: `Bearer ${key}` });

async function caller(name: string) {
  const { app } = await makeFamily(gateway, name);
  const { key } = await makeKey(gateway, { app, name });
  return { key, app };
}

beforeAll(async () => {
  [gateway, server] = await Promise.all([startMcpGateway(), startProtected({ scopes: true })]);
  await gateway.publish({
    own: [{ url: server.url, name: 'desk', prefix: '', auth: { use: 'oauth' } }],
    two: [
      { url: server.url, name: 'desk', auth: { use: 'oauth' } },
      { url: server.url.replace('/mcp', '/none'), name: 'away' },
    ],
  });
  [anna, ben] = await Promise.all([caller('anna'), caller('ben')]);
}, 180_000);
afterAll(() => Promise.all([gateway?.stop(), server?.close()]));

const whoami = (who: { readonly key: string }, tool = 'whoami', meta = {}) => call(gateway.mcp('own'), 1, tool, {}, as(who), meta);

describe('a caller whom nobody knows at the server', () => {
  it('is shown a tool that signs in, and the link where its client knows no other way', async () => {
    const listed = await modern(gateway.mcp('own'), 1, 'tools/list', {}, as(anna));
    expect(listed.messages[0]?.result?.tools).toMatchObject([{ name: 'weir_connect' }]);
    const called = await whoami(anna);
    expect(called.messages[0]?.result).toMatchObject({ isError: true });
    expect(linkIn(called.text)).toContain(`${gateway.url}/oauth/connect?link=`);
  });

  it('is sent to the address by the protocol where its client opens addresses', async () => {
    const called = await whoami(anna, 'whoami', URLS);
    const result = called.messages[0]?.result;
    expect(result).toMatchObject({ resultType: 'input_required', requestState: expect.any(String) });
    const [question] = Object.values(result.inputRequests) as { method: string; params: { mode: string; url: string } }[];
    expect(question).toMatchObject({ method: 'elicitation/create', params: { mode: 'url', url: linkIn(called.text) } });
  });

  it('is told so by the error of 2025-11-25, and with the link by older clients', async () => {
    const url = gateway.mcp('own');
    const params = { jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'whoami', arguments: {} } };
    const able = await initialize(url, { elicitation: { url: {}, form: {} } }, as(anna));
    const told = await post(url, params, { ...as(anna), ...able.session });
    expect(told.messages.at(-1)?.error).toMatchObject({ code: -32042, data: { elicitations: [{ mode: 'url', url: linkIn(told.text) }] } });
    const plain = await initialize(url, {}, as(anna));
    const said = await post(url, params, { ...as(anna), ...plain.session });
    expect(said.messages.at(-1)?.result).toMatchObject({ isError: true });
    expect(linkIn(said.text)).not.toBe('');
  });
});

describe('two people', () => {
  it('consent, and each one is itself at the server, with a token of its own', async () => {
    const first = await whoami(anna, 'whoami', URLS);
    const page = await consent(linkIn(first.text), 'anna');
    expect(page.text).toContain('is connected');
    const { requestState, inputRequests } = first.messages[0]?.result ?? {};
    const inputResponses = Object.fromEntries(Object.keys(inputRequests).map((key) => [key, { action: 'accept' }]));
    const again = await modern(
      gateway.mcp('own'),
      2,
      'tools/call',
      { name: 'whoami', arguments: {}, requestState, inputResponses },
      as(anna),
      URLS,
    );
    expect(again.messages[0]?.result.content[0].text).toBe('anna with tools:read');
    expect(linkIn((await whoami(ben)).text)).not.toBe('');
    await consent(linkIn((await whoami(ben)).text), 'ben');
    const other = await whoami(ben);
    expect(other.messages[0]?.result.content[0].text).toBe('ben with tools:read');
    expect(other.messages[0]?.result.structuredContent.token).not.toBe(again.messages[0]?.result.structuredContent.token);
    // The gateway registered itself once for both.
    expect(server.registrations).toHaveLength(1);
  });

  it('see the tools of the server then, on every route it stands behind', async () => {
    const listed = await modern(gateway.mcp('two'), 1, 'tools/list', {}, as(anna));
    expect(listed.messages[0]?.result.tools.map(({ name }: { name: string }) => name)).toEqual(['desk__whoami', 'desk__write']);
    expect(listed.messages[0]?.result.cacheScope).toBe('private');
  });

  it('never had their own keys shown to the server or the authorization server', () => {
    const everything = JSON.stringify([server.shown, server.tokenRequests.map(({ form, authorization }) => [`${form}`, authorization])]);
    for (const { key } of [anna, ben]) expect(everything).not.toContain(key);
    expect(server.shown.filter((each) => each !== undefined).length).toBeGreaterThan(2);
  });
});

describe('what the gateway asks for', () => {
  it('names the server, proves with S256 that the code is its own, and comes back to its own address', async () => {
    const who = await caller('carl');
    const stopped = await consent(linkIn((await whoami(who)).text), 'carl', new Browser(), (url) => url.startsWith(server.issuer));
    const asked = new URL(stopped.url).searchParams;
    expect(Object.fromEntries(asked)).toMatchObject({
      response_type: 'code',
      resource: server.url,
      code_challenge_method: 'S256',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      redirect_uri: `${gateway.url}/oauth/connect/callback`,
    });
    expect(server.tokenRequests.map(({ form }) => [form.get('grant_type'), form.get('resource')])).toContainEqual([
      'authorization_code',
      server.url,
    ]);
  });

  it('widens the grant where the server wants more, by the union of both', async () => {
    const wants = await whoami(anna, 'write');
    expect(wants.messages[0]?.result.isError).toBe(true);
    const page = await consent(linkIn(wants.text), 'anna');
    expect(page.text).toContain('is connected');
    expect((await whoami(anna, 'write')).messages[0]?.result.content[0].text).toBe('anna with tools:read tools:write');
  });
});

describe('a link', () => {
  it('leads on once, in the browser that saw its page, and its answer is good once', async () => {
    const who = await caller('dora');
    const link = linkIn((await whoami(who)).text);
    const browser = new Browser();
    const stopped = await consent(link, 'dora', browser, (url) => url.includes('/oauth/connect/callback'));
    expect(new URL(stopped.url).searchParams.get('code')).not.toBeNull();
    // Another browser, with the same address.
    expect((await new Browser().open(stopped.url)).status).toBe(400);
    expect((await consent(link, 'dora')).text).toContain('used already');
    expect((await browser.open(stopped.url)).text).toContain('is connected');
    expect((await whoami(who)).messages[0]?.result.content[0].text).toContain('dora');
    const before = server.tokenRequests.length;
    expect((await browser.open(stopped.url)).status).toBe(400);
    expect(server.tokenRequests).toHaveLength(before);
  });

  it('is a page that no script and no frame gets into, and that nobody answers from elsewhere', async () => {
    const link = linkIn((await whoami(await caller('emil'))).text);
    const page = await new Browser().open(link);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(page.text).not.toContain('<script');
    // A form of another origin comes without the cookie.
    const sealed = new URL(link).searchParams.get('link') ?? '';
    const browser = 'a'.repeat(64);
    const forged = await fetch(`${gateway.url}/oauth/connect`, { method: 'POST', body: new URLSearchParams({ link: sealed, browser }) });
    expect(forged.status).toBe(400);
    const flipped = `${sealed.slice(0, -3)}${sealed.endsWith('A') ? 'B' : 'A'}${sealed.slice(-2)}`;
    expect((await new Browser().open(`${gateway.url}/oauth/connect?link=${flipped}`)).status).toBe(400);
  });
});

describe('what was granted', () => {
  it('is renewed once where fifty calls find it over at the same time', async () => {
    const who = await caller('fred');
    await consent(linkIn((await whoami(who)).text), 'fred');
    expect((await whoami(who)).messages[0]?.result.content[0].text).toContain('fred');
    await new Promise((resolve) => setTimeout(resolve, 11_000));
    server.expireAll();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const refreshes = () => server.tokenRequests.filter(({ form }) => form.get('grant_type') === 'refresh_token').length;
    const before = refreshes();
    const all = await Promise.all(Array.from({ length: 50 }, () => whoami(who)));
    expect(all.filter(({ messages }) => messages[0]?.result?.content?.[0]?.text?.startsWith('fred') !== true)).toEqual([]);
    expect(refreshes() - before).toBe(1);
  }, 60_000);

  it('is seen and taken back by the caller itself', async () => {
    const at = `${gateway.url}/oauth/connect/own/desk`;
    const ask = (method: string, who = anna) => fetch(at, { method, headers: as(who) }).then((response) => response.json());
    expect(await ask('GET')).toMatchObject({ connected: true, use: 'oauth' });
    expect(await ask('GET', await caller('gina'))).toMatchObject({ connected: false });
    expect((await fetch(at)).status).toBe(401);
    expect(await ask('DELETE')).toMatchObject({ connected: false });
    expect((await whoami(anna)).messages[0]?.result.isError).toBe(true);
    // And another's is not.
    expect(await ask('GET', ben)).toMatchObject({ connected: true });
    const { url } = (await ask('POST')) as { url: string };
    await consent(url, 'anna');
    expect(await ask('GET')).toMatchObject({ connected: true });
  });
});
