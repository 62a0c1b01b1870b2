import type { Provider } from '../core/provider.ts';

/** https://docs.mistral.ai/api: unknown fields are refused, and usage comes in the last chunk unasked. */
export const mistral = {
  id: 'mistral',
  name: 'Mistral AI',
  dialects: { 'openai-chat': true },
  baseUrl: 'https://api.mistral.ai/v1',
  auth: { scheme: 'bearer' },
  secret: 'MISTRAL_API_KEY',
  quirks: {
    maxTokensField: 'max_tokens',
    streamUsage: false,
    developerRole: 'system',
    thoughtSignatures: false,
    // https://docs.mistral.ai/api (AssistantMessage.prefix); what was sent stands at the beginning of the answer again.
    prefill: { by: 'prefix', echoes: true },
  },
  owns: ['mistral-large-', 'mistral-medium-', 'mistral-small-', 'codestral-', 'magistral-', 'ministral-', 'devstral-', 'pixtral-'],
} as const satisfies Provider;
