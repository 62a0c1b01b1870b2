import { beforeAll, describe, expect, it } from 'vitest';
import { encodeBase64 } from '../../core/base64.ts';
import { fakePorts } from '../../core/fakes.ts';
import type { ProviderCall, SignTools } from '../../core/provider.ts';
import { vertex } from './index.ts';

let publicKey: CryptoKey;
let pem: string;
beforeAll(async () => {
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
  const pair = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair;
  publicKey = pair.publicKey;
  const bytes = new Uint8Array((await crypto.subtle.exportKey('pkcs8', pair.privateKey)) as ArrayBuffer);
  pem = `-----BEGIN PRIVATE KEY-----\n${encodeBase64(bytes).replace(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`;
});

const account = (email: string, more: object = {}) =>
  JSON.stringify({
    type: 'service_account',
    project_id: 'own',
    private_key_id: 'k1',
    private_key: pem,
    client_email: email,
    token_uri: 'http://127.0.0.1:1/token',
    ...more,
  });

const NOW = 1_800_000_000_000;
function toolsOf(respond: () => Response, settings: { readonly [name: string]: string } = {}) {
  const ports = fakePorts({ now: NOW, respond });
  const tools: SignTools = { clock: ports.clock, egress: ports.egress, settings, signal: new AbortController().signal };
  return { ports, tools };
}
const request = (url = 'https://aiplatform.googleapis.com/v1/projects//locations/global/publishers/google/models/m:generateContent') => ({
  url,
  method: 'POST' as const,
  headers: {},
  body: '{}',
});
const token =
  (text: string, seconds = 3600) =>
  () =>
    Response.json({ access_token: text, expires_in: seconds, token_type: 'Bearer' });
const decoded = (part: string | undefined) => JSON.parse(atob((part ?? '').replaceAll('-', '+').replaceAll('_', '/'))) as object;

describe('a service account', () => {
  it('changes a JWT it signed itself for a token', async () => {
    const { ports, tools } = toolsOf(token('t-1'));
    const signed = await vertex.sign(request(), account('one@x.example'), tools);
    expect(signed.headers).toEqual({ authorization: 'Bearer t-1' });
    expect(signed.url).toContain('/projects/own/');
    const [asked] = ports.sent;
    const form = new URLSearchParams(String(asked?.body));
    expect(asked).toMatchObject({
      url: 'http://127.0.0.1:1/token',
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(form.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer');
    const [header, claims, signature = ''] = form.get('assertion')?.split('.') ?? [];
    expect(decoded(header)).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'k1' });
    expect(decoded(claims)).toEqual({
      iss: 'one@x.example',
      scope: 'https://www.googleapis.com/auth/cloud-platform',
      aud: 'http://127.0.0.1:1/token',
      iat: NOW / 1000,
      exp: NOW / 1000 + 3600,
    });
    const bytes = Uint8Array.from(atob(signature.replaceAll('-', '+').replaceAll('_', '/')), (byte) => byte.charCodeAt(0));
    expect(await crypto.subtle.verify('RSASSA-PKCS1-v1_5', publicKey, bytes, new TextEncoder().encode(`${header}.${claims}`))).toBe(true);
  });

  it('keeps its token until shortly before its end', async () => {
    let count = 0;
    const { ports, tools } = toolsOf(() => token(`t-${++count}`)());
    const bearer = async (text = account('two@x.example')) =>
      new Headers(Object.entries((await vertex.sign(request(), text, tools)).headers)).get('authorization');
    expect([await bearer(), await bearer()]).toEqual(['Bearer t-1', 'Bearer t-1']);
    expect(await bearer(account('two@x.example', { private_key_id: 'k2' }))).toBe('Bearer t-2');
    ports.clock.advance(54 * 60_000);
    expect(await bearer()).toBe('Bearer t-1');
    ports.clock.advance(2 * 60_000);
    expect(await bearer()).toBe('Bearer t-3');
    expect(ports.sent).toHaveLength(3);
  });

  it('says what its token server said', async () => {
    const refused = toolsOf(() => Response.json({ error: 'invalid_grant', error_description: 'Invalid JWT Signature.' }, { status: 400 }));
    await expect(vertex.sign(request(), account('three@x.example'), refused.tools)).rejects.toMatchObject({
      code: 'upstream_credential',
      message: expect.stringContaining('Invalid JWT Signature.'),
    });
    const down = toolsOf(() => new Response('no', { status: 503 }));
    await expect(vertex.sign(request(), account('three@x.example'), down.tools)).rejects.toMatchObject({
      code: 'upstream_error',
      retryable: true,
    });
  });

  it('is refused where its key is none', async () => {
    const { tools } = toolsOf(token('t'));
    await expect(vertex.sign(request(), account('four@x.example', { private_key: 'nonsense!' }), tools)).rejects.toMatchObject({
      code: 'upstream_credential',
    });
    await expect(vertex.sign(request(), '{"type":"authorized_user"}', tools)).rejects.toThrow('key file of a service account');
  });
});

describe('other credentials', () => {
  it('are a token that somebody else keeps fresh, with a project', async () => {
    const { ports, tools } = toolsOf(token('t'));
    const at = 'https://x-aiplatform.googleapis.com/v1/projects/p/locations/x/publishers/google/models/m:generateContent';
    expect(await vertex.sign(request(at), 'ya29.abc', tools)).toMatchObject({ url: at, headers: { authorization: 'Bearer ya29.abc' } });
    await expect(vertex.sign(request(), 'ya29.abc', tools)).rejects.toMatchObject({ code: 'provider_key_missing' });
    expect(ports.sent).toEqual([]);
  });

  it('are a key of the express mode, which knows no projects', async () => {
    const { tools } = toolsOf(token('t'));
    expect(await vertex.sign(request(), 'AQ.Ab8', tools)).toMatchObject({
      url: 'https://aiplatform.googleapis.com/v1/publishers/google/models/m:generateContent',
      headers: { 'x-goog-api-key': 'AQ.Ab8' },
    });
  });
});

describe('addresses', () => {
  const call = (model: string, stream: boolean, location: string): ProviderCall => ({
    baseUrl: `https://${location}-aiplatform.googleapis.com`,
    dialect: '',
    model,
    stream,
    settings: { project: 'p', location },
  });

  it('are those of the model’s publisher', () => {
    const { gemini, anthropic } = vertex.transports;
    expect(gemini.url?.(call('google/gemini-2.5-pro', true, 'europe-west4'))).toBe(
      'https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/europe-west4/publishers/google/models/gemini-2.5-pro:streamGenerateContent?alt=sse',
    );
    expect(anthropic.url?.(call('claude-opus-5@20260101', false, 'global'))).toBe(
      'https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/anthropic/models/claude-opus-5@20260101:rawPredict',
    );
    expect(anthropic.url?.(call('claude-opus-5', true, 'eu'))).toMatch(
      /^https:\/\/aiplatform\.eu\.rep\.googleapis\.com\/.*:streamRawPredict$/,
    );
    expect(anthropic.patch?.(call('claude-opus-5', true, 'eu'), new Headers())).toEqual({
      model: undefined,
      anthropic_version: 'vertex-2023-10-16',
    });
    for (const model of ['claude-opus-5', 'anthropic/claude-opus-5'])
      expect([gemini.serves?.(model), anthropic.serves?.(model)]).toEqual([false, true]);
    expect([gemini.serves?.('gemini-3-pro'), anthropic.serves?.('gemini-3-pro')]).toEqual([true, false]);
  });
});
