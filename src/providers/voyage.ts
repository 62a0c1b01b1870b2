import type { Provider } from '../core/provider.ts';

/** Embeddings and reranking, no chat: https://docs.voyageai.com/reference/embeddings-api */
export const voyage = {
  id: 'voyage',
  name: 'Voyage AI',
  dialects: {},
  baseUrl: 'https://api.voyageai.com/v1',
  auth: { scheme: 'bearer' },
  secret: 'VOYAGE_API_KEY',
  operations: { embeddings: {}, rerank: { shape: 'voyage' } },
  owns: ['voyage-', 'rerank-2'],
} as const satisfies Provider;
