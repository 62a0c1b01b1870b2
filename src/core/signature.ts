import { decodeBase64, encodeBase64 } from './base64.ts';
import type { Issuer, Signed } from './chat.ts';

/**
 * A signature is good only for the family that issued it, and its bytes are nobody's to change. On its way through a
 * client of another dialect it is wrapped, so that it comes back marked: base64 of `@weir:<issuer>:<signature>`. The
 * wrapping is itself base64 because some dialects (Gemini, Bedrock) take nothing else in that place. It begins with a
 * letter that is rare in bodies, since every body is searched for it.
 */
const MARK = '@weir:';
/** How every wrapped signature begins: six bytes are eight base64 characters, whatever follows. */
export const WRAPPED = 'QHdlaXI6';
/** How everything begins that this gateway wrapped, in whatever way: a body without it holds none of it. */
export const ANY_WRAPPED = 'QHdlaXI';
const ISSUERS: readonly string[] = ['anthropic', 'gemini', 'openai', 'bedrock', 'other'] satisfies readonly Issuer[];

/** A signature as a dialect of the family `own` may carry it: as it is where it is its own, wrapped where it is not. */
export function wrapSignature(signature: string, issuer: Issuer | undefined, own: Issuer): string {
  return issuer === undefined || issuer === own ? signature : encodeBase64(new TextEncoder().encode(`${MARK}${issuer}:${signature}`));
}

/** A signature as it came in a dialect of the family `own`: its own, or the one that was wrapped. */
export function unwrapSignature(text: string, own: Issuer): Required<Signed> {
  if (!text.startsWith(WRAPPED)) return { signature: text, issuer: own };
  const bytes = decodeBase64(text);
  const inner = bytes === undefined ? '' : new TextDecoder().decode(bytes);
  const colon = inner.indexOf(':', MARK.length);
  const issuer = inner.slice(MARK.length, colon);
  return colon > 0 && isIssuer(issuer) ? { signature: inner.slice(colon + 1), issuer } : { signature: text, issuer: own };
}

const isIssuer = (text: string): text is Issuer => ISSUERS.includes(text);
