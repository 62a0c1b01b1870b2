import type { Issuer, Part, Signed } from '../../core/chat.ts';
import { asString, isArray, parseJson } from '../../core/json.ts';
import { unwrapSignature, WRAPPED, wrapSignature } from '../../core/signature.ts';

/** Whose signatures stand here as they are. */
export const OWN: Issuer = 'gemini';

export const isOwn = (issuer: Issuer | undefined): boolean => issuer === undefined || issuer === OWN;

export const readThoughtSignature = (text: string): Required<Signed> => unwrapSignature(text, OWN);

export const signatureOf = (signature: string, issuer: Issuer | undefined): string => wrapSignature(signature, issuer, OWN);

/**
 * Reasoning of another vendor's model that shows no text: hidden whole, or nothing of it but the signature. There is no
 * part for it here, and clients throw away parts without text; so it rides on the next part that says something.
 */
export type Hidden = Extract<Part, { readonly type: 'redacted-thinking' | 'thinking' }>;

/** No signature holds a colon. */
const MARK = 'hidden:';

/** The `thoughtSignature` that carries reasoning of one vendor. */
export const hiddenSignature = (hidden: readonly Hidden[], issuer: Issuer): string =>
  signatureOf(
    `${MARK}${JSON.stringify(hidden.map((part) => (part.type === 'thinking' ? ['t', part.signature ?? ''] : ['r', part.data])))}`,
    issuer,
  );

/** The reasoning that a `thoughtSignature` carries; `undefined` where it is a signature, or none. */
export function readHidden(thoughtSignature: unknown): readonly Hidden[] | undefined {
  if (typeof thoughtSignature !== 'string' || !thoughtSignature.startsWith(WRAPPED)) return undefined;
  const { signature, issuer } = readThoughtSignature(thoughtSignature);
  const items = signature.startsWith(MARK) ? parseJson(signature.slice(MARK.length)) : undefined;
  if (!isArray(items)) return undefined;
  return items.flatMap((item): readonly Hidden[] => {
    const [kind, text] = isArray(item) ? item.map(asString) : [];
    if (text === undefined) return [];
    return kind === 't' ? [{ type: 'thinking', text: '', signature: text, issuer }] : [{ type: 'redacted-thinking', data: text, issuer }];
  });
}
