import type { Provider } from '../core/provider.ts';

/** https://lmstudio.ai/docs/developer/openai-compat and .../anthropic-compat */
export const lmStudio = {
  id: 'lm-studio',
  name: 'LM Studio',
  dialects: { 'openai-chat': true, 'openai-responses': true, anthropic: true, 'openai-completions': true },
  baseUrl: 'http://127.0.0.1:1234/v1',
  auth: { scheme: 'none' },
  quirks: { maxTokensField: 'max_tokens', developerRole: 'system', reasoningField: 'reasoning_content' },
} as const satisfies Provider;
