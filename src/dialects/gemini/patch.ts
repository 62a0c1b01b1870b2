import type { CallHead, Quirks } from '../../core/dialect.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { WRAPPED } from '../../core/signature.ts';
import type { Fields } from '../../core/wire.ts';
import { camelKeys } from './fields.ts';
import { withField } from './texts.ts';
import { withSignature } from './write-messages.ts';

/** The URL names the model: a body that names another one is refused, as are signatures of other vendors' models. */
export function patch(_head: CallHead, model: string, _quirks: Quirks, fields: Fields): { readonly [field: string]: Json | undefined } {
  const changes: { [field: string]: Json | undefined } = {};
  if (fields.has('model')) changes.model = undefined;
  for (const name of ['generateContentRequest', 'generate_content_request']) {
    const request = fields.get(name);
    if (isObject(request)) changes[name] = { ...request, model: `models/${model}` };
  }
  const contents = fields.mentions(WRAPPED) ? fields.get('contents') : undefined;
  if (isArray(contents)) changes.contents = contents.map((content) => (isObject(content) ? cleaned(content, model) : content));
  return changes;
}

const cleaned = (content: JsonObject, model: string): JsonObject =>
  withField(content, 'parts', (parts) => (isArray(parts) ? cleanParts(parts, model) : parts));

/** What a signature of another vendor stands on alone goes with it; a call stays, and says that it is not signed. */
function cleanParts(parts: readonly Json[], model: string): Json {
  const kept = parts.flatMap((part): readonly JsonObject[] => {
    if (!isObject(part)) return [];
    const { thoughtSignature, ...unsigned } = camelKeys(part);
    if (typeof thoughtSignature !== 'string' || !thoughtSignature.startsWith(WRAPPED)) return [part];
    return unsigned.text === '' ? [] : [unsigned];
  });
  // A content without parts is refused.
  return kept.length === 0 ? [{ text: ' ' }] : withSignature(kept, model);
}
