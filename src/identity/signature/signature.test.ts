import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeBase64 } from '../../core/base64.ts';
import { GatewayError } from '../../core/errors.ts';
import { fakePorts } from '../../core/fakes.ts';
import { signatureBase } from './base.ts';
import { readByteSequences, readSignatureInput } from './fields.ts';
import { Nonces } from './nonces.ts';
import { signature } from './signature.ts';

const NOW = 1_800_000_000;
const SECRET = 'a shared secret of at least 32 bytes';
const BODY = '{"model":"m"}';
const URL_OF = 'https://weir.example/v1/chat/completions?a=1';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const base64 = (buffer: ArrayBuffer) => encodeBase64(new Uint8Array(buffer));
const digestOf = async (body: string) => `sha-256=:${base64(await crypto.subtle.digest('SHA-256', bytesOf(body)))}:`;

let pair: CryptoKeyPair;
let publicKey: string;
beforeAll(async () => {
  pair = (await crypto.subtle.generateKey({ name: 'Ed25519' }, true, ['sign', 'verify'])) as CryptoKeyPair;
  publicKey = base64((await crypto.subtle.exportKey('raw', pair.publicKey)) as ArrayBuffer);
});

const hmac = async (text: string, secret = SECRET) => {
  const key = await crypto.subtle.importKey('raw', bytesOf(secret), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return base64(await crypto.subtle.sign('HMAC', key, bytesOf(text)));
};

interface Making {
  readonly method?: string;
  readonly url?: string;
  readonly body?: string | null;
  readonly headers?: { readonly [name: string]: string };
  readonly components?: readonly string[];
  readonly parameters?: string;
  readonly sign?: (base: string) => Promise<string>;
}

let count = 0;
const usual = (parts = '') => `;created=${NOW};keyid="ci-1";nonce="n-${count++}"${parts}`;

/** A request signed by hand: not with the code that checks it. */
async function signed({
  method = 'POST',
  url = URL_OF,
  body = BODY,
  headers = {},
  components = ['@method', '@target-uri', 'content-digest'],
  parameters = usual(),
  sign = hmac,
}: Making = {}): Promise<Request> {
  const all: Record<string, string> = { ...(body === null ? {} : { 'content-digest': await digestOf(body) }), ...headers };
  const { pathname, search, host } = new URL(url);
  const derived: Record<string, string> = {
    '@method': method,
    '@target-uri': url,
    '@path': pathname,
    '@query': search === '' ? '?' : search,
    '@authority': host,
  };
  const input = `(${components.map((name) => `"${name}"`).join(' ')})${parameters}`;
  const base = [...components.map((name) => `"${name}": ${derived[name] ?? all[name] ?? ''}`), `"@signature-params": ${input}`].join('\n');
  all['signature-input'] = `sig1=${input}`;
  all.signature = `sig1=:${await sign(base)}:`;
  return new Request(url, { method, headers: all, ...(body === null ? {} : { body }) });
}

function setUp(settings: object = {}) {
  const ports = fakePorts({ now: NOW * 1000, secrets: { CI_SIGNING: SECRET, SHORT: 'short' } });
  const keys = [
    { id: 'ci-1', secret: { secret: 'CI_SIGNING' } },
    { id: 'ci-2', publicKey },
    { id: 'short', secret: { secret: 'SHORT' } },
    { id: 'absent', secret: { secret: 'ABSENT' } },
  ];
  const witness = signature.witness(signature.config.parse({ keys, ...settings }), 'test');
  const prove = async (request: Request, token?: string) =>
    witness.prove({ request, mostBody: 1_000, ...(token === undefined ? {} : { token }) }, ports);
  return { prove, ports };
}

const refused = async (request: Request, settings: object = {}): Promise<GatewayError> => {
  const thrown: unknown = await setUp(settings)
    .prove(request)
    .catch((error: unknown) => error);
  if (!(thrown instanceof GatewayError)) throw new Error(`no refusal: ${JSON.stringify(thrown)}`);
  return thrown;
};

describe('the signature base', () => {
  const request = () =>
    new Request('https://example.com/foo?param=Value&Pet=dog', {
      method: 'POST',
      headers: { date: 'Tue, 20 Apr 2021 02:07:55 GMT', 'content-type': 'application/json', 'content-length': '18' },
    });
  const input = (text: string) => {
    const read = readSignatureInput(`sig=${text}`)?.get('sig');
    if (read === undefined) throw new Error('not read');
    return read;
  };

  // RFC 9421, appendix B.2.5 and B.2.6.
  it('is that of the RFC’s examples', async () => {
    const shared =
      signatureBase(request(), input('("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"')) ?? '';
    const secret = Uint8Array.from(
      atob('uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=='),
      (each) => each.charCodeAt(0),
    );
    const key = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
    expect(base64(await crypto.subtle.sign('HMAC', key, bytesOf(shared)))).toBe('pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=');
    const ed =
      signatureBase(
        request(),
        input('("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"'),
      ) ?? '';
    const raw = Uint8Array.from(atob('JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs='), (each) => each.charCodeAt(0));
    const ed25519 = await crypto.subtle.importKey('raw', raw, { name: 'Ed25519' }, false, ['verify']);
    const bytes = Uint8Array.from(
      atob('wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=='),
      (each) => each.charCodeAt(0),
    );
    expect(await crypto.subtle.verify({ name: 'Ed25519' }, ed25519, bytes, bytesOf(ed))).toBe(true);
  });

  it('is none of what the request does not have, of what is said twice, and of what is not known', () => {
    for (const text of [
      '("x-absent")',
      '("@method" "@method")',
      '("@status")',
      '("@query-param")',
      '("__proto__")',
      '("@constructor")',
      '("Date")',
    ]) {
      expect(signatureBase(request(), input(text)), text).toBeUndefined();
    }
  });

  it('is written from what was understood', () => {
    expect(input('( "a"   "b" );created=5; x;y=?0;z="q\\"\\\\"; w=tok/en').text).toBe('("a" "b");created=5;x;y=?0;z="q\\"\\\\";w=tok/en');
  });
});

describe('a signed request', () => {
  it.each([
    ['a shared secret', {}],
    ['path and query apart', { components: ['@method', '@path', '@query', 'content-digest', '@authority'] }],
    [
      'an address without a query',
      { url: 'https://weir.example/v1/chat/completions', components: ['@method', '@path', '@query', 'content-digest'] },
    ],
    ['the algorithm named', { parameters: `;created=${NOW};keyid="ci-1";nonce="named";alg="hmac-sha256"` }],
    ['no body', { method: 'GET', body: null, components: ['@method', '@target-uri'] }],
    ['an end', { parameters: `;created=${NOW - 10};expires=${NOW + 10};keyid="ci-1";nonce="end"` }],
  ] as const)('is good with %s', async (_how, making) => {
    expect(await setUp().prove(await signed(making))).toEqual({ facts: { keyid: 'ci-1' } });
  });

  it('is good with a private key, and leaves its body to be read', async () => {
    const sign = async (base: string) => base64(await crypto.subtle.sign({ name: 'Ed25519' }, pair.privateKey, bytesOf(base)));
    const request = await signed({ parameters: `;created=${NOW};keyid="ci-2";nonce="x";alg="ed25519"`, sign });
    expect(await setUp().prove(request)).toEqual({ facts: { keyid: 'ci-2' } });
    expect(await request.text()).toBe(BODY);
  });

  it('is not looked at beside a token, or without a signature', async () => {
    const { prove } = setUp();
    expect(await prove(await signed(), 'a.b.c')).toBeUndefined();
    expect(await prove(new Request(URL_OF))).toBeUndefined();
  });

  it('may carry signatures for others', async () => {
    const request = await signed();
    request.headers.set('signature-input', `other=("@method");keyid="x", ${request.headers.get('signature-input')}`);
    request.headers.set('signature', `other=:AAAA:, ${request.headers.get('signature')}`);
    expect(await setUp().prove(request)).toBeDefined();
  });

  const rejected: readonly (readonly [string, Making])[] = [
    ['too old', { parameters: `;created=${NOW - 301};keyid="ci-1";nonce="a"` }],
    ['from the future', { parameters: `;created=${NOW + 61};keyid="ci-1";nonce="a"` }],
    ['of no time', { parameters: ';keyid="ci-1";nonce="a"' }],
    ['of a time that is text', { parameters: `;created="${NOW}";keyid="ci-1";nonce="a"` }],
    ['over', { parameters: `;created=${NOW - 10};expires=${NOW};keyid="ci-1";nonce="a"` }],
    ['over at a time that is text', { parameters: `;created=${NOW};expires="9";keyid="ci-1";nonce="a"` }],
    ['without a nonce', { parameters: `;created=${NOW};keyid="ci-1"` }],
    ['with an empty nonce', { parameters: `;created=${NOW};keyid="ci-1";nonce=""` }],
    ['with a long nonce', { parameters: `;created=${NOW};keyid="ci-1";nonce="${'x'.repeat(257)}"` }],
    ['without a key', { parameters: `;created=${NOW};nonce="a"` }],
    ['by an unknown key', { parameters: `;created=${NOW};keyid="ci-9";nonce="a"` }],
    ['by a key whose secret is short', { parameters: `;created=${NOW};keyid="short";nonce="a"`, sign: (base) => hmac(base, 'short') }],
    [
      'by a key whose secret is not set',
      { parameters: `;created=${NOW};keyid="absent";nonce="a"`, sign: (base) => hmac(base, '\u0000'.repeat(32)) },
    ],
    ['with another secret', { sign: (base) => hmac(base, `${SECRET}.`) }],
    ['with HMAC over a public key', { parameters: `;created=${NOW};keyid="ci-2";nonce="a"`, sign: (base) => hmac(base, publicKey) }],
    ['with another algorithm', { parameters: usual(';alg="ed25519"') }],
    ['with an algorithm that is no text', { parameters: usual(';alg=none') }],
    ['not over the method', { components: ['@target-uri', 'content-digest'] }],
    ['not over the query', { components: ['@method', '@path', 'content-digest'] }],
    ['not over the body', { components: ['@method', '@target-uri'] }],
    ['over a header that is not there', { components: ['@method', '@target-uri', 'content-digest', 'x-absent'] }],
    ['over nothing', { components: [] }],
    ['on a WebSocket', { method: 'GET', body: null, components: ['@method', '@target-uri'], headers: { upgrade: 'websocket' } }],
    ['with a digest of another body', { headers: { 'content-digest': 'sha-256=:AAAA:' } }],
    ['with a digest of another kind', { headers: { 'content-digest': 'md5=:AAAA:' } }],
    ['with a digest that cannot be read', { headers: { 'content-digest': 'sha-256=AAAA' } }],
  ];

  it.each(rejected)('is refused %s', async (_why, making) => {
    const error = await refused(await signed(making));
    expect(error).toMatchObject({ code: 'invalid_key', status: 401 });
    expect(error.message).toMatch(/^[^\n]{10,160}\.$/);
  });

  it.each([
    ['another method', (request: Request) => new Request(request, { method: 'PUT' })],
    ['another address', (request: Request) => new Request(`${URL_OF}2`, request)],
    ['another body', (request: Request) => new Request(request, { body: '{"model":"x"}' })],
    ['no body', (request: Request) => new Request(request.url, { method: 'POST', headers: request.headers, body: '' })],
  ])('is refused when it became one of %s', async (_what, change) => {
    expect(await refused(change(await signed()))).toMatchObject({ code: 'invalid_key' });
  });

  it('is refused when its body is larger than any may be', async () => {
    expect(await refused(await signed({ body: 'x'.repeat(2_000) }))).toMatchObject({ code: 'request_too_large' });
  });

  it('is good once: again, and twenty times at the same moment', async () => {
    const { prove } = setUp();
    const request = await signed();
    expect(await prove(request.clone())).toBeDefined();
    await expect(prove(request.clone())).rejects.toMatchObject({ code: 'invalid_key' });
    const other = await signed();
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => prove(other.clone())));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('that is forged uses up no nonce', async () => {
    const { prove } = setUp();
    const parameters = `;created=${NOW};keyid="ci-1";nonce="precious"`;
    await expect(prove(await signed({ parameters, sign: (base) => hmac(base, `${SECRET}.`) }))).rejects.toThrow();
    expect(await prove(await signed({ parameters }))).toBeDefined();
  });
});

describe('nonces', () => {
  it('are refused for as long as they could be used, and forgotten then', () => {
    const nonces = new Nonces(10);
    expect(nonces.use('a', 100, 0)).toBe(true);
    expect(nonces.use('a', 100, 100)).toBe(false);
    expect(nonces.use('b', 401, 101)).toBe(true);
    expect(nonces.use('a', 402, 102)).toBe(true);
  });

  it('that are too many to remember shorten the time for which anything is good, and let nothing through twice', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(30), fc.nat(20)), { maxLength: 200 }), fc.integer({ min: 1, max: 8 }), (uses, most) => {
        const nonces = new Nonces(most);
        const seen = new Set<string>();
        for (const [name, created] of uses) {
          if (!nonces.use(String(name), created, 0)) continue;
          expect(seen.has(`${name} ${created}`)).toBe(false);
          seen.add(`${name} ${created}`);
        }
      }),
    );
    const nonces = new Nonces(2);
    for (let at = 1; at <= 100; at++) expect(nonces.use(`n${at}`, at, 0)).toBe(true);
    expect(nonces.use('n1', 1, 0)).toBe(false);
  });
});

describe('structured fields', () => {
  it.each([
    '',
    'sig',
    'sig=',
    'sig=(',
    'sig=("a"',
    'sig=("a);x',
    'sig=("a";req)',
    'sig=("a" "b"),',
    'Sig=("a")',
    'sig=(a)',
    'sig=("a")x',
    'sig=("ü")',
    '=("a")',
  ])('that are broken are not read: %s', (text) => {
    expect(text === '' ? readSignatureInput(text)?.size : readSignatureInput(text)).toBe(text === '' ? 0 : undefined);
  });

  it('bear anything', () => {
    const unit = fc.constantFrom('sig', '=', '(', ')', '"', ':', ';', ',', ' ', 'a', '1', '\\', '?', 'AAAA', '-', '\t', 'é');
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 40 }), (text) => {
        readSignatureInput(text);
        readByteSequences(text);
      }),
      { numRuns: 3_000 },
    );
  });
});
