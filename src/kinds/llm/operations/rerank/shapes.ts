import { GatewayError } from '../../../../core/errors.ts';
import { isArray, isObject, type Json } from '../../../../core/json.ts';
import type { RerankShape } from './call.ts';

const notResults = () => new GatewayError('upstream_invalid', 'The provider answered a rerank call without results.');

const resultsIn = (list: Json | undefined) => {
  if (!isArray(list) || !list.every(isObject)) throw notResults();
  return list.map((each) => ({ index: each.index, score: each.relevance_score }));
};

/** https://docs.voyageai.com/reference/reranker-api */
export const voyage: RerankShape = {
  write: ({ query, documents, best, others }, model) => ({
    body: { model, query, documents, ...(best === undefined ? {} : { top_k: best }) },
    loss: others,
  }),
  results: ({ data }) => resultsIn(data),
};

/**
 * InvokeModel, with the model in the address: https://docs.aws.amazon.com/bedrock/latest/userguide/rerank-supported.html.
 * Cohere's models take their own version there, Amazon's none.
 */
export const bedrock: RerankShape = {
  write: ({ query, documents, best, others }, model) => ({
    body: {
      query,
      documents,
      top_n: best ?? documents.length,
      ...(/(?:^|\.)cohere\./.test(model) ? { api_version: 2 } : {}),
    },
    loss: others,
  }),
  results: ({ results }) => resultsIn(results),
};
