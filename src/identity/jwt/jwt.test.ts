import { type JWTPayload, UnsecuredJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Json } from '../../core/json.ts';
import { claims, ISSUER, makePairs, NOW, pair, pairOf, raw, refusal, rsa, SECRET, setUp, sign } from './fakes.ts';
import { jwt } from './jwt.ts';
import { MOST_TOKEN } from './token.ts';

beforeAll(makePairs);

describe('a token', () => {
  it.each([
    ['rsa', 'RS256'],
    ['ec', 'ES256'],
    ['ed', 'EdDSA'],
  ])('signed with a key that its issuer publishes is good: %s', async (name, alg) => {
    const { prove, ports } = setUp({ keys: [pair('other').jwk, pair(name).jwk] });
    const proof = await prove(await sign(pair(name).privateKey, { alg, kid: name }));
    expect(proof).toEqual({ facts: { claims: claims() }, scopes: [] });
    expect(ports.sent.map(({ url, method }) => `${method} ${url}`)).toEqual([
      `GET ${ISSUER}/.well-known/openid-configuration`,
      `GET ${ISSUER}/jwks`,
    ]);
  });

  it('is checked by pinned keys without asking anybody', async () => {
    const { prove, ports } = setUp({ settings: { jwks: { keys: [pair('rsa').jwk] } } });
    expect(await prove(await rsa())).toBeDefined();
    expect(ports.sent).toEqual([]);
  });

  it('may be signed with a secret where the operator says so, and with nothing else then', async () => {
    const { prove } = setUp({ settings: { secret: { secret: 'SHARED' } } });
    expect(await prove(await sign(new TextEncoder().encode(SECRET), { alg: 'HS256' }))).toBeDefined();
    for (const token of [await rsa(), await sign(new TextEncoder().encode(`${SECRET}.`), { alg: 'HS256' })]) {
      expect(await refusal(prove(token))).toMatchObject({ code: 'invalid_key' });
    }
    for (const name of ['SHORT', 'ABSENT']) {
      const other = setUp({ settings: { secret: { secret: name } } });
      expect(await refusal(other.prove(await sign(new TextEncoder().encode('short'.padEnd(32)), { alg: 'HS256' })))).toMatchObject({
        code: 'invalid_key',
      });
    }
  });

  it('without kid is tried with every key that it could be of', async () => {
    const { kid: _, ...unnamed } = pair('rsa').jwk;
    const { prove } = setUp({ keys: [pair('other').jwk, { kty: 'RSA', n: 'broken' }, unnamed] });
    expect(await prove(await sign(pair('rsa').privateKey, { alg: 'RS256' }))).toBeDefined();
    expect(await refusal(prove(await sign((await pairOf('third', 'RS256')).privateKey, { alg: 'RS256' })))).toMatchObject({
      code: 'invalid_key',
    });
  });

  it('of another issuer, or of no shape at all, is nothing for this entry', async () => {
    const { prove, ports } = setUp();
    for (const token of [
      await rsa(claims({ iss: 'https://other.example' })),
      'a.b.c',
      'weir_live_x_y',
      raw({ alg: ['RS256'], kid: 'rsa' }),
      '',
      '..',
      'e30.e30.',
      `${'a'.repeat(MOST_TOKEN)}.b.c`,
    ]) {
      expect(await prove(token)).toBeUndefined();
    }
    expect(ports.sent).toEqual([]);
  });
});

describe('a forged token is refused', () => {
  /** Every one says that it is of this issuer. */
  const forgeries: readonly (readonly [string, () => Promise<string> | string])[] = [
    ['alg none', () => new UnsecuredJWT(claims()).encode()],
    ['alg none with a signature', () => raw({ alg: 'none' })],
    ['alg None', () => raw({ alg: 'None' }, claims(), '')],
    [
      'HS256 over the public key as JSON',
      () => sign(new TextEncoder().encode(JSON.stringify(pair('rsa').jwk)), { alg: 'HS256', kid: 'rsa' }),
    ],
    ['HS256 over the modulus', () => sign(new TextEncoder().encode(String(pair('rsa').jwk.n)), { alg: 'HS256', kid: 'rsa' })],
    ['HS256 with an empty key id', () => sign(new TextEncoder().encode(SECRET), { alg: 'HS256', kid: '' })],
    ['an algorithm of another kind of key', () => sign(pair('ec').privateKey, { alg: 'ES256', kid: 'rsa' })],
    ['another RSA scheme than the key is for', async () => raw({ alg: 'PS256', kid: 'rsa' }, claims(), (await rsa()).split('.')[2])],
    ['another key under the same id', () => sign(pair('other').privateKey, { alg: 'RS256', kid: 'rsa' })],
    ['its own key in the header', () => sign(pair('other').privateKey, { alg: 'RS256', jwk: pair('other').jwk, kid: 'rsa' })],
    [
      'its own key set in the header',
      () => sign(pair('other').privateKey, { alg: 'RS256', jku: `${ISSUER}.evil.example/jwks`, kid: 'other' }),
    ],
    [
      'its own certificates in the header',
      () => sign(pair('other').privateKey, { alg: 'RS256', x5u: 'https://evil.example/x5u', kid: 'other' }),
    ],
    ['a critical extension that nobody knows', () => raw({ alg: 'RS256', kid: 'rsa', crit: ['exp'], exp: 1 })],
    [
      'claims of another token under its signature',
      async () => {
        const [header, , signature] = (await rsa()).split('.');
        return `${header}.${raw({}, claims({ sub: 'root' })).split('.')[1]}.${signature}`;
      },
    ],
    ['a signature that is cut off', async () => (await rsa()).slice(0, -8)],
    ['a signature that is missing', async () => `${(await rsa()).split('.').slice(0, 2).join('.')}.`],
  ];

  it.each(forgeries)('%s', async (_why, forge) => {
    const { prove, ports } = setUp();
    const error = await refusal(prove(await forge()));
    expect(error).toMatchObject({ code: 'invalid_key', status: 401 });
    expect(error.message).toMatch(/^[^\n]{10,150}\.$/);
    expect(ports.sent.every(({ url }) => url.startsWith(`${ISSUER}/`))).toBe(true);
  });

  it.each([
    ['for encryption', { use: 'enc' }],
    ['for signing only', { key_ops: ['sign'] }],
    ['for another algorithm', { alg: 'RS512' }],
  ])('where the published key is %s', async (_why, parts) => {
    const { prove } = setUp({ keys: [{ ...pair('rsa').jwk, ...parts }] });
    expect(await refusal(prove(await rsa()))).toMatchObject({ code: 'invalid_key' });
  });

  it('where the issuer publishes a secret, and HS256 is asked for', async () => {
    const bytes = new TextEncoder().encode(SECRET);
    const { prove } = setUp({ keys: [{ kty: 'oct', k: btoa(SECRET), kid: 'oct' }] });
    expect(await refusal(prove(await sign(bytes, { alg: 'HS256', kid: 'oct' })))).toMatchObject({ code: 'invalid_key' });
  });

  it('a key that does not say its algorithm is used for those of its kind that are allowed, and no others', async () => {
    const { alg: _, ...unsaid } = pair('rsa').jwk;
    expect(await setUp({ keys: [unsaid] }).prove(await rsa())).toBeDefined();
    const strict = setUp({ keys: [unsaid], settings: { algorithms: ['ES256'] } });
    expect(await refusal(strict.prove(await rsa()))).toMatchObject({ code: 'invalid_key' });
  });
});

describe('what a token says', () => {
  const times: readonly (readonly [string, object, boolean])[] = [
    ['expired 59 s ago', { exp: NOW - 59 }, true],
    ['expired 61 s ago', { exp: NOW - 61 }, false],
    ['good in 59 s', { nbf: NOW + 59 }, true],
    ['good in 61 s', { nbf: NOW + 61 }, false],
    ['made in 59 s', { iat: NOW + 59 }, true],
    ['made in 61 s', { iat: NOW + 61 }, false],
    ['no end', { exp: undefined }, false],
    ['an end as text', { exp: '9e99' }, false],
    ['an end as text of a number', { exp: String(NOW + 600) }, false],
    ['an end that is not whole', { exp: NOW + 0.5 }, false],
    ['an end that no clock reaches', { exp: 9e99 }, false],
    ['a negative end', { exp: -1 }, false],
    ['an end that is null', { exp: null }, false],
    ['a negative beginning', { nbf: -1 }, false],
    ['a beginning as text', { nbf: '0' }, false],
    ['a beginning that is not whole', { nbf: 0.5 }, false],
    ['another audience', { aud: 'weir2' }, false],
    ['several audiences, this one among them', { aud: ['x', 'weir'] }, true],
    ['no audience', { aud: undefined }, false],
    ['an audience that is an object', { aud: { weir: true } }, false],
  ];

  it.each(times)('counts strictly: %s', async (_why, parts, good) => {
    const { prove } = setUp({ settings: { jwks: { keys: [pair('rsa').jwk] } } });
    // Written by hand: the library signs no nonsense.
    const payload = new TextEncoder().encode(JSON.stringify({ ...claims(), ...parts }));
    const body = `${btoa(JSON.stringify({ alg: 'RS256', kid: 'rsa' }))}.${btoa(String.fromCharCode(...payload))}`
      .replaceAll('=', '')
      .replaceAll('+', '-')
      .replaceAll('/', '_');
    const bytes = await crypto.subtle.sign('RSASSA-PKCS1-v1_5', pair('rsa').privateKey, new TextEncoder().encode(body));
    const signature = btoa(String.fromCharCode(...new Uint8Array(bytes)))
      .replaceAll('=', '')
      .replaceAll('+', '-')
      .replaceAll('/', '_');
    const proof = prove(`${body}.${signature}`);
    if (good) expect(await proof).toBeDefined();
    else expect(await refusal(proof)).toMatchObject({ code: 'invalid_key' });
  });

  const required: readonly (readonly [object, Json, boolean])[] = [
    [{ scope: ['a', 'b'] }, { scope: 'b c a' }, true],
    [{ scope: ['a', 'b'] }, { scope: 'a' }, false],
    [{ scope: 'a' }, { scope: 'ab' }, false],
    [{ scp: 'a' }, { scp: ['a'] }, true],
    [{ 'realm_access.roles': 'admin' }, { realm_access: { roles: ['user', 'admin'] } }, true],
    [{ 'realm_access.roles': 'admin' }, { realm_access: { roles: 'administrator' } }, false],
    [{ 'https://acme.example/team': 'red' }, { 'https://acme.example/team': 'red' }, true],
    [{ email_verified: true }, { email_verified: true }, true],
    [{ email_verified: true }, { email_verified: 'true' }, false],
    [{ constructor: 'x' }, {}, false],
  ];

  it.each(required)('must be all that is asked for: %j of %j', async (wanted, said, good) => {
    const { prove } = setUp({ settings: { jwks: { keys: [pair('rsa').jwk] }, claims: wanted } });
    const proof = prove(await rsa(claims(said as JWTPayload)));
    if (good) expect(await proof).toBeDefined();
    else expect(await refusal(proof)).toMatchObject({ code: 'not_allowed', status: 403 });
  });

  it('makes an administrator only of whom the operator means, and who has a name', async () => {
    const { prove } = setUp({ settings: { jwks: { keys: [pair('rsa').jwk] }, admin: { claims: { groups: 'platform' } } } });
    expect(await prove(await rsa(claims({ groups: ['platform'] })))).toMatchObject({ admin: 'ann' });
    const others: readonly JWTPayload[] = [{}, { groups: ['platforms'] }, { groups: 'platform ' }, { groups: ['platform'], sub: '' }];
    for (const parts of others) expect(await prove(await rsa(claims(parts)))).not.toHaveProperty('admin');
    const { sub: _, ...nameless } = claims({ groups: ['platform'] });
    expect(await prove(await rsa(nameless))).not.toHaveProperty('admin');
  });

  it('must have the type that is asked for', async () => {
    const { prove } = setUp({ settings: { jwks: { keys: [pair('rsa').jwk] }, type: 'at+jwt' } });
    expect(await prove(await rsa(claims(), { typ: 'at+jwt' }))).toBeDefined();
    expect(await refusal(prove(await rsa(claims(), { typ: 'JWT' })))).toMatchObject({ code: 'invalid_key' });
  });
});

describe('what is remembered of tokens', () => {
  it('is found by the whole token: one that begins alike has nothing of another', async () => {
    const { prove } = setUp();
    const long = 'x'.repeat(4_000);
    const good = await rsa(claims({ long, role: 'user' }));
    expect(await prove(good)).toBeDefined();
    const [header = '', payload = '', signature = ''] = good.split('.');
    // The same first thousands of characters, another end; and the same claims under another signature.
    const other = await rsa(claims({ long, role: 'root' }));
    expect(other.slice(0, 4_000)).toBe(good.slice(0, 4_000));
    expect(await prove(other)).toMatchObject({ facts: { claims: { role: 'root' } } });
    for (const forged of [
      `${header}.${payload}.${signature.slice(0, -2)}AA`,
      `${good}A`,
      `${header}.${other.split('.')[1]}.${signature}`,
    ]) {
      expect(await refusal(prove(forged)), forged.slice(-10)).toMatchObject({ code: 'invalid_key' });
    }
  });

  it('ends when the token ends', async () => {
    const { prove, ports } = setUp({ settings: { clockTolerance: 0 } });
    const token = await rsa(claims({ exp: NOW + 10 }));
    expect(await prove(token)).toBeDefined();
    ports.clock.advance(9_999);
    expect(await prove(token)).toBeDefined();
    ports.clock.advance(1);
    expect(await refusal(prove(token))).toMatchObject({ code: 'invalid_key' });
  });
});

describe('the settings', () => {
  const problems = (settings: object, local = false) => {
    const parsed = jwt.config.safeParse({ issuer: ISSUER, audience: 'weir', ...settings });
    if (!parsed.success) return parsed.error.issues.map(({ path }) => path.join('.'));
    return (jwt.problems?.(parsed.data, { local }) ?? []).map(({ path }) => path);
  };

  it.each([
    [{}, []],
    [{ issuer: 'http://127.0.0.1:3000' }, ['issuer']],
    [{ issuer: 'inside' }, ['issuer']],
    [{ issuer: 'inside', secret: { secret: 'SHARED' } }, []],
    [{ jwksUri: 'https://10.0.0.1/jwks' }, ['jwksUri']],
    [{ jwksUri: `${ISSUER}/jwks`, jwks: { keys: [{ kty: 'EC' }] } }, ['jwks']],
    [{ jwks: { keys: [{ kty: 'oct', k: 'x' }] } }, ['jwks.keys.0.kty']],
    [{ jwks: { keys: [{ kty: 'RSA', d: 'x' }] } }, ['jwks.keys.0']],
    [{ algorithms: ['HS256'] }, ['algorithms']],
    [{ algorithms: ['none'] }, ['algorithms.0']],
    [{ algorithms: ['RS256'], secret: { secret: 'SHARED' } }, ['algorithms']],
    [{ secret: { secret: 'WEIR_SECRET' } }, ['secret.secret']],
    [{ audience: [] }, ['audience']],
    [{ admin: { claims: {} } }, ['admin.claims']],
  ])('%j has faults at %j', (settings, expected) => {
    expect(problems(settings)).toEqual(expected);
  });

  it('may name an issuer on loopback in a local run', () => {
    expect(problems({ issuer: 'http://127.0.0.1:3000' }, true)).toEqual([]);
  });
});
