import type { Provider } from '../core/provider.ts';

/** `llama-server`: https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md */
export const llamaCpp = {
  id: 'llama-cpp',
  name: 'llama.cpp',
  dialects: { 'openai-chat': true, anthropic: true, 'openai-completions': true },
  baseUrl: 'http://127.0.0.1:8080/v1',
  auth: { scheme: 'none' },
  quirks: { maxTokensField: 'max_tokens', developerRole: 'system', reasoningField: 'reasoning_content' },
} as const satisfies Provider;
