import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY, until } from '../gateway.ts';
import { modern } from '../mcp/gateway.ts';
import { ask } from '../tenants.ts';
import { weirAt } from '../weir-command.ts';
import { codeFor, type OAuthGateway, redeemAt, refreshForm, register, startOAuthGateway, tokensFor } from './fixture.ts';

// What people let clients do in their name, as the operator sees it and takes it back.

interface Grant {
  readonly id: string;
  readonly user: string | null;
  readonly client: string;
  readonly clientName: string;
}

let oauth: OAuthGateway;
beforeAll(async () => {
  oauth = await startOAuthGateway();
}, 180_000);
afterAll(() => oauth?.stop());

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const statusWith = async (token: string) => (await modern(`${oauth.url}/mcp/everything`, 1, 'tools/list', {}, bearer(token))).status;
const list = async (filter: Record<string, string> = {}) =>
  (await ask(oauth.gateway, 'GET', `/grants?${new URLSearchParams(filter)}`)).body.items as readonly Grant[];
let clients = 0;
/** A client of its own: one that registers with the same words once more is the same. */
const fresh = () => register(oauth.url, { client_name: `A client of the tests (${++clients})` });
const ofClient = async (client: string) => (await list({ client }))[0];

describe('a grant', () => {
  it('is listed with who gave it, to which client, and what for', async () => {
    const { client } = await tokensFor(oauth.url, { client: await fresh() });
    const [grant, ...others] = await list({ client: client.client_id });
    expect(others).toEqual([]);
    expect(grant).toMatchObject({
      user: 'ann@acme.example',
      client: client.client_id,
      clientName: `A client of the tests (${clients})`,
      resource: `${oauth.url}/mcp/everything`,
      scopes: 'mcp:use',
      key: null,
    });
    const { body: one } = await ask(oauth.gateway, 'GET', `/grants/${grant?.id}`);
    expect(one).toEqual(grant);
    const { createdAt, expiresAt } = one as { readonly createdAt: number; readonly expiresAt: number };
    expect(expiresAt - createdAt).toBe(2_592_000_000);
    expect(await list({ org: 'acme', user: 'ann@acme.example' })).toContainEqual(grant);
    expect(await list({ org: 'acme', app: 'builds' })).toContainEqual(grant);
    expect(await list({ user: 'nobody@acme.example' })).toEqual([]);
    expect(await list({ org: 'nobody' })).toEqual([]);
  });

  it('that is taken back is good for nothing any more, whatever came of it, and others stay', async () => {
    const [gone, other] = [await tokensFor(oauth.url, { client: await fresh() }), await tokensFor(oauth.url, { client: await fresh() })];
    const next = await redeemAt(oauth.url, refreshForm(gone.client, gone.tokens.refresh_token));
    const refreshed = (await next.json()) as { readonly access_token: string; readonly refresh_token: string };
    expect(await statusWith(refreshed.access_token)).toBe(200);
    const id = (await ofClient(gone.client.client_id))?.id;
    const taken = await ask(oauth.gateway, 'DELETE', `/grants/${id}`);
    expect(taken).toMatchObject({ status: 200, body: { id, deleted: true } });
    await until(async () => (await statusWith(refreshed.access_token)) === 401, 10_000, 'the token to be refused');
    expect((await redeemAt(oauth.url, refreshForm(gone.client, refreshed.refresh_token))).status).toBe(400);
    expect(await ofClient(gone.client.client_id)).toBeUndefined();
    expect((await ask(oauth.gateway, 'DELETE', `/grants/${id}`)).status).toBe(404);
    expect(await statusWith(other.tokens.access_token)).toBe(200);
    expect(await ofClient(other.client.client_id)).toBeDefined();
    const { body } = await ask(oauth.gateway, 'GET', `/audit?subject=${id}`);
    expect(body.items).toMatchObject([{ action: 'grant.delete', outcome: 'done', detail: { user: 'ann@acme.example' } }]);
  });

  it('is listed from its code on, which is good for nothing once it is taken back', async () => {
    const { client, code, verifier } = await codeFor(oauth.url, { client: await fresh() });
    const id = (await ofClient(client.client_id))?.id;
    expect((await ask(oauth.gateway, 'DELETE', `/grants/${id}`)).status).toBe(200);
    const form = { grant_type: 'authorization_code', client_id: client.client_id, code, code_verifier: verifier };
    const redeemed = await redeemAt(oauth.url, { ...form, redirect_uri: 'http://127.0.0.1:51234/callback' });
    expect(redeemed.status).toBe(400);
  });

  it('that ended otherwise is listed no more: a code that came twice', async () => {
    const { client, code, verifier } = await tokensFor(oauth.url, { client: await fresh() });
    expect(await ofClient(client.client_id)).toBeDefined();
    const form = { grant_type: 'authorization_code', client_id: client.client_id, code, code_verifier: verifier };
    expect((await redeemAt(oauth.url, { ...form, redirect_uri: 'http://127.0.0.1:51234/callback' })).status).toBe(400);
    await until(async () => (await ofClient(client.client_id)) === undefined, 10_000, 'it to go');
  });

  it('of a gateway key is the app’s, and says which key', async () => {
    await oauth.publish({ login: undefined, as: undefined });
    try {
      const { client } = await tokensFor(oauth.url, { client: await fresh(), scope: '' });
      const keyId = (await ask(oauth.gateway, 'GET', '/keys')).body.items as readonly { id: string }[];
      expect(await ofClient(client.client_id)).toMatchObject({ user: null, key: expect.stringMatching(/^key_/) });
      expect(keyId.map(({ id }) => id)).toContain(((await ofClient(client.client_id)) as unknown as { key: string }).key);
    } finally {
      await oauth.publish();
    }
  });
});

describe('the command line', () => {
  const weir = (...args: readonly string[]) => weirAt(oauth.url, args);

  it('takes back all that somebody has given', async () => {
    const client = await fresh();
    const [one, two] = [await tokensFor(oauth.url, { client, person: 'bob' }), await tokensFor(oauth.url, { client, person: 'bob' })];
    const user = (await ofClient(client.client_id))?.user ?? '';
    const listed = await weir('grants', 'list', '--org', 'acme', '--user', user);
    expect(listed.out).toContain('A client of the tests');
    expect((await weir('grants', 'delete')).code).not.toBe(0);
    const taken = await weir('grants', 'delete', '--org', 'acme', '--user', user);
    expect(taken.code, taken.err).toBe(0);
    expect(await list({ user })).toEqual([]);
    for (const { tokens } of [one, two])
      await until(async () => (await statusWith(tokens.access_token)) === 401, 10_000, 'a token to be refused');
  });
});

it('A grant is nothing that a gateway key sees or takes back', async () => {
  const { client } = await tokensFor(oauth.url, { client: await fresh() });
  const id = (await ofClient(client.client_id))?.id;
  for (const [method, path] of [
    ['GET', '/grants'],
    ['GET', `/grants/${id}`],
    ['DELETE', `/grants/${id}`],
  ] as const) {
    const response = await fetch(`${oauth.url}/admin/v1${path}`, { method, headers: bearer(KEY) });
    expect(response.status).toBe(403);
  }
  expect(await ofClient(client.client_id)).toBeDefined();
});
