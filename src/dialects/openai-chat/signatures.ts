import type { Issuer, Signed } from '../../core/chat.ts';
import { asString, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { unwrapSignature, wrapSignature } from '../../core/signature.ts';

/**
 * Chat Completions has no field for signatures. Two extensions carry them: `thinking_blocks` beside the text of the
 * reasoning, whose contents belong to no family; and on tool calls, and on messages for their text, Google's
 * `extra_content.google.thought_signature` (https://ai.google.dev/gemini-api/docs/openai).
 */
export const ISSUER: Issuer = 'other';

export const writeThoughtSignature = (signature: string, issuer: Issuer | undefined): JsonObject => ({
  extra_content: { google: { thought_signature: wrapSignature(signature, issuer, 'gemini') } },
});

/** The signature of a tool call, or of a message's text; none where there is none. */
export function readThoughtSignature(holder: JsonObject): Signed {
  const content = isObject(holder.extra_content) ? holder.extra_content.google : undefined;
  const text = isObject(content) ? asString(content.thought_signature) : undefined;
  return text === undefined || text === '' ? {} : unwrapSignature(text, 'gemini');
}

/** What `extra_content` holds besides the signature; `undefined` where it holds nothing else. */
export function otherExtraContent(holder: JsonObject): Json | undefined {
  const { extra_content: content } = holder;
  if (!isObject(content) || readThoughtSignature(holder).signature === undefined) return content ?? undefined;
  const { google, ...others } = content;
  const { thought_signature: _, ...left } = isObject(google) ? google : {};
  const both = { ...others, ...(Object.keys(left).length > 0 && { google: left }) };
  return Object.keys(both).length === 0 ? undefined : both;
}
