import type { Provider } from '../core/provider.ts';

/** https://openrouter.ai/docs/api/reference/overview and .../anthropic-messages/create-messages */
export const openrouter = {
  id: 'openrouter',
  name: 'OpenRouter',
  dialects: { 'openai-chat': true, 'openai-responses': true, anthropic: true },
  baseUrl: 'https://openrouter.ai/api/v1',
  auth: { scheme: 'bearer' },
  secret: 'OPENROUTER_API_KEY',
  forwards: ['http-referer', 'x-title', 'x-openrouter-title'],
  quirks: { maxTokensField: 'max_tokens', developerRole: 'system', reasoningField: 'reasoning' },
} as const satisfies Provider;
