import { invalid, optionalCount, requiredString } from '../../../../core/fields.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../../../core/json.ts';

/** A rerank call in any form. */
export interface RerankCall {
  readonly query: string;
  readonly documents: readonly string[];
  /** The best so many; absent means all. */
  readonly best?: number | undefined;
  readonly returnsDocuments: boolean;
  /** Fields that only Cohere's form has. */
  readonly others: readonly string[];
}

/** What a vendor's form makes of a call, and of its answers. */
export interface RerankShape {
  write(call: RerankCall, model: string): { readonly body: JsonObject; readonly loss: readonly string[] };
  /** The results, best first. Throws `upstream_invalid`. */
  results(reply: JsonObject): readonly { readonly index: Json | undefined; readonly score: Json | undefined }[];
}

const KNOWN = new Set(['model', 'query', 'documents', 'top_n', 'return_documents']);

export const readRerank = (body: JsonObject): RerankCall => ({
  query: requiredString(body.query, 'query'),
  documents: readDocuments(body.documents),
  best: optionalCount(body.top_n, 'top_n'),
  returnsDocuments: body.return_documents === true,
  others: Object.keys(body).filter((name) => !KNOWN.has(name) && body[name] !== null && body[name] !== undefined),
});

function readDocuments(documents: Json | undefined): readonly string[] {
  if (!isArray(documents) || documents.length === 0) throw invalid('documents', 'a list of texts');
  return documents.map((each, at) => requiredString(isObject(each) ? each.text : each, `documents[${at}]`));
}
