import type { Provider } from '../core/provider.ts';

/** https://console.groq.com/docs/api-reference and https://console.groq.com/docs/reasoning */
export const groq = {
  id: 'groq',
  name: 'Groq',
  dialects: { 'openai-chat': true, 'openai-responses': true },
  baseUrl: 'https://api.groq.com/openai/v1',
  auth: { scheme: 'bearer' },
  secret: 'GROQ_API_KEY',
  operations: { files: {}, batches: {}, rerank: false },
  quirks: { developerRole: 'system', reasoningField: 'reasoning' },
} as const satisfies Provider;
