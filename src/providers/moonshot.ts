import type { Provider } from '../core/provider.ts';

/** https://platform.kimi.ai/docs/api/chat */
export const moonshot = {
  id: 'moonshot',
  name: 'Moonshot AI',
  dialects: { 'openai-chat': true, anthropic: 'https://api.moonshot.ai/anthropic/v1' },
  baseUrl: 'https://api.moonshot.ai/v1',
  auth: { scheme: 'bearer' },
  secret: 'MOONSHOT_API_KEY',
  quirks: { maxTokensField: 'max_tokens', developerRole: 'system', reasoningField: 'reasoning_content' },
  owns: ['kimi-', 'moonshot-v1-'],
} as const satisfies Provider;
