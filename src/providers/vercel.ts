import type { Provider } from '../core/provider.ts';

/** https://vercel.com/docs/ai-gateway/sdks-and-apis */
export const vercel = {
  id: 'vercel',
  name: 'Vercel AI Gateway',
  dialects: { 'openai-chat': true, 'openai-responses': true, anthropic: true, 'ai-sdk-gateway': 'https://ai-gateway.vercel.sh/v4/ai' },
  baseUrl: 'https://ai-gateway.vercel.sh/v1',
  auth: { scheme: 'bearer' },
  secret: 'AI_GATEWAY_API_KEY',
  quirks: { maxTokensField: 'max_tokens', developerRole: 'system', reasoningField: 'reasoning' },
} as const satisfies Provider;
