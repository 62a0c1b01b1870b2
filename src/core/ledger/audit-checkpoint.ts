import { decodeBase64, encodeBase64 } from '../base64.ts';
import { canonicalJson } from './canonical.ts';

/** What a chain was at a moment. Kept elsewhere, it shows whatever is cut off or written anew later. */
export interface AuditCheckpoint {
  readonly chain: string;
  /** The number and the hash of the last entry; 0 and 64 zeros of a chain that has none. */
  readonly seq: number;
  readonly hash: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface SignedCheckpoint extends AuditCheckpoint {
  /** The public key (Ed25519, RFC 8032), 32 bytes as base64url: 43 characters. */
  readonly key: string;
  /** 64 bytes as base64url: 86 characters. */
  readonly signature: string;
}

/** Bytes as base64url without padding (RFC 4648 section 5). */
export const base64urlOf = (bytes: Uint8Array): string => encodeBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

/** What is signed: the canonical JSON (RFC 8785) of the checkpoint and of what it is, so that it can be taken for nothing else. */
export function signedBytes({ chain, seq, hash, at }: AuditCheckpoint): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(canonicalJson({ weir: 'audit checkpoint 1', chain, seq, hash, at })));
}

/** Whether the key that stands in it has signed it. Whose key that is, it does not say. */
export async function isSigned(checkpoint: SignedCheckpoint): Promise<boolean> {
  const key = bytesOf(checkpoint.key, 32);
  const signature = bytesOf(checkpoint.signature, 64);
  if (key === undefined || signature === undefined) return false;
  try {
    const imported = await crypto.subtle.importKey('raw', key, 'Ed25519', false, ['verify']);
    return await crypto.subtle.verify('Ed25519', imported, signature, signedBytes(checkpoint));
  } catch {
    // 32 bytes that are no point of the curve.
    return false;
  }
}

/** The bytes of a text that is the one way to write them; the last character of base64 has bits to spare. */
function bytesOf(text: string, length: number): Uint8Array<ArrayBuffer> | undefined {
  const bytes = decodeBase64(text);
  if (bytes === undefined || bytes.length !== length || base64urlOf(bytes) !== text) return undefined;
  return new Uint8Array(bytes);
}
