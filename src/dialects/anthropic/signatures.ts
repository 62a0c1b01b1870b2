import { decodeBase64, encodeBase64 } from '../../core/base64.ts';
import type { Issuer, Part, Signed } from '../../core/chat.ts';
import { asString, isArray, isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import { unwrapSignature, WRAPPED, wrapSignature } from '../../core/signature.ts';

/** Anthropic's models take their signatures back on every platform that serves them. */
export const ISSUER: Issuer = 'anthropic';

/**
 * Tool calls and texts have no field for a signature here. It travels in a redacted thinking block beside them, which
 * clients send back untouched; what it belongs to is named in it.
 */
const MARK = '@weir>';
/** How every such block's data begins. */
const MARKED = 'QHdlaXI+';

/** A signature that belongs to the tool call of this id, or, where it is empty, to the text before the block. */
interface Carried {
  readonly target: string;
  readonly signed: Required<Signed>;
}

export function carrierBlock(target: string, signature: string, issuer: Issuer | undefined): JsonObject {
  const text = `${MARK}${JSON.stringify([target, wrapSignature(signature, issuer, ISSUER)])}`;
  return { type: 'redacted_thinking', data: encodeBase64(new TextEncoder().encode(text)) };
}

function readCarrier(block: Json): Carried | undefined {
  const data = isObject(block) && block.type === 'redacted_thinking' ? asString(block.data) : undefined;
  if (data === undefined || !data.startsWith(MARKED)) return undefined;
  const bytes = decodeBase64(data);
  const fields = bytes === undefined ? undefined : parseJson(new TextDecoder().decode(bytes).slice(MARK.length));
  const [target, signature] = isArray(fields) ? fields.map(asString) : [];
  if (target === undefined || signature === undefined) return undefined;
  return { target, signed: unwrapSignature(signature, ISSUER) };
}

/** The parts of these blocks, each signature on the part that it belongs to. One whose part is gone says nothing any more. */
export function readSigned(blocks: readonly Json[], read: (block: Json, index: number) => Part): readonly Part[] {
  const parts: Part[] = [];
  const ofCalls = new Map<string, Required<Signed>>();
  for (const [index, block] of blocks.entries()) {
    const carried = readCarrier(block);
    if (carried === undefined) parts.push(read(block, index));
    else if (carried.target !== '') ofCalls.set(carried.target, carried.signed);
    else signLastText(parts, carried.signed);
  }
  if (ofCalls.size === 0) return parts;
  return parts.map((part) => (part.type === 'tool-call' ? { ...part, ...ofCalls.get(part.id) } : part));
}

function signLastText(parts: Part[], signed: Required<Signed>): void {
  const at = parts.findLastIndex(({ type }) => type === 'text');
  const text = parts[at];
  if (text?.type === 'text') parts[at] = { ...text, ...signed };
  // Gemini may sign an empty text, which stands in no block.
  else parts.push({ type: 'text', text: '', ...signed });
}

/** Whether a block is one that only this gateway understands: thinking of another family, or a signature on its way. */
export const isForeign = (block: Json): boolean =>
  isObject(block) &&
  [block.signature, block.data].some((text) => typeof text === 'string' && (text.startsWith(WRAPPED) || text.startsWith(MARKED)));
