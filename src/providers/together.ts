import type { Provider } from '../core/provider.ts';

/** https://docs.together.ai/reference/chat-completions */
export const together = {
  id: 'together',
  name: 'Together AI',
  dialects: { 'openai-chat': true, 'openai-completions': true },
  baseUrl: 'https://api.together.xyz/v1',
  auth: { scheme: 'bearer' },
  secret: 'TOGETHER_API_KEY',
  quirks: { maxTokensField: 'max_tokens', developerRole: 'system', reasoningField: 'reasoning' },
} as const satisfies Provider;
