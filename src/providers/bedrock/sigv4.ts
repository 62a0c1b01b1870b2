import type { EgressRequest } from '../../core/ports.ts';

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface SigningScope {
  readonly region: string;
  readonly service: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const encoder = new TextEncoder();

/**
 * The headers that sign a request without a query. What is signed is the method, the path, the body's bytes and the few
 * headers that nobody between here and there changes. Every service but S3 wants the path, which is encoded already,
 * encoded once more.
 * Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export async function signatureHeaders(
  request: Omit<EgressRequest, 'signal'>,
  credentials: AwsCredentials,
  { region, service, now }: SigningScope,
): Promise<{ readonly [name: string]: string }> {
  const url = new URL(request.url);
  const time = new Date(now).toISOString().replace(/[:-]|\.\d{3}/g, '');
  const day = time.slice(0, 8);
  const added = {
    'x-amz-date': time,
    ...(credentials.sessionToken !== undefined && { 'x-amz-security-token': credentials.sessionToken }),
  };
  const type = request.headers['content-type'];
  const signed = Object.entries({ ...(type !== undefined && { 'content-type': type }), host: url.host, ...added });
  const names = signed.map(([name]) => name).join(';');
  const canonical = [
    request.method,
    encodedAgain(url.pathname),
    '',
    ...signed.map(([name, value]) => `${name}:${value.trim().replace(/ +/g, ' ')}`),
    '',
    names,
    hex(await digest(request.body ?? '')),
  ].join('\n');
  const scope = `${day}/${region}/${service}/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', time, scope, hex(await digest(canonical))].join('\n');
  const key = await signingKey(credentials.secretAccessKey, [day, region, service, 'aws4_request']);
  const signature = hex(await hmac(key, toSign));
  return {
    ...added,
    authorization: `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
  };
}

/** RFC 3986: unreserved characters and slashes stay, everything else, percent signs included, is encoded. */
const encodedAgain = (path: string) =>
  encodeURIComponent(path)
    .replaceAll('%2F', '/')
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);

const bytesOf = (data: string | Uint8Array): Uint8Array => (typeof data === 'string' ? encoder.encode(data) : data);

const digest = (data: string | Uint8Array) => crypto.subtle.digest('SHA-256', bytesOf(data));

/** A key for one day, region and service: each is signed with the key before. */
async function signingKey(secret: string, steps: readonly string[]): Promise<Uint8Array> {
  let key = encoder.encode(`AWS4${secret}`);
  for (const step of steps) key = new Uint8Array(await hmac(key, step));
  return key;
}

async function hmac(key: Uint8Array, text: string): Promise<ArrayBuffer> {
  const imported = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return crypto.subtle.sign('HMAC', imported, encoder.encode(text));
}

const hex = (buffer: ArrayBuffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, '0')).join('');
