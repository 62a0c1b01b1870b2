import type { Provider } from '../core/provider.ts';

/** Embeddings and reranking, no chat: https://api.jina.ai/scalar */
export const jina = {
  id: 'jina',
  name: 'Jina AI',
  dialects: {},
  baseUrl: 'https://api.jina.ai/v1',
  auth: { scheme: 'bearer' },
  secret: 'JINA_API_KEY',
  operations: { embeddings: {}, rerank: {} },
  owns: ['jina-'],
} as const satisfies Provider;
