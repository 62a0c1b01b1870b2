import type { Provider } from '../core/provider.ts';

/** https://docs.hyperbolic.xyz */
export const hyperbolic = {
  id: 'hyperbolic',
  name: 'Hyperbolic',
  dialects: { 'openai-chat': true },
  baseUrl: 'https://api.hyperbolic.xyz/v1',
  auth: { scheme: 'bearer' },
  secret: 'HYPERBOLIC_API_KEY',
  quirks: { maxTokensField: 'max_tokens', developerRole: 'system' },
} as const satisfies Provider;
