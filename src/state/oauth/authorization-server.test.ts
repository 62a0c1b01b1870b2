import { applyD1Migrations, env, listDurableObjectIds, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { beforeAll, describe, expect, it } from 'vitest';
import { fakePorts } from '../../core/fakes.ts';
import { TOKEN_PREFIX } from '../../core/oauth.ts';
import { systemClock } from '../ports.ts';
import { AuthorizationServer } from './authorization-server.ts';
import { answerToken, type TokenAnswer } from './grant.ts';
import type { OAuthGrant } from './grant-object.ts';
import { forgetGrant, listGrants, noteGrant } from './grant-rows.ts';
import { GRACE, GrantStore } from './grant-store.ts';
import { TokenNames } from './names.ts';
import type { ServerSettings } from './provider.ts';

const SECRET = 'a secret of the tests';
const settings: ServerSettings = {
  issuer: 'https://gateway.example',
  resources: ['https://gateway.example', 'https://gateway.example/mcp/one'],
  scopes: ['use', 'more'],
  accessToken: 600,
  refreshToken: 86_400,
  registration: true,
  assertions: false,
};
const REDIRECT = 'https://client.example/callback';
const VERIFIER = 'v'.repeat(43);
const CLAIMS = { sub: 'ann', email: 'ann@acme.example' };

const serverOf = (secrets: readonly string[] = [SECRET], db?: D1Database) =>
  new AuthorizationServer({
    grants: env.OAUTH_GRANT,
    clients: env.OAUTH_CLIENTS,
    secrets,
    db,
    egress: fakePorts().egress,
    clock: systemClock,
    local: false,
  });

const post = (path: string, body: string, type = 'application/x-www-form-urlencoded') =>
  new Request(`https://gateway.example${path}`, { method: 'POST', headers: { 'content-type': type }, body });

async function challengeOf(verifier: string) {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier)));
  return btoa(String.fromCharCode(...digest))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

async function begin(server = serverOf()) {
  const metadata = { client_name: crypto.randomUUID(), redirect_uris: [REDIRECT], token_endpoint_auth_method: 'none' };
  const registered = await server.endpoints.register(settings, post('/oauth/register', JSON.stringify(metadata), 'application/json'));
  const { client_id: clientId } = await registered.json<{ client_id: string }>();
  const challenge = await challengeOf(VERIFIER);
  const own = { clientId, clientName: 'A client', redirectUri: REDIRECT };
  const asked = { ...own, state: 's', scopes: ['use'], challenge, resource: 'https://gateway.example/mcp/one' };
  const to = await server.grant(settings, asked, { name: 'issuer ann', counts: { org: 'org_a', app: 'app_a' } }, ['use'], {
    claims: CLAIMS,
  });
  const code = new URL(to).searchParams.get('code') ?? '';
  const form = { grant_type: 'authorization_code', client_id: clientId, code, redirect_uri: REDIRECT, code_verifier: VERIFIER };
  const redeem = async (fields: Record<string, string>) => {
    const response = await server.endpoints.token(settings, post('/oauth/token', new URLSearchParams(fields).toString()));
    return { status: response.status, body: await response.json<Record<string, string>>() };
  };
  return { server, clientId, code, form, redeem };
}

/** The object of a grant, as a token names it. */
async function objectOf(token: string) {
  const named = await new TokenNames([SECRET]).read(token);
  if (named === undefined) throw new Error('no token of the tests');
  return { named, stub: env.OAUTH_GRANT.getByName(`${named.user}:${named.grant}`) };
}

const stored = (stub: DurableObjectStub<OAuthGrant>) =>
  runInDurableObject(stub, (_object: OAuthGrant, { storage: { sql } }) => {
    const tables = [
      ...sql.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'"),
    ];
    return JSON.stringify(tables.flatMap(({ name }) => [...sql.exec(`SELECT * FROM "${name}"`)]));
  });

describe('a grant', () => {
  it('is told by its tokens alone: what is stored holds none of them, and nothing of the person', async () => {
    const { form, redeem, server } = await begin();
    const { body } = await redeem(form);
    const { stub, named } = await objectOf(body.access_token ?? '');
    await redeem({ grant_type: 'refresh_token', client_id: form.client_id, refresh_token: body.refresh_token ?? '' });
    const text = await stored(stub);
    expect(text.length).toBeGreaterThan(500);
    const secrets = [form.code, body.access_token, body.refresh_token].map((each) => each?.split('.')[2] ?? '');
    for (const secret of [...secrets, 'ann@acme.example', '"sub"']) expect(text).not.toContain(secret);
    expect(named.user.startsWith(TOKEN_PREFIX)).toBe(true);
    expect(await server.accessTokens.find(body.access_token ?? '')).toMatchObject({
      claims: CLAIMS,
      scopes: ['use'],
      resource: 'https://gateway.example/mcp/one',
    });
  });

  it('leaves nothing behind when it was revoked, and when it is over', async () => {
    const { form, redeem } = await begin();
    const { body } = await redeem(form);
    const { stub } = await objectOf(body.access_token ?? '');
    expect((await redeem(form)).body.error).toBe('invalid_grant');
    expect(await stored(stub)).toBe('[]');
    const second = await begin();
    const { body: tokens } = await second.redeem(second.form);
    const { stub: other } = await objectOf(tokens.access_token ?? '');
    await runInDurableObject(other, (_object: OAuthGrant, { storage: { sql } }) => {
      sql.exec('UPDATE entries SET expires_at = 1');
    });
    expect(await runDurableObjectAlarm(other)).toBe(true);
    expect(await stored(other)).toBe('[]');
  });

  it('gives the same successor for ten seconds, and after that nothing any longer', async () => {
    const { form, redeem } = await begin();
    const { body } = await redeem(form);
    const { stub, named } = await objectOf(body.refresh_token ?? '');
    const client = await env.OAUTH_CLIENTS.getByName('clients').find(form.client_id);
    let offset = 0;
    const refresh = () =>
      runInDurableObject(
        stub,
        (_object: OAuthGrant, { storage: { sql } }): Promise<TokenAnswer> =>
          answerToken(
            {
              settings,
              body: new URLSearchParams({ grant_type: 'refresh_token', client_id: form.client_id, refresh_token: named.inner }).toString(),
              authorization: null,
              client: { id: form.client_id, record: client ?? '' },
              grant: `${named.user}:${named.grant}`,
            },
            { store: new GrantStore(sql), now: () => Date.now() + offset, kept: () => undefined },
          ),
      );
    const first = await refresh();
    expect(first.status).toBe(200);
    offset = GRACE - 500;
    expect(await refresh()).toEqual(first);
    offset = GRACE + 500;
    expect(await refresh()).toMatchObject({ status: 400, body: expect.stringContaining('invalid_grant') });
    expect(await stored(stub)).toBe('[]');
  });
});

describe('what was begun with an access token', () => {
  /** What holds now, as an isolate sees it that has asked nothing before. */
  const begun = async () => {
    const { server, form, redeem } = await begin();
    const { body } = await redeem(form);
    const token = await server.accessTokens.find(body.access_token ?? '');
    if (token === undefined) throw new Error('no token of the tests');
    const revoke = (which: string) =>
      server.endpoints.revoke(settings, post('/oauth/revoke', new URLSearchParams({ client_id: form.client_id, token: which }).toString()));
    const { stub } = await objectOf(body.access_token ?? '');
    const entries = (change: string) =>
      runInDurableObject(stub, (_object: OAuthGrant, { storage: { sql } }) => void sql.exec(`UPDATE entries SET ${change}`));
    return { token, body, revoke, entries, holds: () => serverOf().accessTokens.holds(token) };
  };

  it('may go on for as long as its grant lasts, also when the token has expired', async () => {
    const { token, holds, entries } = await begun();
    const end = await holds();
    expect(end).toBeGreaterThan(token.expiresAt + 80_000_000);
    await entries("expires_at = 1 WHERE key LIKE 'token:%'");
    expect(await holds()).toBeUndefined();
    const expired = { ...token, expiresAt: Date.now() - 1 };
    expect(await serverOf().accessTokens.holds(expired)).toBe(end);
    await entries('expires_at = 1');
    expect(await serverOf().accessTokens.holds(expired)).toBeUndefined();
  });

  it.each(['access_token', 'refresh_token'])('may not where its %s was revoked', async (which) => {
    const { body, revoke, holds } = await begun();
    expect(await holds()).toBeDefined();
    await revoke(body[which] ?? '');
    expect(await holds()).toBeUndefined();
  });

  it('is asked of the object once a second in an isolate, however much of it there is', async () => {
    const { token, body, revoke } = await begun();
    const { accessTokens } = serverOf();
    const since = Date.now();
    const end = await accessTokens.holds(token);
    await revoke(body.refresh_token ?? '');
    const again = await accessTokens.holds(token);
    // On a slow machine the second may be over by then.
    if (Date.now() - since < 900) expect(again).toBe(end);
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    expect(await accessTokens.holds(token)).toBeUndefined();
  });
});

describe('tokens that nobody gave out', () => {
  it('ask no object, however many there are', async () => {
    const { server, form, redeem } = await begin();
    const { body } = await redeem(form);
    const before = (await listDurableObjectIds(env.OAUTH_GRANT)).length;
    const [user, grant, secret] = (body.access_token ?? '').split('.');
    const mac = 'A'.repeat(22);
    const made = Array.from({ length: 200 }, (_each, at) => [
      `${TOKEN_PREFIX}${at}.${at}.${at}.${mac}`,
      `${user}.${grant}${at}.${secret}.${mac}`,
    ]).flat();
    for (const token of made) expect(await server.accessTokens.find(token)).toBeUndefined();
    for (const token of made.slice(0, 50)) {
      expect((await redeem({ ...form, code: token })).body.error).toBe('invalid_grant');
      expect((await redeem({ grant_type: 'refresh_token', client_id: form.client_id, refresh_token: token })).body.error).toBe(
        'invalid_grant',
      );
    }
    expect(await listDurableObjectIds(env.OAUTH_GRANT)).toHaveLength(before);
  });

  it('are those of another secret; those of the one before stay good', async () => {
    const { form, redeem } = await begin();
    const { body } = await redeem(form);
    expect(await serverOf(['another']).accessTokens.find(body.access_token ?? '')).toBeUndefined();
    expect(await serverOf(['another', SECRET]).accessTokens.find(body.access_token ?? '')).toMatchObject({ claims: CLAIMS });
  });

  it('differ from a genuine one in a single letter', async () => {
    const { server, form, redeem } = await begin();
    const { body } = await redeem(form);
    const token = body.access_token ?? '';
    for (let at = 0; at < token.length; at++) {
      const changed = `${token.slice(0, at)}${token[at] === 'x' ? 'y' : 'x'}${token.slice(at + 1)}`;
      expect(await server.accessTokens.find(changed), String(at)).toBeUndefined();
    }
    expect(await server.accessTokens.find(token)).toBeDefined();
  });
});

it('takes a name once, of fifty at the same time', async () => {
  const server = serverOf();
  const until = Date.now() + 60_000;
  const taken = await Promise.all(Array.from({ length: 50 }, () => server.takeOnce('a-sign-in', until)));
  expect(taken.filter(Boolean)).toHaveLength(1);
});

it('opens what it sealed, for the same use alone', async () => {
  const server = serverOf();
  const sealed = await server.seal('text', 'consent');
  expect(sealed).not.toContain('text');
  expect(await server.open(sealed, 'consent')).toBe('text');
  expect(await server.open(sealed, 'login')).toBeUndefined();
  expect(await server.open(`${sealed.slice(0, -2)}AA`, 'consent')).toBeUndefined();
  expect(await serverOf(['another']).open(sealed, 'consent')).toBeUndefined();
});

describe('what operators see of grants', () => {
  const { DB: db } = env;
  const listed = async (now = Date.now()) => (await listGrants(db, { limit: 100, cursor: undefined, filters: {}, now })).items;
  beforeAll(() => applyD1Migrations(db, env.TEST_MIGRATIONS));

  it('is there before anybody has the code, and gone when the grant has ended', async () => {
    const { form, redeem } = await begin(serverOf([SECRET], db));
    const [row] = await listed();
    expect(row).toMatchObject({ org: 'org_a', app: 'app_a', user: null, key: null, clientName: 'A client', scopes: 'use' });
    const { body } = await redeem(form);
    const { stub } = await objectOf(body.access_token ?? '');
    expect(row?.id).toBe(stub.id.toString());
    await stub.end();
    expect(await listed()).toEqual([]);
    expect(await stored(stub)).toBe('[]');
  });

  it('is a condition: what cannot be noted is not granted, and nothing is left of it', async () => {
    const before = new Set((await listDurableObjectIds(env.OAUTH_GRANT)).map(String));
    const away = () => Promise.reject(new Error('D1 is away'));
    const broken = { prepare: () => ({ bind: () => ({}) }), batch: away } as unknown as D1Database;
    await expect(begin(serverOf([SECRET], broken))).rejects.toThrow('cannot be noted now');
    expect(await listed()).toEqual([]);
    const made = (await listDurableObjectIds(env.OAUTH_GRANT)).filter((id) => !before.has(String(id)));
    for (const id of made) expect(await stored(env.OAUTH_GRANT.get(id))).toBe('[]');
  });

  it('is waited for no longer than two seconds, before a grant and after it', async () => {
    const never = new Promise<never>(() => undefined);
    const still = { prepare: () => ({ bind: () => ({ run: () => never }) }), batch: () => never } as unknown as D1Database;
    await expect(begin(serverOf([SECRET], still))).rejects.toThrow('cannot be noted now');
    await expect(forgetGrant(still, 'a')).rejects.toThrow();
  });

  it('ends with the time that it names, also where its object could not say so', async () => {
    const row = { id: 'a', org: 'o', app: 'a', user: 'ann', key: null, client: 'c', clientName: 'C', resource: 'r', scopes: '' };
    await noteGrant(db, { ...row, createdAt: 1_000, expiresAt: 2_000 });
    expect(await listed(1_999)).toHaveLength(1);
    expect(await listed(2_000)).toEqual([]);
    await noteGrant(db, { ...row, id: 'b', createdAt: 2_000, expiresAt: 3_000 });
    expect(await db.prepare('SELECT id FROM oauth_grants').all()).toMatchObject({ results: [{ id: 'b' }] });
  });
});
