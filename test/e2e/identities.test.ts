import { createHash, createHmac, generateKeyPairSync, randomUUID, sign as signBytes, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BOT, BOT_FINGERPRINT, pem } from '../../src/identity/mtls/fixtures/certificates.ts';
import { callOf } from '../client.ts';
import { KEY, startTestGateway, type TestGateway } from '../gateway.ts';
import { bearer, call, documented, publish } from '../identities.ts';
import { ask, type MadeKey, make, makeKey } from '../tenants.ts';

const CI_SIGNING = 'signing-secret-canary-of-thirty-two-bytes';
const MESH_PROOF = 'mesh-proof-canary-5555';
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const rawPublic = publicKey.export({ format: 'jwk' }).x ?? '';

let gateway: TestGateway;
let key: MadeKey;

beforeAll(async () => {
  gateway = await startTestGateway({}, { CI_SIGNING, MESH_PROOF });
  const org = await make(gateway, 'orgs', { name: 'acme' });
  const team = await make(gateway, 'teams', { name: 'all', org: org.id });
  for (const name of ['builds', 'services', 'playground']) await make(gateway, 'apps', { name, team: team.id });
  await make(gateway, 'apps', { name: 'fenced', team: team.id, models: ['ant/*'], ips: ['192.0.2.0/24'] });
  key = await makeKey(gateway, { app: 'builds', name: 'k' });
  await configure();
});
afterAll(() => gateway?.stop());

const builds = () => {
  const entry = documented('builds');
  const [first, second] = entry.keys as readonly object[];
  return { ...entry, keys: [first, { ...second, publicKey: rawPublic }] };
};
const configure = (...more: readonly object[]) => publish(gateway, [builds(), documented('mesh'), ...more]);

const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });

describe('Authorization: Basic', () => {
  it.each([
    ['the password', (secret: string) => `anybody:${secret}`],
    ['the user name', (secret: string) => `${secret}:`],
    ['the user name, with another password', (secret: string) => `${secret}:x`],
    ['all there is', (secret: string) => secret],
  ])('holds a key as %s, which is not handed on', async (_place, text) => {
    for (const secret of [key.key, KEY]) {
      const mark = 'id=basic';
      expect((await call(gateway, basic(text(secret)), { model: `up/ok/text?${mark}` })).status).toBe(200);
      const seen = gateway.upstream.journal.of(mark).at(-1);
      expect(`${seen?.rawHeaders.join('\n')}${seen?.body}`).not.toContain(secret);
    }
  });

  it('is a wrong credential where it holds none, and belongs to somebody else beside a key', async () => {
    expect(await call(gateway, basic('ann:secret'))).toMatchObject({ status: 401, code: 'invalid_key' });
    expect((await call(gateway, { ...basic('ann:secret'), 'x-weir-key': key.key })).status).toBe(200);
    expect((await call(gateway, { ...basic('ann:secret'), 'x-api-key': key.key })).status).toBe(200);
  });
});

const BODY = JSON.stringify(callOf('openai', 'up/ok/text'));

/** As the page tells clients to do it. */
function signed(
  keyid: string,
  { secret = CI_SIGNING, body = BODY, nonce = randomUUID() as string, created = Math.floor(Date.now() / 1000) } = {},
) {
  const digest = `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;
  const input = `("@method" "@target-uri" "content-digest");created=${created};keyid="${keyid}";nonce="${nonce}"`;
  const base = `"@method": POST\n"@target-uri": ${gateway.url}/v1/chat/completions\n"content-digest": ${digest}\n"@signature-params": ${input}`;
  const signature = keyid === 'ci-2' ? signBytes(null, Buffer.from(base), privateKey) : createHmac('sha256', secret).update(base).digest();
  return { 'content-digest': digest, 'signature-input': `sig=${input}`, signature: `sig=:${signature.toString('base64')}:` };
}

const send = async (headers: { readonly [name: string]: string }, body = BODY) => {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  const text = await response.text();
  return { status: response.status, requestId: response.headers.get('x-weir-request-id'), text };
};

describe('a signed request', () => {
  it.each(['ci-1', 'ci-2'])('is served as the app of its key, with its whole body: %s', async (keyid) => {
    const served = await send(signed(keyid));
    expect(served.status, served.text).toBe(200);
    expect(await gateway.row(served.requestId)).toMatchObject({ keyId: 'signature:builds', user: keyid, askedModel: 'up/ok/text' });
  });

  it('is refused a second time, with another body, by another secret, and when it is old', async () => {
    const headers = signed('ci-1');
    expect((await send(headers)).status).toBe(200);
    expect((await send(headers)).status).toBe(401);
    // What was used stays used when another part of the configuration changes.
    await configure({ use: 'mtls', name: 'another', as: { app: 'services' } });
    expect((await send(headers)).status).toBe(401);
    expect((await send(signed('ci-1'), BODY.replace('Hello', 'Goodbye'))).status).toBe(401);
    expect((await send(signed('ci-1', { secret: `${CI_SIGNING}.` }))).status).toBe(401);
    expect((await send(signed('ci-1', { created: Math.floor(Date.now() / 1000) - 130 }))).status).toBe(401);
  });

  it('of a large body is read once for its digest and once for the call', async () => {
    const body = JSON.stringify(callOf('openai', 'up/ok/text', { messages: [{ role: 'user', content: 'x'.repeat(2_000_000) }] }));
    const served = await send(signed('ci-1', { body }), body);
    expect(served.status, served.text).toBe(200);
  });
});

describe('a client certificate', () => {
  const cert = { 'x-forwarded-client-cert': `Cert="${encodeURIComponent(pem(BOT))}"` };

  it('is the fixture that it is meant to be', () => {
    expect(new X509Certificate(Buffer.from(BOT, 'base64')).fingerprint256.replaceAll(':', '').toLowerCase()).toBe(BOT_FINGERPRINT);
  });

  it('is taken from the proxy', async () => {
    const served = await call(gateway, { ...cert, 'x-mesh-proof': MESH_PROOF });
    expect(served.status, served.text).toBe(200);
    expect(await gateway.row(served.headers.get('x-weir-request-id'))).toMatchObject({
      keyId: 'mtls:mesh',
      user: 'spiffe://acme.example/ns/prod/sa/bot',
    });
  });

  const tls = JSON.stringify({
    tlsClientAuth: { certPresented: '1', certVerified: 'SUCCESS', certRevoked: '0', certFingerprintSHA256: BOT_FINGERPRINT },
  });
  it.each([
    ['the header alone', cert],
    ['a wrong proof', { ...cert, 'x-mesh-proof': `${MESH_PROOF}x` }],
    ['an empty proof', { ...cert, 'x-mesh-proof': '' }],
    ['another header', { 'client-cert': `:${BOT}:`, 'x-mesh-proof': MESH_PROOF }],
    ['headers of Cloudflare', { 'cf-client-cert-verified': 'true', 'cf-cert-verified': 'true', 'cf-client-cert-der-base64': BOT }],
    ['what the simulator of Workers reads', { 'mf-cf-blob': tls, 'cf-blob': tls }],
    [
      'headers that name somebody',
      { 'x-user': 'root', 'x-tenant': 'org_dev', 'x-weir-user': 'root', 'x-weir-app': 'app_dev', 'x-forwarded-user': 'root' },
    ],
  ])('is taken from nobody else: %s', async (_what, headers) => {
    await configure({ use: 'mtls', name: 'edge', as: { app: 'services' } });
    expect(await call(gateway, headers)).toMatchObject({ status: 401, code: 'missing_key' });
  });
});

describe('anybody', () => {
  const open = () => documented('public');

  it('may not ask where the configuration does not say so', async () => {
    await configure();
    expect(await call(gateway, {})).toMatchObject({ status: 401, code: 'missing_key' });
  });

  it('may where it does, each held to limits of his own', async () => {
    await configure({ ...open(), limits: [{ unit: 'requests', limit: 2, window: 'day' }] });
    const from = (ip: string) => call(gateway, { 'cf-connecting-ip': ip, 'x-weir-user': randomUUID(), 'x-forwarded-for': randomUUID() });
    const first = await from('192.0.2.1');
    expect(first.status, first.text).toBe(200);
    expect(await gateway.row(first.headers.get('x-weir-request-id'))).toMatchObject({ keyId: 'anonymous:public', user: '192.0.2.1' });
    expect((await from('192.0.2.1')).status).toBe(200);
    expect(await from('192.0.2.1')).toMatchObject({ status: 400, code: 'budget_exceeded' });
    expect((await from('192.0.2.2')).status).toBe(200);
    expect((await from('2001:db8::1')).status).toBe(200);
    expect((await from('2001:db8::2:1')).status).toBe(200);
    expect((await from('2001:db8::3:1')).status).toBe(400);
  });

  it('holds to the limit exactly, however many come at once', async () => {
    await configure({ ...open(), name: 'burst', limits: [{ unit: 'requests', limit: 7, window: 'day' }] });
    const answers = await Promise.all(Array.from({ length: 40 }, () => call(gateway, { 'cf-connecting-ip': '192.0.2.77' })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(7);
    expect(answers.filter(({ code }) => code === 'budget_exceeded')).toHaveLength(33);
  });

  it('is not who shows something wrong', async () => {
    await configure(open());
    for (const headers of [bearer('weir_dev_wrong'), basic('a:b'), { 'x-api-key': 'nope' }, bearer('a.b.c'), signed('ci-9')]) {
      expect(await call(gateway, headers)).toMatchObject({ status: 401, code: 'invalid_key' });
    }
    expect((await call(gateway, {})).status).toBe(200);
  });

  it('is held to the lists of its app, too', async () => {
    await configure({ ...open(), as: { org: 'acme', app: 'fenced' } });
    expect(await call(gateway, {}, { model: 'ant/ok/text' })).toMatchObject({ status: 403, code: 'not_allowed' });
    const inside = { 'cf-connecting-ip': '192.0.2.9' };
    expect((await call(gateway, inside, { model: 'ant/ok/text' })).status).toBe(200);
    expect(await call(gateway, inside, { model: 'up/ok/text' })).toMatchObject({ status: 403, code: 'model_not_allowed' });
  });
});

it('the configuration refuses what would let in more than is meant', async () => {
  const refused = async (entry: object) => {
    const answer = await ask(gateway, 'PUT', '/config?dryRun=true', { identities: [entry] });
    return (answer.body.problems as { path: string }[]).map(({ path }) => path);
  };
  const { limits: _, ...free } = documented('public');
  expect(await refused(free)).toEqual(['identities[0].limits']);
  expect(await refused({ ...documented('mesh'), proxy: { header: 'client-cert' } })).toEqual(['identities[0].proxy.proof']);
  expect(await refused({ ...documented('acme'), as: { app: '{claims.azp}' } })).toEqual(['identities[0].as.org']);
  expect(await refused(documented('acme'))).toEqual([]);
  expect(await refused(documented('devices'))).toEqual([]);
});
