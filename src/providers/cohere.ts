import type { Provider } from '../core/provider.ts';

/**
 * Its own API (https://docs.cohere.com/reference/chat) comes first: it alone takes `k`, thinking and documents, and cites.
 * The compatible one refuses `stream_options`: https://docs.cohere.com/docs/compatibility-api
 */
export const cohere = {
  id: 'cohere',
  name: 'Cohere',
  dialects: { cohere: 'https://api.cohere.com', 'openai-chat': true },
  baseUrl: 'https://api.cohere.ai/compatibility/v1',
  auth: { scheme: 'bearer' },
  secret: 'COHERE_API_KEY',
  quirks: { maxTokensField: 'max_tokens', streamUsage: false },
  // https://docs.cohere.com/reference/embed, https://docs.cohere.com/reference/rerank
  operations: {
    embeddings: { path: 'v2/embed', dialect: 'cohere', shape: 'cohere' },
    rerank: { path: 'v2/rerank', dialect: 'cohere' },
    moderations: false,
    'image-generation': false,
    'image-edit': false,
    'image-variation': false,
    speech: false,
    realtime: false,
  },
  owns: ['command-'],
} as const satisfies Provider;
