import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { KEY, until } from '../gateway.ts';
import { modern } from '../mcp/gateway.ts';
import { ask, make, makeKey } from '../tenants.ts';
import { Browser } from './browser.ts';
import {
  allow,
  authorizeUrl,
  CALLBACK,
  codeForm,
  type OAuthGateway,
  pkce,
  redeemAt,
  register,
  startOAuthGateway,
  type Tokens,
} from './fixture.ts';
import { type ScriptedProvider, startScriptedProvider } from './scripted-provider.ts';

// Where people come from: an organisation's provider that may lie, a gateway key; and which clients bring them.

let oauth: OAuthGateway;
let url: string;
let scripted: ScriptedProvider;
beforeAll(async () => {
  [oauth, scripted] = await Promise.all([startOAuthGateway(), startScriptedProvider('weir-at-scripted')]);
  url = oauth.url;
}, 180_000);
afterAll(() => Promise.all([oauth?.stop(), scripted?.close()]));

const status = async (token: string, path = '/mcp/everything') =>
  (await modern(`${url}${path}`, 1, 'tools/list', {}, { authorization: `Bearer ${token}` })).status;

describe('a provider', () => {
  const login = () => ({ issuer: scripted.issuer, clientId: 'weir-at-scripted', clientSecret: { secret: 'UP_KEY' } });
  beforeAll(() => oauth.publish({ login: login() }));
  afterEach(() => {
    scripted.script = {};
  });

  const signIn = async () => {
    const client = await register(url);
    const { verifier, challenge } = pkce();
    const browser = new Browser();
    await browser.open(authorizeUrl(url, { client, challenge }));
    const at = await browser.send({ decision: 'allow' }, CALLBACK);
    return { client, verifier, browser, at };
  };

  it('is believed in what it says of a person, in the ID token and its userinfo', async () => {
    const { client, verifier, at } = await signIn();
    const code = new URL(at).searchParams.get('code') ?? '';
    const tokens = (await (await redeemAt(url, codeForm(client, code, verifier))).json()) as Tokens;
    const called = await modern(`${url}/mcp/everything`, 1, 'tools/list', {}, { authorization: `Bearer ${tokens.access_token}` });
    expect(called.status, called.text).toBe(200);
    expect(await oauth.gateway.row(called.headers.get('x-weir-request-id'))).toMatchObject({ user: 'sam@acme.example' });
  });

  it.each([
    ['answers as another one (RFC 9207)', { iss: 'https://evil.example' }],
    ['does not say who it is, though it always does', { iss: null }],
  ])('that %s is not shown the code', async (_case, script) => {
    scripted.script = script;
    scripted.asked.length = 0;
    const { browser } = await signIn();
    expect(browser.page.status).toBe(502);
    expect(scripted.asked).not.toContain('/token');
  });

  it.each([
    ['another nonce', { nonce: 'of-another-sign-in' }],
    ['another audience', { audience: 'another-client' }],
    ['another signature', { forged: true }],
  ])('is not believed with %s', async (_case, script) => {
    scripted.script = script;
    const { browser } = await signIn();
    expect(browser.page.status).toBe(502);
    expect(browser.page.text).toContain('cannot go on');
  });

  it('is not believed in userinfo of somebody else', async () => {
    scripted.script = { sub: 'eve' };
    const { browser } = await signIn();
    // Nothing says which app it is then.
    expect(browser.page.status).toBe(401);
  });

  it('that says no is told on', async () => {
    scripted.script = { error: 'access_denied' };
    const { at } = await signIn();
    expect(Object.fromEntries(new URL(at).searchParams)).toMatchObject({ error: 'access_denied', iss: url, state: 'st' });
  });
});

describe('a gateway key', () => {
  beforeAll(async () => {
    const published = await ask(oauth.gateway, 'PUT', '/config', {
      identities: [{ use: 'oauth', name: 'by-key', scopes: { 'mcp:use': {}, admin: { claims: { app: 'nobody' } } } }],
      routes: [
        { name: 'everything', kind: 'mcp', sources: [{ kind: 'remote', url: oauth.fixture.url, prefix: '' }] },
        { name: 'other', kind: 'mcp', sources: [{ kind: 'remote', url: oauth.fixture.url, prefix: '' }] },
      ],
    });
    expect(published.status, JSON.stringify(published.body)).toBe(200);
  });

  const signIn = async (key: string, resource?: string) => {
    const client = await register(url);
    const { verifier, challenge } = pkce();
    const browser = new Browser();
    await browser.open(authorizeUrl(url, { client, challenge, ...(resource === undefined ? {} : { resource }) }));
    const at = await browser.send({ decision: 'allow', key }, CALLBACK);
    const code = at.startsWith(CALLBACK) ? (new URL(at).searchParams.get('code') ?? '') : '';
    const response = code === '' ? undefined : await redeemAt(url, codeForm(client, code, verifier));
    return { browser, tokens: response === undefined ? undefined : ((await response.json()) as Tokens) };
  };

  it('that is wrong gives nothing, and may be put right', async () => {
    const { browser } = await signIn('weir_live_wrong');
    expect(browser.page.status).toBe(400);
    expect(browser.page.text).toContain('name="key"');
    expect(browser.page.text).not.toContain('weir_live_wrong');
    expect(await browser.send({ decision: 'allow', key: KEY }, CALLBACK)).toContain('code=');
  });

  it('lets a client act as it: with its routes and limits, and only as long as it is good', async () => {
    const { id: app } = (await make(oauth.gateway, 'apps', { name: 'keyed', team: 'team_dev' })) as { id: string };
    const made = await makeKey(oauth.gateway, {
      app,
      name: 'one',
      routes: ['everything'],
      limits: [{ unit: 'requests', limit: 2, window: 'day' }],
    });
    const { tokens } = await signIn(made.key);
    const token = tokens?.access_token ?? '';
    expect(await status(token)).toBe(200);
    const elsewhere = await signIn(made.key, `${url}/mcp/other`);
    expect(await status(elsewhere.tokens?.access_token ?? '', '/mcp/other')).toBe(403);
    expect(await status(token)).toBe(200);
    const third = await modern(`${url}/mcp/everything`, 1, 'tools/list', {}, { authorization: `Bearer ${token}` });
    expect(third.text).toContain('budget_exceeded');
    await ask(oauth.gateway, 'DELETE', `/keys/${made.id}`);
    await until(async () => (await status(token)) === 401, 15_000, 'the key is gone');
  });

  it('does not open the admin API, and is none itself', async () => {
    const { tokens } = await signIn(KEY, url);
    const token = tokens?.access_token ?? '';
    const admin = await fetch(`${url}/admin/v1/keys`, { headers: { authorization: `Bearer ${token}` } });
    expect(admin.status).toBe(403);
    const { browser } = await signIn(token);
    expect(browser.page.status).toBe(400);
  });
});

describe('a client that is known by its document', () => {
  const documents = new Map<string, unknown>();
  const server = createServer((request, response) => {
    const document = documents.get(request.url ?? '');
    if (document === undefined) response.writeHead(404).end();
    else if (typeof document === 'string' && document.startsWith('/')) response.writeHead(302, { location: document }).end();
    else
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(typeof document === 'string' ? document : JSON.stringify(document));
  });
  let origin: string;
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await oauth.publish();
  });
  afterAll(() => server.close());

  const put = (path: string, more: object = {}) => {
    const client_id = `${origin}${path}`;
    documents.set(path, { client_id, client_name: 'A client with a document', redirect_uris: [CALLBACK], ...more });
    return { client_id };
  };

  it('needs no registration, and is shown with the place of its document', async () => {
    const client = put('/client.json');
    const { verifier, challenge } = pkce();
    const browser = new Browser();
    const back = await allow(browser, authorizeUrl(url, { client, challenge }));
    expect(browser.pages[0]?.text).toContain(new URL(origin).host);
    const response = await redeemAt(url, codeForm(client, back.searchParams.get('code') ?? '', verifier));
    expect(response.status, await response.clone().text()).toBe(200);
    expect(await status(((await response.json()) as Tokens).access_token)).toBe(200);
  });

  it.each([
    ['says that it is another', () => put('/other.json', { client_id: 'https://elsewhere.example/client.json' })],
    ['lists no redirect URI', () => put('/none.json', { redirect_uris: [] })],
    ['lists another redirect URI', () => put('/another.json', { redirect_uris: ['http://127.0.0.1:51234/another'] })],
    ['holds a secret', () => put('/secret.json', { client_secret: 'x' })],
    ['wants to prove itself in a way that is not known here', () => put('/proof.json', { token_endpoint_auth_method: 'private_key_jwt' })],
    ['is larger than it may be', () => put('/large.json', { filler: 'x'.repeat(6_000) })],
    [
      'leads elsewhere',
      () => {
        documents.set('/moved.json', '/client.json');
        return { client_id: `${origin}/moved.json` };
      },
    ],
    ['is not there', () => ({ client_id: `${origin}/nothing.json` })],
    [
      'is no JSON',
      () => {
        documents.set('/text.json', 'text');
        return { client_id: `${origin}/text.json` };
      },
    ],
    ['lies at the root', () => put('/')],
    ['lies in the network of the gateway', () => ({ client_id: 'https://10.0.0.1/client.json' })],
    ['lies at metadata of a cloud', () => ({ client_id: 'http://169.254.169.254/latest/meta-data' })],
    ['is written in another way', () => ({ client_id: `${origin}/x/../client.json` })],
  ])('is refused here where it %s', async (_case, made) => {
    const response = await fetch(authorizeUrl(url, { client: made(), challenge: pkce().challenge }), { redirect: 'manual' });
    expect([response.status, response.headers.get('location')]).toEqual([400, null]);
  });
});
