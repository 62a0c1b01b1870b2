import type { Provider } from '../core/provider.ts';

/** https://docs.tokenfactory.nebius.com/api-reference/inference/create-chat-completion */
export const nebius = {
  id: 'nebius',
  name: 'Nebius Token Factory',
  dialects: { 'openai-chat': true },
  baseUrl: 'https://api.tokenfactory.nebius.com/v1',
  auth: { scheme: 'bearer' },
  secret: 'NEBIUS_API_KEY',
  quirks: { maxTokensField: 'max_tokens', developerRole: 'system', reasoningField: 'reasoning_content' },
} as const satisfies Provider;
