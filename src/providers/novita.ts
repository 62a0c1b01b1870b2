import type { Provider } from '../core/provider.ts';

/** https://novita.ai/docs/api-reference/model-apis-llm-create-chat-completion */
export const novita = {
  id: 'novita',
  name: 'Novita AI',
  dialects: { 'openai-chat': true },
  baseUrl: 'https://api.novita.ai/openai/v1',
  auth: { scheme: 'bearer' },
  secret: 'NOVITA_API_KEY',
  quirks: { maxTokensField: 'max_tokens', developerRole: 'system', reasoningField: 'reasoning_content' },
} as const satisfies Provider;
