import { GatewayError } from '../../../../core/errors.ts';
import { asNumber, isArray, isObject, type Json, type JsonObject } from '../../../../core/json.ts';
import type { OperationCall } from '../../../../core/operation.ts';
import { editTexts, modelHead, type Operation, type Translation } from '../operation.ts';
import { count, readUsage } from '../usage.ts';
import { type RerankShape, readRerank } from './call.ts';
import { bedrock, voyage } from './shapes.ts';

/** The forms of vendors that differ from Cohere's, by the name that a provider's literal gives. */
const shapes: { readonly [shape: string]: RerankShape } = { voyage, bedrock };

/** `{model, query, documents, top_n}` → `{results: [{index, relevance_score}]}`: Cohere's form, which Jina, vLLM, llama.cpp and others share. */
export const rerank: Operation = {
  name: 'rerank',
  path: 'rerank',
  shape: 'cohere',
  head: modelHead,
  texts(body, edit) {
    const query = editTexts(body.query, edit);
    const documents = editDocuments(body.documents, edit);
    return query === body.query && documents === body.documents ? body : { ...body, query, documents };
  },
  translate(call, shape, model) {
    const written = shapes[shape];
    return written === undefined ? undefined : translation(call, written, model);
  },
  usage(reply) {
    const usage = readUsage(reply);
    const searches = billedSearches(reply);
    return searches === undefined ? usage : { input: 0, output: 0, ...usage, searches };
  },
};

/** https://docs.cohere.com/reference/rerank: one unit is one query with up to a hundred documents. */
const billedSearches = ({ meta }: JsonObject) =>
  isObject(meta) && isObject(meta.billed_units) ? count(meta.billed_units.search_units) : undefined;

/** Texts, or objects with one. */
function editDocuments(documents: Json | undefined, edit: (text: string) => string): Json | undefined {
  if (!isArray(documents)) return documents;
  const edited = documents.map((each) => {
    if (!isObject(each)) return editTexts(each, edit) ?? each;
    const text = editTexts(each.text, edit);
    return text === each.text ? each : { ...each, text };
  });
  return edited.some((each, at) => each !== documents[at]) ? edited : documents;
}

function translation(call: OperationCall, shape: RerankShape, model: string): Translation {
  const asked = readRerank(call.wire.json());
  const { body, loss } = shape.write(asked, model);
  return {
    bodies: [body],
    loss,
    answer([reply = {}]) {
      const results = shape.results(reply).map(({ index, score }) => {
        const at = asNumber(index);
        if (at === undefined || asNumber(score) === undefined || asked.documents[at] === undefined) {
          throw new GatewayError('upstream_invalid', 'The provider answered a rerank call with a result that names none of its documents.');
        }
        return { index: at, relevance_score: score, ...(asked.returnsDocuments ? { document: { text: asked.documents[at] } } : {}) };
      });
      const usage = readUsage(reply);
      const tokens = usage === undefined ? {} : { usage: { total_tokens: usage.input + usage.output } };
      return { body: { model, results, ...tokens }, ...(usage === undefined ? {} : { usage }) };
    },
  };
}
