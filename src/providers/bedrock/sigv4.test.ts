import { SignatureV4 } from '@smithy/signature-v4';
import { AwsV4Signer } from 'aws4fetch';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signatureHeaders } from './sigv4.ts';

/** Published with AWS's Signature Version 4 test suite: everything in it is signed with these. */
const EXAMPLE = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const SUITE = { region: 'us-east-1', service: 'service', now: Date.UTC(2015, 7, 30, 12, 36) };
const SESSION =
  'AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==';

describe("AWS's test suite", () => {
  const request = (method: 'GET' | 'POST', headers: { readonly [name: string]: string } = {}, body?: string) => ({
    url: 'https://example.amazonaws.com/',
    method,
    headers,
    ...(body !== undefined && { body }),
  });
  const form = { 'content-type': 'application/x-www-form-urlencoded' };

  it.each([
    ['get-vanilla', request('GET'), EXAMPLE, 'host;x-amz-date', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    ['post-vanilla', request('POST'), EXAMPLE, 'host;x-amz-date', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
    [
      'post-x-www-form-urlencoded',
      request('POST', form, 'Param1=value1'),
      EXAMPLE,
      'content-type;host;x-amz-date',
      'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
    ],
    [
      'post-sts-header-before',
      request('POST'),
      { ...EXAMPLE, sessionToken: SESSION },
      'host;x-amz-date;x-amz-security-token',
      '85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead',
    ],
  ])('%s', async (_name, asked, credentials, names, signature) => {
    const headers = await signatureHeaders(asked, credentials, SUITE);
    expect(headers['x-amz-date']).toBe('20150830T123600Z');
    expect(headers.authorization).toBe(
      `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=${names}, Signature=${signature}`,
    );
  });
});

const encoder = new TextEncoder();
type Data = string | ArrayBuffer | ArrayBufferView;
const bytesOf = (data: Data) =>
  typeof data === 'string'
    ? encoder.encode(data)
    : ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength))
      : new Uint8Array(data);

/** The hash that AWS's signer is handed: plain, or keyed. */
class Sha256 {
  #data = new Uint8Array(0);
  readonly #key: Uint8Array | undefined;
  constructor(key?: Data) {
    this.#key = key === undefined ? undefined : bytesOf(key);
  }
  update(data: Data): void {
    this.#data = new Uint8Array([...this.#data, ...bytesOf(data)]);
  }
  async digest(): Promise<Uint8Array> {
    if (this.#key === undefined) return new Uint8Array(await crypto.subtle.digest('SHA-256', this.#data));
    const key = await crypto.subtle.importKey('raw', this.#key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
    return new Uint8Array(await crypto.subtle.sign('HMAC', key, this.#data));
  }
  reset(): void {
    this.#data = new Uint8Array(0);
  }
}

const call = fc.record({
  model: fc.oneof(
    fc.stringMatching(/^[a-z0-9.:/_!'()* %+~-]{1,40}$/),
    fc.constant('arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0'),
  ),
  body: fc.oneof(fc.string({ unit: 'grapheme' }), fc.uint8Array()),
  sessionToken: fc.option(fc.stringMatching(/^[A-Za-z0-9+/=]{1,60}$/), { nil: undefined }),
  now: fc.integer({ min: 1_600_000_000, max: 1_900_000_000 }).map((seconds) => seconds * 1000),
});
const BEDROCK = { region: 'eu-central-1', service: 'bedrock' };
const HOST = 'bedrock-runtime.eu-central-1.amazonaws.com';
const signatureOf = (authorization: string | null | undefined) => /Signature=([0-9a-f]{64})$/.exec(authorization ?? '')?.[1];

describe('a signed call of Bedrock', () => {
  it("is signed as AWS's own SDK signs it, path and body included", async () => {
    await fc.assert(
      fc.asyncProperty(call, async ({ model, body, sessionToken, now }) => {
        const path = `/model/${encodeURIComponent(model)}/converse`;
        // What a URL makes of dots is the dialect's to refuse.
        fc.pre(new URL(`https://${HOST}${path}`).pathname === path);
        const credentials = { ...EXAMPLE, ...(sessionToken !== undefined && { sessionToken }) };
        const headers = { 'content-type': 'application/json' };
        const ours = await signatureHeaders({ url: `https://${HOST}${path}`, method: 'POST', headers, body }, credentials, {
          ...BEDROCK,
          now,
        });
        const signer = new SignatureV4({ ...BEDROCK, credentials, sha256: Sha256, applyChecksum: false });
        const theirs = await signer.sign(
          { method: 'POST', protocol: 'https:', hostname: HOST, path, headers: { ...headers, host: HOST }, body },
          { signingDate: new Date(now) },
        );
        expect(ours.authorization).toBe(theirs.headers.authorization);
      }),
      { numRuns: 50 },
    );
  });

  it('is signed as another signer of the platform signs it', async () => {
    await fc.assert(
      fc.asyncProperty(call, async ({ model, body, sessionToken, now }) => {
        const url = `https://${HOST}/model/${encodeURIComponent(model)}/converse-stream`;
        const headers = { 'content-type': 'application/json' };
        const ours = await signatureHeaders(
          { url, method: 'POST', headers, body },
          { ...EXAMPLE, ...(sessionToken !== undefined && { sessionToken }) },
          {
            ...BEDROCK,
            now,
          },
        );
        const signer = new AwsV4Signer({
          ...BEDROCK,
          ...EXAMPLE,
          ...(sessionToken !== undefined && { sessionToken }),
          url,
          method: 'POST',
          headers,
          body: typeof body === 'string' ? body : new Uint8Array(body),
          allHeaders: true,
          datetime: ours['x-amz-date'] ?? '',
        });
        const theirs = await signer.sign();
        expect(signatureOf(ours.authorization)).toBe(signatureOf(theirs.headers.get('authorization')));
      }),
      { numRuns: 50 },
    );
  });

  it('leaves what travels on its way to be changed out of the signature', async () => {
    const scope = { ...BEDROCK, now: SUITE.now };
    const asked = {
      url: `https://${HOST}/model/m/converse`,
      method: 'POST' as const,
      headers: { 'content-type': 'application/json' },
      body: '{}',
    };
    const plain = await signatureHeaders(asked, EXAMPLE, scope);
    const travelled = await signatureHeaders({ ...asked, headers: { ...asked.headers, via: '1.1 weir' } }, EXAMPLE, scope);
    expect(travelled).toEqual(plain);
    const other = await signatureHeaders({ ...asked, body: '{} ' }, EXAMPLE, scope);
    expect(other.authorization).not.toBe(plain.authorization);
  });
});
