import { readdirSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BOT } from '../../src/identity/mtls/fixtures/certificates.ts';
import { raw } from '../client.ts';
import { startTestGateway, type TestGateway } from '../gateway.ts';
import { documented, publish } from '../identities.ts';

const CI_SIGNING = 'signing-secret-canary-of-thirty-two-bytes';
const MESH_PROOF = 'mesh-proof-canary-5555';
const ISSUER = 'https://issuer.example';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({}, { CI_SIGNING, MESH_PROOF });
  const { publicKey } = await generateKeyPair('RS256');
  const jwt = { ...documented('acme'), issuer: ISSUER, jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: 'k' }] } };
  await publish(gateway, [jwt, documented('builds'), documented('mesh'), documented('devices')]);
});
afterAll(() => gateway?.stop());

/** The same numbers each time, in [0, 1): a linear congruence (Numerical Recipes, section 7.1). */
let state = 20_260_423;
const random = () => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
};
const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
const base64url = (text: string) => Buffer.from(text).toString('base64url');

/** What has broken credential checks elsewhere, and what looks like a credential of ours. */
const PIECES = [
  ...[
    "'",
    '"',
    '`',
    "' OR '1'='1",
    "'; DROP TABLE keys; --",
    'UNION SELECT digest FROM keys',
    '%00',
    '%0d%0a',
    '\\',
    '../../',
    '{{7*7}}',
    '$x',
    '*',
    '%',
  ],
  ...[
    'weir_live_',
    'weir_dev_gateway-key-',
    'weir_admin_',
    'key_dev',
    'null',
    'undefined',
    '__proto__',
    '[object Object]',
    'NaN',
    '-1',
    '1e308',
  ],
  ...['Ã¼', 'ÿ', '\u00a0', '\t', ' ', ',', ';', '=', ':', '.', '..', 'x'.repeat(500), '0123456789abcdef', 'sk-', 'eyJ', '{"alg":"none"}'],
];
const junk = () => Array.from({ length: 1 + Math.floor(random() * 6) }, () => pick(PIECES)).join('');

function token(): string {
  const header = pick([
    { alg: 'none' },
    { alg: 'HS256', kid: 'k' },
    { alg: 'RS256', kid: 'k' },
    { alg: 'RS256', kid: junk(), jku: 'http://127.0.0.1:1/' },
    { alg: pick(['RS256', 'ES256', 'EdDSA', 'PS512', 'RSA-OAEP', '']), typ: junk(), crit: [junk()] },
    { alg: 'RS256', kid: 'k', b64: false, crit: ['b64'] },
    junk(),
  ]);
  const payload = pick([
    { iss: ISSUER, aud: 'https://ai.acme.example', exp: 9_999_999_999, sub: junk(), scope: 'ai:use', client_id: 'dev' },
    { iss: ISSUER, exp: junk(), aud: [junk()] },
    { iss: ISSUER, nbf: -1, exp: 1e308 },
    { iss: junk() },
    [ISSUER],
    junk(),
  ]);
  return `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(payload))}.${pick(['', 'AAAA', base64url(junk()), 'A'.repeat(342)])}`;
}

const credential = () => (random() < 0.4 ? token() : junk());
const signatureInput = () =>
  pick([
    junk(),
    `sig=("@method" "@target-uri");created=${Math.floor(Date.now() / 1000)};keyid="${pick(['ci-1', 'ci-2', junk().replaceAll('"', '')])}";nonce="${Math.floor(random() * 1e9)}"`,
    `sig=(${'"@method" '.repeat(20)});created=0`,
    `sig=("@method" "@path" "@query" "content-digest");created=${Math.floor(Date.now() / 1000)};keyid="ci-1";nonce="n";alg="${junk().replaceAll('"', '')}"`,
  ]);

/** Every place in which a credential can stand. */
const PLACES: readonly (() => { readonly headers?: Record<string, string>; readonly query?: string })[] = [
  () => ({ headers: { authorization: `${pick(['Bearer ', 'bearer  ', 'Bearer', ''])}${credential()}` } }),
  () => ({
    headers: {
      authorization: `Basic ${pick([credential(), Buffer.from(`${junk()}:${credential()}`).toString('base64'), Buffer.from(junk()).toString('base64')])}`,
    },
  }),
  () => ({ headers: { authorization: `${pick(['Digest', 'DPoP', 'AWS4-HMAC-SHA256', 'Weir', 'Signature'])} ${junk()}` } }),
  ...['x-weir-key', 'x-api-key', 'api-key', 'x-goog-api-key'].map((name) => () => ({ headers: { [name]: credential() } })),
  () => ({ query: `?key=${encodeURIComponent(credential())}` }),
  () => ({ query: `?key=${junk().replace(/[^\w.~!$&'()*+,;=:@/?%-]/g, '')}` }),
  () => ({ headers: { 'sec-websocket-protocol': `realtime, openai-insecure-api-key.${credential()}` } }),
  () => ({
    headers: {
      'signature-input': signatureInput(),
      signature: pick(['sig=:AAAA:', `sig=:${'A'.repeat(86)}==:`, junk()]),
      'content-digest': junk(),
    },
  }),
  () => ({
    headers: {
      'x-mesh-proof': pick([MESH_PROOF, junk()]),
      'x-forwarded-client-cert': pick([junk(), `Cert="${junk()}"`, `Hash=${'0'.repeat(64)};URI=spiffe://evil`, `Hash=${junk()}`]),
    },
  }),
  () => ({
    headers: {
      'client-cert': `:${BOT}:`,
      'mf-cf-blob': JSON.stringify({
        tlsClientAuth: { certPresented: '1', certVerified: 'SUCCESS', certRevoked: '0', certIssuerDNRFC2253: 'CN=Devices,O=Acme' },
      }),
    },
  }),
  () => ({
    headers: { cookie: `weir=${junk()}`, 'x-user': junk(), 'x-tenant': junk(), 'x-forwarded-user': 'admin', 'x-forwarded-for': junk() },
  }),
];

const WAYS: readonly { readonly method: string; readonly path: string }[] = [
  { method: 'POST', path: '/v1/chat/completions' },
  { method: 'POST', path: '/v1/messages' },
  { method: 'POST', path: '/v1beta/models/up/x:generateContent' },
  { method: 'POST', path: '/model/up%2Fx/converse' },
  { method: 'POST', path: '/v1/responses' },
  { method: 'POST', path: '/v1/embeddings' },
  { method: 'GET', path: '/v1/models' },
  { method: 'GET', path: '/v1/responses/resp_x' },
  { method: 'GET', path: '/v1/files' },
  { method: 'GET', path: '/admin/v1/keys' },
  { method: 'POST', path: '/admin/v1/keys' },
];

const agent = new Agent({ keepAlive: true, maxSockets: 24 });
afterAll(() => agent.destroy());

interface Answer {
  readonly status: number;
  readonly text: string;
}

function send(method: string, path: string, headers: Record<string, string>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    // Headers travel as Latin-1; what cannot stand in one is not a credential that could arrive.
    const safe = Object.entries(headers).map(([name, value]) => [name, value.replace(/[^\t\x20-\x7e\x80-\xff]/g, '')] as const);
    const { hostname, port } = new URL(gateway.url);
    const request = httpRequest(
      { agent, hostname, port, method, path, headers: { 'content-type': 'application/json', ...Object.fromEntries(safe) } },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (piece: string) => {
          text += piece;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end(method === 'POST' ? '{}' : undefined);
  });
}

/** Databases and objects that there are. */
const stored = () =>
  readdirSync(gateway.stateDir, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.sqlite'))
    .sort();

const LEAKS = /SQLITE|D1_ERROR|SELECT |syntax error|prepare|\bat .*\.(?:ts|js):\d|stack|canary/i;

/** As many as there is time for on a slow machine. */
const MOST = 10_000;
const LEAST = 1_500;
const MOST_TIME = 20_000;

it('ten thousand credentials that were made up are 401, wherever they stand, and leave nothing behind', async () => {
  const before = stored();
  const end = Date.now() + MOST_TIME;
  const wrong: string[] = [];
  let sent = 0;
  const worker = async () => {
    while (sent < MOST && (sent < LEAST || Date.now() < end)) {
      sent += 1;
      const { headers = {}, query = '' } = pick(PLACES)();
      const { method, path } = pick(WAYS);
      const { status, text } = await send(method, path + query, headers);
      if (status !== 401 || LEAKS.test(text))
        wrong.push(`${status} ${method} ${path}${query} ${JSON.stringify(headers).slice(0, 300)} ${text.slice(0, 200)}`);
    }
  };
  await Promise.all(Array.from({ length: 24 }, worker));
  expect(wrong.slice(0, 5)).toEqual([]);
  expect(gateway.upstream.journal.all).toEqual([]);
  expect(stored()).toEqual(before);
  const rows = (await (await gateway.admin('/requests')).json()) as { items: unknown[] };
  expect(rows.items).toEqual([]);
}, 120_000);

it.each([
  ['a NUL', 'weir_live_\u0000'],
  ['bytes that are no UTF-8', '\u00c3\u0028\u00ff'],
  ['a line that goes on', 'weir\r\n x'],
  ['sixteen kilobytes', 'x'.repeat(16 * 1024)],
  ['a megabyte', 'x'.repeat(1_000_000)],
])('%s in a header is refused before anybody looks', async (_what, value) => {
  for (const name of ['Authorization: Bearer ', 'x-api-key: ', 'Authorization: Basic ']) {
    const text = await raw(
      gateway.url,
      Buffer.from(`GET /v1/models HTTP/1.1\r\nHost: x\r\n${name}${value}\r\nConnection: close\r\n\r\n`, 'latin1'),
    );
    expect(text.slice(0, 12), name).toMatch(/^HTTP\/1\.1 (?:400|401|431)$|^$/);
  }
});
