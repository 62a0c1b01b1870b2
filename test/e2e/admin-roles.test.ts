import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { raw } from '../client.ts';
import { ADMIN_TOKEN, KEY, startTestGateway, type TestGateway } from '../gateway.ts';
import { documented, publish } from '../identities.ts';
import { ask, make } from '../tenants.ts';

let gateway: TestGateway;
const roles: Record<string, { readonly headers: { readonly [name: string]: string }; readonly expected: 401 | 403 | undefined }> = {};

beforeAll(async () => {
  gateway = await startTestGateway();
  const org = await make(gateway, 'orgs', { name: 'acme' });
  const team = await make(gateway, 'teams', { name: 'all', org: org.id });
  await make(gateway, 'apps', { name: 'web', team: team.id });
  const disabled = await make(gateway, 'keys', { app: 'dev', name: 'disabled', disabled: true });
  const [ours, theirs] = await Promise.all([generateKeyPair('ES256'), generateKeyPair('ES256')]);
  const jwt = {
    ...documented('acme'),
    issuer: 'https://issuer.example',
    jwks: { keys: [{ ...(await exportJWK(ours.publicKey)), kid: 'k' }] },
  };
  const { as: _, ...bare } = documented('acme');
  await publish(gateway, [jwt, { ...bare, name: 'admins', issuer: 'https://admins.example', jwks: jwt.jwks }]);
  const sign = (claims: object, key: CryptoKey = ours.privateKey) =>
    new SignJWT({
      iss: 'https://issuer.example',
      aud: 'https://ai.acme.example',
      scope: 'ai:use',
      client_id: 'web',
      sub: 'ann',
      email: 'ann@acme.example',
      exp: Math.floor(Date.now() / 1000) + 600,
      ...claims,
    })
      .setProtectedHeader({ alg: 'ES256', kid: 'k' })
      .sign(key);
  const bearer = (text: string) => ({ authorization: `Bearer ${text}` });
  Object.assign(roles, {
    nobody: { headers: {}, expected: 401 },
    'a made-up token': { headers: bearer('x'), expected: 401 },
    'the admin token with more behind it': { headers: bearer(`${ADMIN_TOKEN}x`), expected: 401 },
    'the admin token elsewhere': {
      headers: { 'x-weir-key': ADMIN_TOKEN, 'x-api-key': ADMIN_TOKEN, 'x-admin-token': ADMIN_TOKEN },
      expected: 401,
    },
    'the admin token as Basic': {
      headers: { authorization: `Basic ${Buffer.from(`admin:${ADMIN_TOKEN}`).toString('base64')}` },
      expected: 401,
    },
    'headers that name an administrator': {
      headers: { 'x-user': 'admin', 'x-role': 'admin', 'x-forwarded-user': 'admin', 'x-weir-actor': 'admin' },
      expected: 401,
    },
    'a disabled key': { headers: bearer(String(disabled.key)), expected: 401 },
    'a key': { headers: bearer(KEY), expected: 403 },
    'a caller’s token': { headers: bearer(await sign({})), expected: 403 },
    'a token without the scope': { headers: bearer(await sign({ scope: 'x', groups: ['platform'] })), expected: 403 },
    'a token that has ended': { headers: bearer(await sign({ groups: ['platform'], exp: 1 })), expected: 401 },
    'an administrator’s token of another key': { headers: bearer(await sign({ groups: ['platform'] }, theirs.privateKey)), expected: 401 },
    'an administrator’s token for somebody else': { headers: bearer(await sign({ groups: ['platform'], aud: 'x' })), expected: 401 },
    'the admin token': { headers: bearer(ADMIN_TOKEN), expected: undefined },
    'an administrator’s token': { headers: bearer(await sign({ groups: ['people', 'platform'] })), expected: undefined },
    'a token of administrators alone': {
      headers: bearer(await sign({ groups: 'platform', iss: 'https://admins.example' })),
      expected: undefined,
    },
  });
});
afterAll(() => gateway?.stop());

describe('the admin API', () => {
  it('lets each role do what it may, on every path that there is and on those that there are not', async () => {
    const { paths } = (await ask(gateway, 'GET', '/openapi.json')).body as { paths: { [path: string]: object } };
    const routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })),
    );
    expect(routes.length).toBeGreaterThan(20);
    routes.push(...['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'].map((method) => ({ method, path: '/admin/v1/none' })));
    routes.push({ method: 'OPTIONS', path: '/admin/v1/keys' }, { method: 'HEAD', path: '/admin/v1/keys' });
    const asked = Object.entries(roles).flatMap(([role, { headers, expected }]) =>
      routes.map((route) => ({ role, headers, expected, ...route })),
    );
    const wrong: string[] = [];
    const send = async ({ role, headers, expected, method, path }: (typeof asked)[number]) => {
      const at = (path.startsWith('/admin') ? path : `/admin/v1${path}`).replaceAll(/\{[^}]*\}/g, 'none');
      const response = await fetch(gateway.url + at, {
        method,
        // Nothing is to be changed by those who may: the revision is not this one.
        headers: { 'content-type': 'application/json', 'if-match': '"999999"', ...headers },
        ...(method === 'GET' || method === 'HEAD' ? {} : { body: '{"nonsense":true}' }),
      });
      await response.arrayBuffer();
      const { status } = response;
      const isRight = expected === undefined ? status !== 401 && status !== 403 : status === expected;
      if (!isRight || response.headers.has('access-control-allow-origin')) wrong.push(`${role}: ${status} ${method} ${at}`);
    };
    const waiting = [...asked];
    const worker = async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await send(next);
    };
    await Promise.all(Array.from({ length: 12 }, worker));
    expect(wrong).toEqual([]);
  }, 120_000);

  it('knows its tokens and keys nowhere else', async () => {
    const alone = roles['a token of administrators alone']?.headers ?? {};
    for (const { headers } of [roles['the admin token'] ?? { headers: {} }])
      expect((await fetch(`${gateway.url}/v1/models`, { headers })).status).toBe(401);
    expect((await fetch(`${gateway.url}/v1/models`, { headers: alone })).status).toBe(403);
  });

  it.each([
    '//admin/v1/keys',
    '/admin//v1/keys',
    '/admin/v1//keys',
    '/admin/v1/./keys',
    '/admin/v1/x/../keys',
    '/admin/v1/%2e/keys',
    '/admin/v1/x/%2e%2e/keys',
    '/admin%2fv1/keys',
    '/admin/v1%2fkeys',
    '/admin/v1/keys/',
    '/admin/v1/keys;x',
    '/admin/v1/keys%00',
    '/ADMIN/v1/keys',
    '/admin/V1/keys',
    '/v1/../admin/v1/keys',
    '/healthz/../admin/v1/keys',
    '/admin/v1/keys?key=x',
    '/admin/v1/keys#x',
    'http://other.example/admin/v1/keys',
    '\\admin\\v1\\keys',
  ])('opens to nobody under another spelling: %s', async (target) => {
    for (const authorization of ['', 'Authorization: Bearer x\r\n', `Authorization: Bearer ${KEY}\r\n`]) {
      const text = await raw(gateway.url, `GET ${target} HTTP/1.1\r\nHost: x\r\n${authorization}Connection: close\r\n\r\n`);
      expect(text).not.toMatch(/^HTTP\/1\.1 (?:2|5)/);
      expect(text).not.toContain('"items"');
    }
  });
});
