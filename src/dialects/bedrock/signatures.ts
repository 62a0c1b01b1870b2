import { decodeBase64, encodeBase64 } from '../../core/base64.ts';
import type { Issuer, Part, Signed } from '../../core/chat.ts';
import { asString, isArray, isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import { unwrapSignature, WRAPPED, wrapSignature } from '../../core/signature.ts';
import { isAnthropic } from './models.ts';

/** What stands unwrapped in an answer of this dialect: Bedrock's, whoever's model it was. */
export const ISSUER: Issuer = 'bedrock';

/**
 * Tool calls and texts have no field for a signature here. It travels in redacted reasoning beside them, which clients
 * send back untouched; what it belongs to is named in it.
 */
const MARK = '@weir>';
/** How every such block's bytes begin, in base64. */
const MARKED = 'QHdlaXI+';

const encoder = new TextEncoder();
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A signature that belongs to the tool call of this id, or, where it is empty, to the text before the block. */
export interface Carried {
  readonly target: string;
  readonly signed: Required<Signed>;
}

/** The `redactedContent` that carries it. */
export const carrier = (target: string, signature: string, issuer: Issuer | undefined): string =>
  encodeBase64(encoder.encode(`${MARK}${JSON.stringify([target, wrapSignature(signature, issuer, ISSUER)])}`));

export function readCarrier(redacted: Json | undefined): Carried | undefined {
  if (typeof redacted !== 'string' || !redacted.startsWith(MARKED)) return undefined;
  const bytes = decodeBase64(redacted);
  const fields = bytes === undefined ? undefined : parseJson(new TextDecoder().decode(bytes).slice(MARK.length));
  const [target, signature] = isArray(fields) ? fields.map(asString) : [];
  if (target === undefined || signature === undefined) return undefined;
  return { target, signed: unwrapSignature(signature, ISSUER) };
}

/** The parts with each of these signatures on the one that it belongs to. One whose part is gone says nothing any more. */
export function signedParts(parts: readonly Part[], ofCalls: ReadonlyMap<string, Required<Signed>>): readonly Part[] {
  if (ofCalls.size === 0) return parts;
  return parts.map((part) => (part.type === 'tool-call' ? { ...part, ...ofCalls.get(part.id) } : part));
}

export function signLastText(parts: Part[], signed: Required<Signed>): void {
  const at = parts.findLastIndex(({ type }) => type === 'text');
  const text = parts[at];
  if (text?.type === 'text') parts[at] = { ...text, ...signed };
  // Gemini may sign an empty text, which stands in no block.
  else parts.push({ type: 'text', text: '', ...signed });
}

/** A signature as it stands here: wrapped, or that of the model which served (`issuerOf`). */
export const readSignature = (text: string, issuer: Issuer): Required<Signed> =>
  text.startsWith(WRAPPED) ? unwrapSignature(text, issuer) : { signature: text, issuer };

/**
 * The bytes of redacted reasoning are, for Claude, the very text that Anthropic's own API has in `data`, which is how
 * it can be taken back there; recorded answers show it. Whatever else they are stays base64.
 */
export function readRedacted(base64: string, issuer: Issuer): { readonly data: string; readonly issuer: Issuer } {
  if (base64.startsWith(WRAPPED)) {
    const { signature, issuer: from } = unwrapSignature(base64, issuer);
    return { data: signature, issuer: from };
  }
  const data = issuer === 'anthropic' ? textOf(base64) : undefined;
  return data === undefined ? { data: base64, issuer: ISSUER } : { data, issuer };
}

function textOf(base64: string): string | undefined {
  try {
    const bytes = decodeBase64(base64);
    return bytes === undefined ? undefined : utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** `redactedContent` as a model of this issuer takes it back. */
export const writeRedactedData = (data: string, issuer: Issuer | undefined): string =>
  issuer === 'anthropic' ? encodeBase64(encoder.encode(data)) : data;

/** Whether a signature is another vendor's than this model's: it would be refused. One without an issuer is taken at its word. */
export function isForeign({ signature, issuer }: Signed, model: string): boolean {
  if (signature === undefined || issuer === undefined || issuer === ISSUER) return false;
  return issuer !== 'anthropic' || !isAnthropic(model);
}

/** A block of a call that is forwarded as it came, with its reasoning as this model takes it back; `undefined` where it takes none. */
export function forwardedBlock(block: JsonObject, model: string): JsonObject | undefined {
  const content = block.reasoningContent;
  if (!isObject(content)) return block;
  const { redactedContent: redacted, reasoningText: thought } = content;
  if (typeof redacted === 'string') {
    if (readCarrier(redacted) !== undefined) return undefined;
    if (!redacted.startsWith(WRAPPED)) return block;
    const { data, issuer } = readRedacted(redacted, ISSUER);
    if (isForeign({ signature: data, issuer }, model)) return undefined;
    return { reasoningContent: { redactedContent: writeRedactedData(data, issuer) } };
  }
  const text = isObject(thought) ? asString(thought.signature) : undefined;
  if (!isObject(thought) || text === undefined || !text.startsWith(WRAPPED)) return block;
  const signed = readSignature(text, ISSUER);
  return isForeign(signed, model) ? undefined : { reasoningContent: { reasoningText: { ...thought, signature: signed.signature } } };
}
