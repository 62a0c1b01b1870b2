import type { Provider } from '../core/provider.ts';

/** https://docs.x.ai/docs/api-reference */
export const xai = {
  id: 'xai',
  name: 'xAI',
  dialects: { 'openai-chat': true },
  baseUrl: 'https://api.x.ai/v1',
  auth: { scheme: 'bearer' },
  secret: 'XAI_API_KEY',
  quirks: { developerRole: 'system', reasoningField: 'reasoning_content' },
  owns: ['grok-'],
} as const satisfies Provider;
