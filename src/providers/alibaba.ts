import type { Provider } from '../core/provider.ts';

/** The international region: https://www.alibabacloud.com/help/en/model-studio/qwen-api-via-openai-chat-completions and .../anthropic-api-messages */
export const alibaba = {
  id: 'alibaba',
  name: 'Alibaba Cloud Model Studio',
  dialects: { 'openai-chat': true, anthropic: 'https://dashscope-intl.aliyuncs.com/apps/anthropic/v1' },
  baseUrl: 'https://dashscope-intl.aliyuncs.com/compatible-mode/v1',
  auth: { scheme: 'bearer' },
  secret: 'DASHSCOPE_API_KEY',
  quirks: { maxTokensField: 'max_tokens', developerRole: 'system', reasoningField: 'reasoning_content' },
  owns: ['qwen-max', 'qwen-plus', 'qwen-turbo', 'qwen-flash'],
} as const satisfies Provider;
