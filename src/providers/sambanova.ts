import type { Provider } from '../core/provider.ts';

/** https://docs.sambanova.ai/docs/en/features/openai-compatibility */
export const sambanova = {
  id: 'sambanova',
  name: 'SambaNova Cloud',
  dialects: { 'openai-chat': true },
  baseUrl: 'https://api.sambanova.ai/v1',
  auth: { scheme: 'bearer' },
  secret: 'SAMBANOVA_API_KEY',
  quirks: { maxTokensField: 'max_tokens', developerRole: 'system' },
} as const satisfies Provider;
