import type { Provider } from '../core/provider.ts';

/** https://docs.vllm.ai/en/latest/serving/openai_compatible_server */
export const vllm = {
  id: 'vllm',
  name: 'vLLM',
  dialects: { 'openai-chat': true, 'openai-responses': true, anthropic: true, 'openai-completions': true },
  baseUrl: 'http://127.0.0.1:8000/v1',
  auth: { scheme: 'none' },
  quirks: { maxTokensField: 'max_tokens', developerRole: 'system', reasoningField: 'reasoning', prefill: { by: 'continue' } },
} as const satisfies Provider;
