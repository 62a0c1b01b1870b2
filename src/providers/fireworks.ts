import type { Provider } from '../core/provider.ts';

/** https://docs.fireworks.ai/api-reference/post-chatcompletions */
export const fireworks = {
  id: 'fireworks',
  name: 'Fireworks AI',
  dialects: { 'openai-chat': true },
  baseUrl: 'https://api.fireworks.ai/inference/v1',
  auth: { scheme: 'bearer' },
  secret: 'FIREWORKS_API_KEY',
  quirks: { maxTokensField: 'max_tokens', developerRole: 'system', reasoningField: 'reasoning_content' },
} as const satisfies Provider;
