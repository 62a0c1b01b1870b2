import type { Provider } from '../core/provider.ts';

/** The compatibility endpoint, which refuses `stream_options`: https://docs.cohere.com/docs/compatibility-api */
export const cohere = {
  id: 'cohere',
  name: 'Cohere',
  dialects: { 'openai-chat': true },
  baseUrl: 'https://api.cohere.ai/compatibility/v1',
  auth: { scheme: 'bearer' },
  secret: 'COHERE_API_KEY',
  quirks: { maxTokensField: 'max_tokens', streamUsage: false },
  owns: ['command-'],
} as const satisfies Provider;
