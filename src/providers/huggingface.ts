import type { Provider } from '../core/provider.ts';

/** https://huggingface.co/docs/inference-providers/en/tasks/chat-completion */
export const huggingface = {
  id: 'huggingface',
  name: 'Hugging Face Inference Providers',
  dialects: { 'openai-chat': true, 'openai-responses': true },
  baseUrl: 'https://router.huggingface.co/v1',
  auth: { scheme: 'bearer' },
  secret: 'HF_TOKEN',
  quirks: { maxTokensField: 'max_tokens', developerRole: 'system' },
} as const satisfies Provider;
