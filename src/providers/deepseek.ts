import type { Provider } from '../core/provider.ts';

/** https://api-docs.deepseek.com and https://api-docs.deepseek.com/guides/anthropic_api: `json_object` is the only response format; https://api-docs.deepseek.com/api/create-completion stands at an address of its own. */
export const deepseek = {
  id: 'deepseek',
  name: 'DeepSeek',
  dialects: {
    'openai-chat': true,
    anthropic: 'https://api.deepseek.com/anthropic/v1',
    'openai-completions': 'https://api.deepseek.com/beta',
  },
  baseUrl: 'https://api.deepseek.com/v1',
  auth: { scheme: 'bearer' },
  secret: 'DEEPSEEK_API_KEY',
  quirks: { maxTokensField: 'max_tokens', developerRole: 'system', reasoningField: 'reasoning_content', jsonSchema: false },
  owns: ['deepseek-chat', 'deepseek-reasoner'],
} as const satisfies Provider;
