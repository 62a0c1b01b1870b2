import type { Provider } from '../core/provider.ts';

/** https://docs.deepinfra.com/api-reference/chat-completions/openai-chat-completions and .../anthropic-messages */
export const deepinfra = {
  id: 'deepinfra',
  name: 'DeepInfra',
  dialects: { 'openai-chat': true, anthropic: 'https://api.deepinfra.com/anthropic/v1' },
  baseUrl: 'https://api.deepinfra.com/v1/openai',
  auth: { scheme: 'bearer' },
  secret: 'DEEPINFRA_API_KEY',
  quirks: { maxTokensField: 'max_tokens', developerRole: 'system', reasoningField: 'reasoning_content' },
} as const satisfies Provider;
