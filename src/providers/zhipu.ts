import type { Provider } from '../core/provider.ts';

/** The platform for mainland China: https://docs.bigmodel.cn/cn/api/introduction */
export const zhipu = {
  id: 'zhipu',
  name: 'Zhipu AI',
  dialects: { 'openai-chat': true, anthropic: 'https://open.bigmodel.cn/api/anthropic/v1' },
  baseUrl: 'https://open.bigmodel.cn/api/paas/v4',
  auth: { scheme: 'bearer' },
  secret: 'ZHIPU_API_KEY',
  quirks: { maxTokensField: 'max_tokens', developerRole: 'system', reasoningField: 'reasoning_content', jsonSchema: false },
} as const satisfies Provider;
