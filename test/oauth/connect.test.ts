import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call } from '../mcp/gateway.ts';
import { linkIn, type Protected, startProtected } from '../mcp/protected.ts';
import { ask, makeFamily, makeKey } from '../tenants.ts';
import { AUDIENCE, type IdentityProvider, startIdentityProvider } from '../upstream/identity-provider.ts';
import { Browser } from './browser.ts';
import { type OAuthGateway, startOAuthGateway, tokensFor } from './fixture.ts';

// The link that connects somebody's account with a source is followed by who asked for it, and by nobody else: whoever
// consents there lets the caller act as themselves.

let oauth: OAuthGateway;
let desk: Protected;
let shelf: Protected;
let elsewhere: IdentityProvider;
let url: string;

const LOGIN = () => ({ issuer: oauth.provider.issuer, clientId: 'weir', clientSecret: { secret: 'UP_KEY' } });
const remote = (name: string, at: string, auth: object = { use: 'oauth' }) => ({ kind: 'remote', url: at, name, prefix: '', auth });

/** Publishes the entry that people sign in at with these settings, beside tokens of the same provider and of another one. */
const publish = (settings: object = {}, more: readonly object[] = []) => {
  const jwt = (name: string, issuer: string) => ({
    ...{ use: 'jwt', name, issuer, audience: AUDIENCE },
    as: { org: 'acme', app: 'builds', user: '{claims.sub}' },
  });
  const entry = { use: 'oauth', name: 'people', login: LOGIN(), as: { org: 'acme', app: '{claims.department}', user: '{claims.email}' } };
  return oauth.publish(
    {},
    {
      identities: [{ ...entry, ...settings }, jwt('same', oauth.provider.issuer), jwt('elsewhere', elsewhere.issuer)],
      routes: [
        { name: 'own', kind: 'mcp', sources: [remote('desk', desk.url)] },
        { name: 'two', kind: 'mcp', sources: [remote('shelf', shelf.url)] },
        ...(more.length === 0 ? [] : [{ name: 'more', kind: 'mcp', sources: more }]),
        { name: 'shared', kind: 'mcp', sources: [remote('ours', desk.url, { use: 'oauth', shared: true })] },
        { name: 'keys', kind: 'mcp', sources: [remote('typed', desk.url, { use: 'user-key' })] },
      ],
    },
  );
};

beforeAll(async () => {
  [oauth, desk, shelf, elsewhere] = await Promise.all([startOAuthGateway(), startProtected(), startProtected(), startIdentityProvider([])]);
  url = oauth.url;
  await publish();
}, 180_000);
afterAll(() => Promise.all([oauth?.stop(), desk?.close(), shelf?.close(), elsewhere?.close()]));

/** A token of somebody who signed in for a route. */
const tokenOf = async (person: string, route = 'own') =>
  (await tokensFor(url, { person, resource: `${url}/mcp/${route}`, more: { scope: undefined } })).tokens.access_token;

const whoami = (token: string, route = 'own') => call(`${url}/mcp/${route}`, 1, 'whoami', {}, { authorization: `Bearer ${token}` });
const said = async (token: string, route?: string) => (await whoami(token, route)).messages[0]?.result?.content?.[0]?.text;

async function linkOf(token: string, route?: string): Promise<string> {
  const { text } = await whoami(token, route);
  expect(linkIn(text), text).not.toBe('');
  return linkIn(text);
}

/** Signs in wherever the browser is asked to, until a page wants something else. */
async function go(browser: Browser, start: () => Promise<string>, person: string, stopAt?: string): Promise<string> {
  let at = await start();
  for (let step = 0; step < 5 && !(stopAt !== undefined && at.startsWith(stopAt)); step++) {
    const prompt = /name="prompt" value="(\w+)"/.exec(browser.page.text)?.[1];
    if (prompt === undefined) return at;
    at = await browser.send(prompt === 'login' ? { login: person, password: 'any' } : {}, stopAt);
  }
  return at;
}

const open = (browser: Browser, link: string, person: string, stopAt?: string) =>
  go(browser, () => browser.open(link, stopAt), person, stopAt);
/** Goes on at the page, and signs in at the server behind the gateway. */
const goOn = (browser: Browser, person: string) => go(browser, () => browser.send({}), person);

const SOMEBODY_ELSE = 'made for somebody else';

/** What the other browser was told: that it is not for whoever sits there, and nothing of whom. */
function expectRefused({ page }: Browser, ...never: readonly string[]): void {
  expect(page).toMatchObject({ status: 403, text: expect.stringContaining(SOMEBODY_ELSE) });
  for (const name of never) expect(page.text).not.toContain(name);
}

const connections = async () => ((await ask(oauth.gateway, 'GET', '/connections')).body.items as readonly object[]).length;
const granted = () => desk.tokenRequests.filter(({ form }) => form.get('grant_type') === 'authorization_code').length;

describe('the link of somebody who signed in', () => {
  it('leads its own reader over the sign-in to the page, and from there to the account', async () => {
    const token = await tokenOf('ann');
    const browser = new Browser();
    await open(browser, await linkOf(token), 'ann');
    expect(browser.page).toMatchObject({ status: 200, text: expect.stringContaining('You are signed in as who is named here.') });
    expect(browser.page.text).toContain('ann@acme.example');
    expect(browser.page.text).not.toContain('Go on only');
    await goOn(browser, 'ann-at-the-desk');
    expect(browser.page.text).toContain('is connected');
    expect(await said(token)).toContain('ann-at-the-desk');
  });

  it('leads nobody else anywhere, and connects nothing', async () => {
    const token = await tokenOf('bob');
    const link = await linkOf(token);
    const before = [await connections(), granted()];
    const browser = new Browser();
    await open(browser, link, 'eve');
    expectRefused(browser, 'bob');
    // The form without the page: the cookie of the page is anybody's to make up.
    const own = 'e'.repeat(64);
    browser.cookies.get(new URL(url).host)?.set('weir-connect', own);
    const body = new URLSearchParams({ link: new URL(link).searchParams.get('link') ?? '', browser: own });
    const answer = await browser.fetch(`${url}/oauth/connect`, { method: 'POST', body });
    expect(await answer.text()).not.toContain(desk.issuer);
    await open(browser, link, 'eve');
    expectRefused(browser, 'bob');
    expect([await connections(), granted()]).toEqual(before);
    expect(await said(token)).toContain('/oauth/connect?link=');
    // And it is good for whom it was made.
    const right = new Browser();
    await open(right, link, 'bob');
    await goOn(right, 'bob-at-the-desk');
    expect(await said(token)).toContain('bob-at-the-desk');
  });

  it('takes a key of its own reader alone', async () => {
    const token = await tokenOf('kim', 'keys');
    const link = await linkOf(token, 'keys');
    const browser = new Browser();
    await open(browser, link, 'eve');
    expectRefused(browser, 'kim');
    const own = 'e'.repeat(64);
    browser.cookies.get(new URL(url).host)?.set('weir-connect', own);
    const form = { link: new URL(link).searchParams.get('link') ?? '', browser: own, key: 'key-of-eve' };
    await browser.fetch(`${url}/oauth/connect`, { method: 'POST', body: new URLSearchParams(form) });
    expect(await said(token, 'keys')).toContain('/oauth/connect?link=');
    await open(browser, link, 'kim');
    expectRefused(browser, 'kim');
    const right = new Browser();
    await open(right, link, 'kim');
    await right.send({ key: 'key of kim' });
    expect(right.page.text).toContain('is connected');
    expect(JSON.stringify(desk.shown)).not.toContain('key-of-eve');
  });

  it('leads no other browser on that brings the answer of the sign-in, and none twice', async () => {
    const link = await linkOf(await tokenOf('cleo'));
    const browser = new Browser();
    const callback = await open(browser, link, 'cleo', `${url}/oauth/callback`);
    const jar = browser.cookies.get(new URL(url).host) ?? new Map();
    const kept = new Map(jar);
    const other = new Browser();
    await other.open(callback);
    expect(other.page).toMatchObject({ status: 400, text: expect.stringContaining('not begun in this browser') });
    await browser.open(callback);
    expect(browser.page.text).toContain('Connect your account');
    // Even with everything that it held before.
    browser.cookies.set(new URL(url).host, kept);
    await browser.open(callback);
    expect(browser.page).toMatchObject({ status: 400, text: expect.stringContaining('finished before') });
    // Nor does a state that was changed.
    const forged = new URL(callback);
    forged.searchParams.set('state', `${forged.searchParams.get('state')?.slice(0, -1)}-`);
    await browser.open(forged.href);
    expect(browser.page.status).toBe(400);
  });

  it('leads nobody on whom the provider refuses, or who comes back from another provider', async () => {
    const token = await tokenOf('dan');
    for (const parts of [{ error: 'access_denied' }, { iss: 'https://evil.example' }]) {
      const browser = new Browser();
      const callback = new URL(await open(browser, await linkOf(token), 'dan', `${url}/oauth/callback`));
      for (const [name, value] of Object.entries(parts)) callback.searchParams.set(name, value);
      await browser.open(callback.href);
      expect(browser.page.text).toContain('cannot go on');
      expect(browser.page.text).not.toContain('Connect your account');
      const before = oauth.provider.asked.length;
      await browser.open(await linkOf(token));
      expect(oauth.provider.asked.length).toBeGreaterThan(before);
    }
  });

  it('asks for no second sign-in in the same browser, where it is for the same person', async () => {
    const browser = new Browser();
    await open(browser, await linkOf(await tokenOf('fay')), 'fay');
    const before = oauth.provider.asked.length;
    await browser.open(await linkOf(await tokenOf('fay', 'two'), 'two'));
    const signIns = oauth.provider.asked.slice(before).filter((path) => path.includes(encodeURIComponent(`${url}/oauth/callback`)));
    // Those of the second token alone, which another browser got.
    expect(signIns.length).toBe(1);
    expect(browser.page).toMatchObject({ status: 200, text: expect.stringContaining('Connect your account with “shelf”') });
    // Another one's link is another one's, whatever the browser says that it is.
    const link = await linkOf(await tokenOf('gus'));
    const cookies = browser.cookies.get(new URL(url).host) ?? new Map();
    const { body } = await ask(oauth.gateway, 'GET', '/orgs');
    const { id: org } = (body.items as readonly { readonly id: string; readonly name: string }[]).find(({ name }) => name === 'acme') ?? {
      id: '',
    };
    const nameOf = (user: string) =>
      `weir-oauth-${createHash('sha256')
        .update(JSON.stringify(['oauth:people', org, user]))
        .digest('base64url')
        .slice(0, 12)}`;
    const own = cookies.get(nameOf('fay@acme.example'));
    expect(own).toBeDefined();
    cookies.set(nameOf('gus@acme.example'), own);
    await open(browser, link, 'fay');
    expectRefused(browser, 'gus');
  });

  it('that is too long for a cookie is opened again after the sign-in', async () => {
    const scopes = Array.from({ length: 40 }, (_, at) => `https://scopes.acme.example/${'x'.repeat(60)}/${at}`).join(' ');
    const server = createServer((_, response) => response.writeHead(401, { 'www-authenticate': `Bearer scope="${scopes}"` }).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await publish({}, [remote('greedy', `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`)]);
    try {
      const link = await linkOf(await tokenOf('vic', 'more'), 'more');
      expect(link.length).toBeGreaterThan(4_000);
      for (const [person, text] of [
        ['eve', SOMEBODY_ELSE],
        ['vic', 'Open the link again'],
      ] as const) {
        const browser = new Browser();
        await open(browser, link, person);
        expect(browser.page.text).toContain(text);
        await open(browser, link, person);
        expect(browser.page.text).toContain(person === 'vic' ? 'Connect your account with “greedy”' : SOMEBODY_ELSE);
      }
    } finally {
      server.close();
      await publish();
    }
  });

  it('of one organisation is nothing to another, where both have a user of that name', async () => {
    await Promise.all([makeFamily(oauth.gateway, 'hal'), makeFamily(oauth.gateway, 'ida')]);
    await publish({ as: { org: '{claims.sub}', app: '{claims.sub}', user: '{claims.department}' } });
    try {
      const token = await tokenOf('hal');
      const link = await linkOf(token);
      const browser = new Browser();
      await open(browser, link, 'ida');
      expectRefused(browser, 'hal');
      expect(await said(token)).toContain('/oauth/connect?link=');
      const right = new Browser();
      await open(right, link, 'hal');
      expect(right.page.text).toContain('You are signed in as who is named here.');
    } finally {
      await publish();
    }
  });

  it('leads nobody on whom the operator lets in no longer', async () => {
    const link = await linkOf(await tokenOf('jo'));
    await publish({ claims: { groups: 'platform' } });
    try {
      const browser = new Browser();
      await open(browser, link, 'jo');
      expect(browser.page).toMatchObject({ status: 403, text: expect.stringContaining('&quot;groups&quot;') });
    } finally {
      await publish();
    }
  });
});

describe('the link of a caller with', () => {
  const direct = async (token: string) => {
    const browser = new Browser();
    await browser.open(await linkOf(token));
    return browser.page;
  };

  it('a token of the same provider is for whom that names, as its own entry says', async () => {
    const token = await oauth.provider.forUser('lea');
    const link = await linkOf(token);
    const browser = new Browser();
    await open(browser, link, 'eve');
    expectRefused(browser, 'lea');
    const right = new Browser();
    await open(right, link, 'lea');
    await goOn(right, 'lea-at-the-desk');
    expect(await said(token)).toContain('lea-at-the-desk');
  });

  it('a token of another issuer, or a key, shows the page with its warning: nobody can tell whose it is', async () => {
    const { key } = await makeKey(oauth.gateway, { app: (await makeFamily(oauth.gateway, 'shared')).app, name: 'shared' });
    for (const token of [await elsewhere.forUser('max'), key]) {
      const page = await direct(token);
      expect(page).toMatchObject({ status: 200, text: expect.stringContaining('Go on only if you have just asked for this yourself') });
      expect(page.text).not.toContain('You are signed in');
    }
  });

  it('any credential is for the user whom the provider names, where the operator wants it always, and a key has none', async () => {
    const { key } = await makeKey(oauth.gateway, { app: (await makeFamily(oauth.gateway, 'nobody')).app, name: 'nobody' });
    const as = { org: 'acme', app: '{claims.department}', user: '{claims.sub}' };
    await publish({ as, login: { ...LOGIN(), connect: 'always' } });
    try {
      const token = await elsewhere.forUser('quentin');
      const link = await linkOf(token);
      const browser = new Browser();
      await open(browser, link, 'eve');
      expectRefused(browser, 'quentin');
      const right = new Browser();
      await open(right, link, 'quentin');
      expect(right.page.text).toContain('You are signed in as who is named here.');
      const page = await direct(key);
      expect(page.status).toBe(403);
      expect(page.text).not.toContain('<form');
      // What an operator asks for everybody is no caller's.
      const { body } = await ask(oauth.gateway, 'POST', '/connections', { org: 'acme', route: 'shared', source: 'ours' });
      const operator = new Browser();
      await operator.open(String(body.url));
      expect(operator.page.text).toContain('Go on only if you have just asked for this yourself');
    } finally {
      await publish();
    }
  });

  it('a token whose entry is gone since leads nowhere', async () => {
    const link = await linkOf(await tokenOf('rob'));
    await publish({ name: 'others' });
    try {
      const browser = new Browser();
      await browser.open(link);
      expect(browser.page).toMatchObject({ status: 400, text: expect.stringContaining('has changed since') });
    } finally {
      await publish();
    }
  });

  it.each(['everybody', '{claims.sub}@{client.id}'])(
    'a user that is %s shows the page with its warning: it is nobody in particular',
    async (user) => {
      await publish({ as: { org: 'acme', app: '{claims.department}', user } });
      try {
        expect((await direct(await tokenOf('pia'))).text).toContain('Go on only if you have just asked for this yourself');
      } finally {
        await publish();
      }
    },
  );

  it('any credential shows the page with its warning where the operator wants it never', async () => {
    await publish({ login: { ...LOGIN(), connect: 'never' } });
    try {
      const page = await direct(await tokenOf('ora'));
      expect(page).toMatchObject({ status: 200, text: expect.stringContaining('Go on only if you have just asked for this yourself') });
    } finally {
      await publish();
    }
  });
});
