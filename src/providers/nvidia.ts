import type { Provider } from '../core/provider.ts';

/** https://docs.api.nvidia.com/nim/reference/llm-apis */
export const nvidia = {
  id: 'nvidia',
  name: 'NVIDIA NIM',
  dialects: { 'openai-chat': true },
  baseUrl: 'https://integrate.api.nvidia.com/v1',
  auth: { scheme: 'bearer' },
  secret: 'NVIDIA_API_KEY',
  quirks: { maxTokensField: 'max_tokens', developerRole: 'system', reasoningField: 'reasoning_content' },
} as const satisfies Provider;
