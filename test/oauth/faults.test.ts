import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { until } from '../gateway.ts';
import { modern } from '../mcp/gateway.ts';
import { Browser } from './browser.ts';
import {
  allow,
  authorizeUrl,
  CALLBACK,
  codeFor,
  codeForm,
  type OAuthGateway,
  pkce,
  redeemAt,
  refreshForm,
  register,
  startOAuthGateway,
  type Tokens,
  tokensFor,
} from './fixture.ts';

// What has broken authorization servers, and the one right answer to each. Every request goes through the real Worker.

let oauth: OAuthGateway;
let url: string;
beforeAll(async () => {
  oauth = await startOAuthGateway();
  url = oauth.url;
}, 180_000);
afterAll(() => oauth?.stop());

const works = async (token: string) =>
  (await modern(`${url}/mcp/everything`, 1, 'tools/list', {}, { authorization: `Bearer ${token}` })).status === 200;
const errorOf = async (response: Response) => ({ status: response.status, error: ((await response.json()) as { error?: string }).error });

describe('a code', () => {
  it('is redeemed once, of fifty at the same time; the others end the grant', async () => {
    const { client, code, verifier } = await codeFor(url);
    const answers = await Promise.all(Array.from({ length: 50 }, () => redeemAt(url, codeForm(client, code, verifier))));
    const good = answers.filter(({ status }) => status === 200);
    expect(good).toHaveLength(1);
    expect(
      new Set(await Promise.all(answers.filter((each) => each.status !== 200).map(async (each) => JSON.stringify(await errorOf(each))))),
    ).toEqual(new Set([JSON.stringify({ status: 400, error: 'invalid_grant' })]));
    const tokens = (await good[0]?.json()) as Tokens;
    await until(async () => !(await works(tokens.access_token)), 15_000, 'the tokens of the grant end');
    expect(await errorOf(await redeemAt(url, refreshForm(client, tokens.refresh_token)))).toEqual({ status: 400, error: 'invalid_grant' });
  });

  it('that is shown again later ends the grant, too', async () => {
    const { client, code, verifier, tokens } = await tokensFor(url);
    expect(await works(tokens.access_token)).toBe(true);
    expect((await redeemAt(url, codeForm(client, code, verifier))).status).toBe(400);
    await until(async () => !(await works(tokens.access_token)), 15_000, 'the tokens of the grant end');
  });

  it.each([
    ['without a verifier', { code_verifier: '' }, 'invalid_request'],
    ['with another verifier', { code_verifier: pkce().verifier }, 'invalid_grant'],
    ['for another address', { redirect_uri: `${CALLBACK}/other` }, 'invalid_grant'],
    ['for another resource', { resource: 'RESOURCE' }, 'invalid_target'],
    ['for a resource that is not', { resource: 'https://elsewhere.example/mcp' }, 'invalid_target'],
    ['for more than was granted', { scope: 'mcp:use mcp:multiple' }, 'invalid_scope'],
    ['by a client that is not', { client_id: 'nobody' }, 'invalid_client'],
  ])('is not used up %s', async (_case, change, error) => {
    const { client, code, verifier } = await codeFor(url);
    const form = { ...codeForm(client, code, verifier), ...change };
    if ('resource' in form) form.resource = form.resource === 'RESOURCE' ? `${url}/mcp/other` : form.resource;
    expect((await errorOf(await redeemAt(url, form))).error).toBe(error);
    expect((await redeemAt(url, codeForm(client, code, verifier))).status).toBe(200);
  });

  it('is nothing to another client', async () => {
    const { client, code, verifier } = await codeFor(url);
    const other = await register(url, { client_name: 'Another client' });
    expect(await errorOf(await redeemAt(url, codeForm(other, code, verifier)))).toEqual({ status: 400, error: 'invalid_grant' });
    expect((await redeemAt(url, codeForm(client, code, verifier))).status).toBe(200);
  });

  it('that was made up asks no object, whatever it looks like', async () => {
    const { client, code, verifier } = await codeFor(url);
    const last = code.at(-1) === 'A' ? 'B' : 'A';
    for (const made of [
      `${code.slice(0, -1)}${last}`,
      'weir_oauth_a.b.c.d',
      'a:b:c',
      'weir_oauth_',
      '.'.repeat(600),
      "' OR 1=1 --",
      '\u0000',
    ]) {
      expect((await errorOf(await redeemAt(url, codeForm(client, made, verifier)))).error, made.slice(0, 20)).toMatch(
        /^invalid_(?:grant|request)$/,
      );
    }
  });
});

describe('the authorization endpoint', () => {
  const challenge = pkce().challenge;

  it.each([
    ['no challenge', { code_challenge: undefined, code_challenge_method: undefined }],
    ['a plain challenge', { code_challenge_method: 'plain' }],
    ['a challenge without a method, which means plain', { code_challenge_method: undefined }],
    ['a challenge of no digest', { code_challenge: 'short' }],
    ['another response type', { response_type: 'token' }],
    ['a resource that is not', { resource: 'https://elsewhere.example/mcp' }],
  ])('tells the client that it refuses %s', async (_case, more) => {
    for (const metadata of [{}, { token_endpoint_auth_method: 'client_secret_basic' }]) {
      const client = await register(url, metadata);
      const response = await fetch(authorizeUrl(url, { client, challenge, more }), { redirect: 'manual' });
      expect(response.status).toBe(302);
      const to = new URL(response.headers.get('location') ?? '');
      expect(to.href.startsWith(CALLBACK)).toBe(true);
      expect(to.searchParams.get('error')).toMatch(/^(?:invalid_request|unsupported_response_type|invalid_target)$/);
      expect(to.searchParams.get('iss')).toBe(url);
      expect(to.searchParams.get('state')).toBe('st');
    }
  });

  it.each([
    ['another path', 'http://127.0.0.1:51234/other'],
    ['a path below', 'http://127.0.0.1:51234/callback/evil'],
    ['a query', 'http://127.0.0.1:51234/callback?x=1'],
    ['a fragment', 'http://127.0.0.1:51234/callback#x'],
    ['another host', 'http://evil.example/callback'],
    ['a host that begins alike', 'http://127.0.0.1.evil.example/callback'],
    ['a user', 'http://127.0.0.1:51234@evil.example/callback'],
    ['another scheme', 'https://127.0.0.1:51234/callback'],
    ['a script', 'javascript:alert(1)//callback'],
    ['data', 'data:text/html,x'],
    ['nothing', ''],
    ['two dots', 'http://127.0.0.1:51234/x/../callback'],
    ['capitals', 'http://127.0.0.1:51234/Callback'],
  ])('goes nowhere where the address is %s', async (_case, redirect_uri) => {
    const client = await register(url);
    const response = await fetch(authorizeUrl(url, { client, challenge, more: { redirect_uri } }), { redirect: 'manual' });
    expect(response.status).toBe(400);
    expect(response.headers.get('location')).toBeNull();
    const text = await response.text();
    expect(text).toContain('cannot go on');
    expect(text).not.toContain('http-equiv');
  });

  it('takes any port of a client on this computer (RFC 8252 section 7.3)', async () => {
    const client = await register(url);
    const to = 'http://127.0.0.1:60999/callback';
    const back = await allow(new Browser(), authorizeUrl(url, { client, challenge, more: { redirect_uri: to } }), 'ann', to);
    expect(back.port).toBe('60999');
  });

  it('goes nowhere for a client that is not, or with a parameter that stands twice', async () => {
    const hostile = 'https://evil.example/take';
    const nobody = await fetch(authorizeUrl(url, { client: { client_id: 'nobody' }, challenge, more: { redirect_uri: hostile } }), {
      redirect: 'manual',
    });
    expect([nobody.status, nobody.headers.get('location')]).toEqual([400, null]);
    const client = await register(url);
    const twice = await fetch(`${authorizeUrl(url, { client, challenge })}&redirect_uri=${encodeURIComponent(hostile)}`, {
      redirect: 'manual',
    });
    expect([twice.status, twice.headers.get('location')]).toEqual([400, null]);
  });

  it('shows names as text, whatever they are', async () => {
    const client = await register(url, { client_name: '<script>alert(1)</script>"\'' });
    const response = await fetch(authorizeUrl(url, { client, challenge }));
    const text = await response.text();
    expect(text).not.toContain('<script>');
    expect(text).toContain('&lt;script&gt;');
    expect(response.headers.get('x-frame-options')).toBe('DENY');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
  });
});

describe('a sign-in', () => {
  const begin = async () => {
    const client = await register(url);
    const start = authorizeUrl(url, { client, challenge: pkce().challenge });
    return { client, start };
  };

  it('belongs to the browser that began it: another one cannot consent for it', async () => {
    const { start } = await begin();
    const [mine, theirs] = [new Browser(), new Browser()];
    await mine.open(start);
    theirs.pages.push(mine.page);
    await theirs.send({ decision: 'allow' });
    expect(theirs.page).toMatchObject({ status: 400 });
    // Nor with a cookie of its own for another sign-in of the same client.
    await theirs.open(start);
    theirs.pages.push(mine.page);
    await theirs.send({ decision: 'allow' });
    expect(theirs.page).toMatchObject({ status: 400 });
  });

  it('is finished by the browser that consented, once: not by another, and not again', async () => {
    const { start } = await begin();
    const [victim, attacker] = [new Browser(), new Browser()];
    await attacker.open(start);
    // As far as the provider's answer, which the attacker does not follow.
    const callback = `${url}/oauth/callback`;
    let at = await attacker.send({ decision: 'allow' }, callback);
    for (let step = 0; step < 4 && !at.startsWith(callback); step++) {
      const prompt = /name="prompt" value="(\w+)"/.exec(attacker.page.text)?.[1];
      at = await attacker.send(prompt === 'login' ? { login: 'mallory', password: 'any' } : {}, callback);
    }
    // The confused deputy: somebody else is led to the answer, and gets nothing.
    const led = await victim.fetch(at);
    expect([led.status, led.headers.get('location')]).toEqual([400, null]);
    const kept = attacker.cookieHeader(at);
    const own = await attacker.fetch(at);
    expect(own.headers.get('location')).toContain(`${CALLBACK}?code=`);
    const again = await attacker.fetch(at);
    expect([again.status, again.headers.get('location')]).toEqual([400, null]);
    // Nor by a browser that does not forget what it is told to.
    const stubborn = await fetch(at, { redirect: 'manual', headers: { cookie: kept } });
    expect([stubborn.status, stubborn.headers.get('location')]).toEqual([400, null]);
  });

  it.each([
    ['no state', ''],
    ['a made-up state', '?state=AAAAAAAAAAAAAAAAAAAAAA&code=x'],
    ['a state of no form', '?state=../../x&code=x'],
    ['an error without a state', '?error=access_denied'],
  ])('does not go on with %s', async (_case, query) => {
    const response = await fetch(`${url}/oauth/callback${query}`, { redirect: 'manual' });
    expect([response.status, response.headers.get('location')]).toEqual([400, null]);
  });

  it('does not skip consent: what stands for it does not stand for the sign-in', async () => {
    const { start } = await begin();
    const browser = new Browser();
    await browser.open(start);
    const [, flow = ''] = /name="flow" value="([^"]+)"/.exec(browser.page.text) ?? [];
    const response = await browser.fetch(`${url}/oauth/callback?state=${flow}&code=x&iss=${encodeURIComponent(oauth.provider.issuer)}`);
    expect([response.status, response.headers.get('location')]).toEqual([400, null]);
  });

  it('is not sent by a page of another site', async () => {
    const { start } = await begin();
    const browser = new Browser();
    await browser.open(start);
    const [, flow = ''] = /name="flow" value="([^"]+)"/.exec(browser.page.text) ?? [];
    const response = await browser.fetch(`${url}/oauth/consent`, {
      method: 'POST',
      headers: { 'sec-fetch-site': 'cross-site' },
      body: new URLSearchParams({ flow, decision: 'allow' }),
    });
    expect(response.status).toBe(400);
  });

  it('of somebody whom the operator does not let in, or who is no app here, gives no code', async () => {
    onTestFinished(() => oauth.publish());
    await oauth.publish({ claims: { groups: 'platform' } });
    const client = await register(url);
    const browser = new Browser();
    await expect(allow(browser, authorizeUrl(url, { client, challenge: pkce().challenge }), 'ann')).rejects.toThrow('groups');
    expect(browser.page.status).toBe(403);
    const back = await allow(new Browser(), authorizeUrl(url, { client, challenge: pkce().challenge }), 'root');
    expect(back.searchParams.get('code')).not.toBeNull();
    await oauth.publish({ as: { org: 'acme', app: '{claims.email}' } });
    await expect(allow(new Browser(), authorizeUrl(url, { client, challenge: pkce().challenge }), 'ann')).rejects.toThrow(
      'stands for no app',
    );
  });
});

describe('a refresh token', () => {
  it('has one successor, of fifty requests at the same time and a moment later', async () => {
    const { client, tokens } = await tokensFor(url);
    const ask = () => redeemAt(url, refreshForm(client, tokens.refresh_token));
    const answers = await Promise.all(Array.from({ length: 50 }, ask));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const successors = new Set(await Promise.all(answers.map(async (each) => ((await each.json()) as Tokens).refresh_token)));
    expect(successors.size).toBe(1);
    const again = (await (await ask()).json()) as Tokens;
    expect(successors).toContain(again.refresh_token);
    // What is not the same request is no retry of it.
    expect(await errorOf(await redeemAt(url, { ...refreshForm(client, tokens.refresh_token), scope: 'mcp:use' }))).toEqual({
      status: 400,
      error: 'invalid_grant',
    });
    expect(await works(again.access_token)).toBe(true);
    expect((await redeemAt(url, refreshForm(client, again.refresh_token))).status).toBe(200);
  });

  it('that comes back later ends its family', { timeout: 120_000 }, async () => {
    const { client, tokens } = await tokensFor(url);
    const next = (await (await redeemAt(url, refreshForm(client, tokens.refresh_token))).json()) as Tokens;
    await new Promise((resolve) => setTimeout(resolve, 10_200));
    expect(await works(next.access_token)).toBe(true);
    expect(await errorOf(await redeemAt(url, refreshForm(client, tokens.refresh_token)))).toEqual({ status: 400, error: 'invalid_grant' });
    await until(async () => !(await works(next.access_token)), 15_000, 'the family ends');
    expect((await redeemAt(url, refreshForm(client, next.refresh_token))).status).toBe(400);
  });

  it('is not used up by what asks for too much, and is nothing to another client', async () => {
    const { client, tokens } = await tokensFor(url);
    const refresh = refreshForm(client, tokens.refresh_token);
    expect((await errorOf(await redeemAt(url, { ...refresh, scope: 'mcp:use mcp:multiple' }))).error).toBe('invalid_scope');
    expect((await errorOf(await redeemAt(url, { ...refresh, resource: `${url}/mcp/other` }))).error).toBe('invalid_target');
    const other = await register(url, { client_name: 'Another client' });
    expect((await errorOf(await redeemAt(url, refreshForm(other, tokens.refresh_token)))).error).toBe('invalid_grant');
    expect((await redeemAt(url, refresh)).status).toBe(200);
  });

  it('of a client with a secret is nothing without the secret, not even a moment later', async () => {
    const client = await register(url, { token_endpoint_auth_method: 'client_secret_post' });
    const { verifier, challenge } = pkce();
    const back = await allow(new Browser(), authorizeUrl(url, { client, challenge }));
    const secret = { client_secret: client.client_secret ?? '' };
    const code = codeForm(client, back.searchParams.get('code') ?? '', verifier);
    expect((await redeemAt(url, code)).status).toBe(401);
    const tokens = (await (await redeemAt(url, { ...code, ...secret })).json()) as Tokens;
    const refresh = refreshForm(client, tokens.refresh_token);
    expect((await redeemAt(url, { ...refresh, ...secret })).status).toBe(200);
    for (const form of [refresh, { ...refresh, client_secret: 'wrong' }]) expect((await redeemAt(url, form)).status).toBe(400);
    expect((await redeemAt(url, { ...refresh, ...secret })).status).toBe(200);
  });
});

describe('revocation', () => {
  const revoke = (client: { client_id: string }, token: string) =>
    fetch(`${url}/oauth/revoke`, { method: 'POST', body: new URLSearchParams({ client_id: client.client_id, token }) });

  it('ends a token, or with its refresh token all of a grant', async () => {
    const first = await tokensFor(url);
    expect(await works(first.tokens.access_token)).toBe(true);
    expect((await revoke(first.client, first.tokens.access_token)).status).toBe(200);
    await until(async () => !(await works(first.tokens.access_token)), 15_000, 'the token ends');
    expect((await redeemAt(url, refreshForm(first.client, first.tokens.refresh_token))).status).toBe(200);
    const second = await tokensFor(url);
    expect((await revoke(second.client, second.tokens.refresh_token)).status).toBe(200);
    await until(async () => !(await works(second.tokens.access_token)), 15_000, 'the grant ends');
    expect((await redeemAt(url, refreshForm(second.client, second.tokens.refresh_token))).status).toBe(400);
  });

  it('by another client changes nothing, and says nothing', async () => {
    const { client, tokens } = await tokensFor(url);
    const other = await register(url, { client_name: 'Another client' });
    for (const token of [tokens.access_token, tokens.refresh_token]) expect((await revoke(other, token)).status).toBe(200);
    expect((await revoke(client, 'weir_oauth_a.b.c.d')).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(await works(tokens.access_token)).toBe(true);
    expect((await redeemAt(url, refreshForm(client, tokens.refresh_token))).status).toBe(200);
    expect((await revoke({ client_id: 'nobody' }, tokens.access_token)).status).toBe(401);
  });
});

describe('endpoints for clients', () => {
  const paths = ['/oauth/token', '/oauth/revoke', '/oauth/register', '/oauth/consent'];
  const types = [
    '',
    'text/plain',
    'application/json',
    'multipart/form-data',
    'multipart/form-data; boundary=x',
    'application/x-www-form-urlencoded; charset=klingon',
    ';;;',
    'x'.repeat(500),
  ];
  const bodies = [
    '',
    '{',
    '[]',
    'null',
    '"x"',
    '{"redirect_uris":"x"}',
    '{"redirect_uris":[1]}',
    '%',
    'a=%ff',
    'grant_type=authorization_code',
    'grant_type=refresh_token&grant_type=x',
    'code=a&code=b',
    '\u0000',
    'x'.repeat(40_000),
  ];

  it('answer nonsense with a refusal that nobody keeps, never with a fault', async () => {
    const wrong: string[] = [];
    for (const path of paths) {
      for (const type of types) {
        const answers = await Promise.all(
          bodies.map((body) => fetch(`${url}${path}`, { method: 'POST', redirect: 'manual', headers: { 'content-type': type }, body })),
        );
        for (const [at, { status, headers }] of answers.entries()) {
          const isRight = status >= 400 && status < 500 && headers.get('cache-control') === 'no-store';
          if (!isRight) wrong.push(`${path} ${type} ${bodies[at]?.slice(0, 20)}: ${status} ${headers.get('cache-control')}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it('say which method they take', async () => {
    for (const path of paths) {
      const response = await fetch(`${url}${path}`);
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
    }
  });
});
