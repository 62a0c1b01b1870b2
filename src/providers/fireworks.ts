import type { Provider } from '../core/provider.ts';

/** https://docs.fireworks.ai/api-reference/post-chatcompletions and https://docs.fireworks.ai/guides/response-api */
export const fireworks = {
  id: 'fireworks',
  name: 'Fireworks AI',
  dialects: { 'openai-chat': true, 'openai-responses': true, 'openai-completions': true },
  baseUrl: 'https://api.fireworks.ai/inference/v1',
  auth: { scheme: 'bearer' },
  secret: 'FIREWORKS_API_KEY',
  quirks: { maxTokensField: 'max_tokens', developerRole: 'system', reasoningField: 'reasoning_content' },
} as const satisfies Provider;
