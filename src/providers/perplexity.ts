import type { Provider } from '../core/provider.ts';

/** https://docs.perplexity.ai/api-reference: every chunk carries usage unasked. */
export const perplexity = {
  id: 'perplexity',
  name: 'Perplexity',
  dialects: { 'openai-chat': true },
  baseUrl: 'https://api.perplexity.ai',
  auth: { scheme: 'bearer' },
  secret: 'PERPLEXITY_API_KEY',
  quirks: { maxTokensField: 'max_tokens', streamUsage: false, developerRole: 'system' },
  owns: ['sonar'],
} as const satisfies Provider;
