import { decodeBase64, encodeBase64 } from '../../core/base64.ts';

export interface Message {
  /** The same for every attempt. */
  readonly id: string;
  /** When this attempt is made; milliseconds since the epoch. */
  readonly at: number;
  /** As it is sent, byte for byte. */
  readonly body: string;
}

/**
 * The headers of an attempt by the Standard Webhooks specification 1.0.0 (github.com/standard-webhooks/standard-webhooks):
 * one signature for each secret, so that a receiver may still know only the one before a rotation. `secrets` as
 * `whsec_` and base64. Throws `TypeError` where one is neither.
 */
export async function signedHeaders({ id, at, body }: Message, secrets: readonly string[]): Promise<{ readonly [name: string]: string }> {
  const timestamp = String(Math.floor(at / 1000));
  const content = new TextEncoder().encode(`${id}.${timestamp}.${body}`);
  const signatures = await Promise.all(secrets.map((secret) => signature(secret, content)));
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}

async function signature(secret: string, content: Uint8Array): Promise<string> {
  const bytes = secret.startsWith('whsec_') ? decodeBase64(secret.slice('whsec_'.length)) : undefined;
  if (bytes === undefined) throw new TypeError('A signing secret is `whsec_` and base64');
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return `v1,${encodeBase64(new Uint8Array(await crypto.subtle.sign('HMAC', key, content)))}`;
}
