import type { Issuer } from '../../core/chat.ts';
import { unwrapSignature, wrapSignature } from '../../core/signature.ts';
import { ISSUER } from './fields.ts';

/**
 * `encrypted_content` is the only field of this dialect that clients keep and send back unread, so everything that must
 * come back byte for byte travels in it. What is no OpenAI reasoning is wrapped (`core/signature.ts`) and says first
 * what it is: a thought's own signature, redacted thinking, a thought that nobody signed, or the signature of a tool
 * call or a text, which have no field of their own.
 */
export type Sealed =
  | { readonly kind: 'thinking'; readonly signature: string; readonly issuer: Issuer }
  | { readonly kind: 'redacted'; readonly data: string; readonly issuer: Issuer }
  /** Sent back, it must not reach OpenAI as reasoning that OpenAI has never seen. */
  | { readonly kind: 'unsigned' }
  | { readonly kind: 'call'; readonly callId: string; readonly signature: string; readonly issuer: Issuer }
  /** Of the text right before it. */
  | { readonly kind: 'text'; readonly signature: string; readonly issuer: Issuer };

/** None of them begins a signature: those are base64. */
const REDACTED = 'redacted:';
const UNSIGNED = 'unsigned:';
const CALL = 'call:';
const TEXT = 'text:';

export const sealThinking = (signature: string, issuer: Issuer | undefined) => wrapSignature(signature, issuer, ISSUER);
export const sealRedacted = (data: string, issuer: Issuer | undefined) => marked(`${REDACTED}${data}`, issuer);
export const sealUnsigned = () => marked(UNSIGNED, 'other');
export const sealCall = (callId: string, signature: string, issuer: Issuer | undefined) =>
  marked(`${CALL}${callId.length}:${callId}${signature}`, issuer);
export const sealText = (signature: string, issuer: Issuer | undefined) => marked(`${TEXT}${signature}`, issuer);

/** Always wrapped, also what OpenAI issued: it stands in a place that is not its own. */
const marked = (text: string, issuer: Issuer = ISSUER) => wrapSignature(text, issuer, issuer === 'other' ? 'openai' : 'other');

export function unseal(encrypted: string): Sealed {
  const { signature, issuer } = unwrapSignature(encrypted, ISSUER);
  if (signature === encrypted) return { kind: 'thinking', signature, issuer };
  if (signature === UNSIGNED) return { kind: 'unsigned' };
  if (signature.startsWith(REDACTED)) return { kind: 'redacted', data: signature.slice(REDACTED.length), issuer };
  if (signature.startsWith(TEXT)) return { kind: 'text', signature: signature.slice(TEXT.length), issuer };
  return readCall(signature, issuer) ?? { kind: 'thinking', signature, issuer };
}

/** The id goes before the signature with its length, since it may hold anything. */
function readCall(text: string, issuer: Issuer): Sealed | undefined {
  const colon = text.indexOf(':', CALL.length);
  const length = Number(text.slice(CALL.length, colon));
  if (!text.startsWith(CALL) || colon < 0 || !Number.isInteger(length)) return undefined;
  const from = colon + 1;
  return { kind: 'call', callId: text.slice(from, from + length), signature: text.slice(from + length), issuer };
}
