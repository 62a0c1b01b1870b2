import type { Provider } from '../core/provider.ts';

/** https://docs.z.ai/api-reference/llm/chat-completion and https://docs.z.ai/guides/overview/quick-start */
export const zai = {
  id: 'zai',
  name: 'Z.AI',
  dialects: { 'openai-chat': true, anthropic: 'https://api.z.ai/api/anthropic/v1' },
  baseUrl: 'https://api.z.ai/api/paas/v4',
  auth: { scheme: 'bearer' },
  secret: 'ZAI_API_KEY',
  quirks: { maxTokensField: 'max_tokens', developerRole: 'system', reasoningField: 'reasoning_content', jsonSchema: false },
} as const satisfies Provider;
