import type { Provider } from '../core/provider.ts';

/** https://inference-docs.cerebras.ai/api-reference/chat-completions */
export const cerebras = {
  id: 'cerebras',
  name: 'Cerebras',
  dialects: { 'openai-chat': true },
  baseUrl: 'https://api.cerebras.ai/v1',
  auth: { scheme: 'bearer' },
  secret: 'CEREBRAS_API_KEY',
  quirks: { developerRole: 'system', reasoningField: 'reasoning' },
} as const satisfies Provider;
