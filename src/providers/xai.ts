import type { Provider } from '../core/provider.ts';

/** https://docs.x.ai/docs/api-reference and https://docs.x.ai/developers/model-capabilities/text/comparison */
export const xai = {
  id: 'xai',
  name: 'xAI',
  // Chat Completions is deprecated there, and has no field for the reasoning that is to be sent back.
  dialects: { 'openai-responses': true, 'openai-chat': true },
  baseUrl: 'https://api.x.ai/v1',
  auth: { scheme: 'bearer' },
  secret: 'XAI_API_KEY',
  quirks: { developerRole: 'system', reasoningField: 'reasoning_content' },
  owns: ['grok-'],
} as const satisfies Provider;
