import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBase64 } from '../../core/base64.ts';
import { fakePorts } from '../../core/fakes.ts';
import { readCertificate } from './der.ts';
import { BOT, BOT_FINGERPRINT, BOT_SUBJECT, OTHER, pem } from './fixtures/certificates.ts';
import { mtls } from './mtls.ts';

const PROOF = 'the proxy is the proxy';
const ports = fakePorts({ secrets: { MESH_PROOF: PROOF } });
const proven = { 'x-mesh-proof': PROOF };
const viaProxy = (header: string, match?: object) => ({
  proxy: { header, proof: { header: 'x-mesh-proof', secret: 'MESH_PROOF' } },
  ...(match === undefined ? {} : { match }),
});

const prove = async (settings: object, headers: { readonly [name: string]: string }, tlsClientAuth?: object, token?: string) => {
  const request = new Request('https://weir.example/v1/models', { headers });
  const witness = mtls.witness(mtls.config.parse(settings), 'test');
  return witness.prove({ request, mostBody: 1, tlsClient: tlsClientAuth, ...(token === undefined ? {} : { token }) }, ports);
};

const verified = {
  certPresented: '1',
  certVerified: 'SUCCESS',
  certRevoked: '0',
  certFingerprintSHA256: BOT_FINGERPRINT.toUpperCase(),
  certSubjectDNRFC2253: BOT_SUBJECT,
  certIssuerDNRFC2253: 'CN=Devices,O=Acme',
  certSerial: '0A',
};

describe('a certificate that Cloudflare verified', () => {
  it('says who it is', async () => {
    expect(await prove({}, {}, verified)).toEqual({
      facts: {
        cert: {
          fingerprint: BOT_FINGERPRINT,
          subject: BOT_SUBJECT,
          issuer: 'CN=Devices,O=Acme',
          serial: '0A',
          CN: 'build, O=Evil',
          OU: 'bots',
          UID: '7',
          O: 'Acme, Inc.',
          C: 'DE',
        },
      },
    });
  });

  it.each([
    [{ fingerprint: [BOT_FINGERPRINT.toUpperCase()] }, true],
    [{ fingerprint: ['0'.repeat(64), BOT_FINGERPRINT] }, true],
    [{ fingerprint: ['0'.repeat(64)] }, false],
    [{ subject: [BOT_SUBJECT] }, true],
    [{ subject: ['CN=build, O=Evil'] }, false],
    [{ subject: ['*'] }, false],
    [{ issuer: ['CN=Devices,O=Acme'], subject: [BOT_SUBJECT] }, true],
    [{ issuer: ['CN=Others,O=Acme'], subject: [BOT_SUBJECT] }, false],
  ])('is meant by all that is asked for: %j', async (match, meant) => {
    expect((await prove({ match }, {}, verified)) !== undefined).toBe(meant);
  });

  it.each([
    [{ ...verified, certVerified: 'FAILED:self signed certificate' }],
    [{ ...verified, certRevoked: '1' }],
    [{ ...verified, certRevoked: undefined }],
    [{ ...verified, certVerified: 'NONE' }],
  ])('is refused where it is not good', async (said) => {
    await expect(prove({}, {}, said)).rejects.toMatchObject({ code: 'invalid_key', status: 401 });
  });

  it('is nothing where none was shown, where a token was, and from a header', async () => {
    expect(await prove({}, {}, { ...verified, certPresented: '0' })).toBeUndefined();
    expect(await prove({}, {}, verified, 'a.b.c')).toBeUndefined();
    expect(await prove({}, { 'client-cert': `:${BOT}:`, 'cf-client-cert': BOT, ...proven })).toBeUndefined();
  });
});

describe('a certificate that a proxy hands on', () => {
  const envoy = 'x-forwarded-client-cert';
  const whole = {
    fingerprint: BOT_FINGERPRINT,
    subject: BOT_SUBJECT,
    CN: 'build, O=Evil',
    O: 'Acme, Inc.',
    dns: ['bot.acme.example', '*.bots.acme.example'],
  };

  it.each([
    ['client-cert', `:${BOT}:`],
    ['x-ssl-client-cert', encodeURIComponent(pem(BOT))],
    ['x-amzn-mtls-clientcert-leaf', encodeURIComponent(pem(BOT)).replaceAll('%2B', '%2b')],
    [envoy, `By=spiffe://x;Hash=${'0'.repeat(64)};Cert="${encodeURIComponent(pem(BOT))}";Subject="CN=root"`],
  ])('is read in the form of %s', async (header, value) => {
    expect(await prove(viaProxy(header), { [header]: value, ...proven })).toMatchObject({
      facts: { cert: { ...whole, uri: ['spiffe://acme.example/ns/prod/sa/bot'], email: ['bot@acme.example'] } },
    });
  });

  it('is read from what Envoy says of it', async () => {
    const value = `By=spiffe://x;Hash=${BOT_FINGERPRINT};Subject="CN=a\\"b,O=Acme\\\\, Inc.";URI=spiffe://acme.example/ns/prod/sa/bot;DNS=a.example;DNS=b.example`;
    expect(await prove(viaProxy(envoy), { [envoy]: value, ...proven })).toEqual({
      facts: {
        cert: {
          fingerprint: BOT_FINGERPRINT,
          subject: 'CN=a"b,O=Acme\\, Inc.',
          CN: 'a"b',
          O: 'Acme, Inc.',
          uri: ['spiffe://acme.example/ns/prod/sa/bot'],
          dns: ['a.example', 'b.example'],
        },
      },
    });
  });

  it.each([
    [{ uri: ['spiffe://acme.example/ns/prod/*'] }, true],
    [{ uri: ['spiffe://acme.example/ns/test/*'] }, false],
    [{ dns: ['BOT.acme.example'] }, true],
    [{ dns: ['acme.example'] }, false],
    [{ email: ['*@acme.example'], dns: ['bot.*'] }, true],
    [{ email: ['*@acme.example'], dns: ['other.*'] }, false],
  ])('is meant by its alternative names: %j', async (match, meant) => {
    expect((await prove(viaProxy('client-cert', match), { 'client-cert': `:${BOT}:`, ...proven })) !== undefined).toBe(meant);
    expect(await prove(viaProxy('client-cert', match), { 'client-cert': `:${OTHER}:`, ...proven })).toBeUndefined();
  });

  it.each([
    [{}],
    [{ 'x-mesh-proof': '' }],
    [{ 'x-mesh-proof': `${PROOF}.` }],
    [{ 'x-mesh-proof': PROOF.slice(1) }],
    [{ 'x-mesh-proof': `${PROOF}, ${PROOF}` }],
    [{ 'x-mesh-other': PROOF }],
  ])('is nothing from who is not the proxy: %j', async (headers) => {
    expect(await prove(viaProxy('client-cert'), { 'client-cert': `:${BOT}:`, ...headers })).toBeUndefined();
  });

  it('is nothing where the operator has not set the secret', async () => {
    const settings = { proxy: { header: 'client-cert', proof: { header: 'x-mesh-proof', secret: 'ABSENT' } } };
    for (const shown of ['', 'undefined'])
      expect(await prove(settings, { 'client-cert': `:${BOT}:`, 'x-mesh-proof': shown })).toBeUndefined();
  });

  it.each([
    ['client-cert', ''],
    ['client-cert', BOT],
    ['client-cert', `:${BOT.slice(0, 400)}:`],
    ['client-cert', `:${BOT}:, :${OTHER}:`],
    ['client-cert', ':!:'],
    ['client-cert', '%%%'],
    [envoy, `Hash=${BOT_FINGERPRINT},Hash=${BOT_FINGERPRINT}`],
    [envoy, 'Subject="CN=root"'],
    [envoy, 'Hash=abc'],
    [envoy, `Hash=${BOT_FINGERPRINT};Subject="CN=ro`],
    [envoy, ''],
  ])('is refused where it cannot be read: %s %s', async (header, value) => {
    await expect(prove(viaProxy(header), { [header]: value, ...proven })).rejects.toMatchObject({ code: 'invalid_key' });
  });
});

it('reading a certificate bears any damage', () => {
  const bytes = decodeBase64(BOT) ?? new Uint8Array();
  expect(readCertificate(bytes)?.subject).toBe(BOT_SUBJECT);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
      fc.nat(bytes.length),
      (edits, length) => {
        const broken = bytes.slice();
        for (const [at, byte] of edits) broken[at] = byte;
        readCertificate(broken);
        expect(readCertificate(broken.subarray(0, Math.min(length, bytes.length - 1)))).toBeUndefined();
      },
    ),
    { numRuns: 2_000 },
  );
});

it('alternative names are not asked for where Cloudflare says none', () => {
  const problems = (settings: object) => mtls.problems?.(mtls.config.parse(settings), { local: false }).map(({ path }) => path);
  expect(problems({ match: { dns: ['a'], uri: ['b'] } })).toEqual(['match.dns', 'match.uri']);
  expect(problems(viaProxy('client-cert', { dns: ['a'] }))).toEqual([]);
  expect(mtls.config.safeParse({ proxy: { header: 'client-cert' } }).success).toBe(false);
  expect(mtls.config.safeParse(viaProxy('client-cert')).success).toBe(true);
  expect(mtls.config.safeParse({ proxy: { header: 'client-cert', proof: { header: 'x', secret: 'WEIR_ADMIN_TOKEN' } } }).success).toBe(
    false,
  );
});
