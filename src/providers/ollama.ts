import type { Provider } from '../core/provider.ts';

/** https://docs.ollama.com/openai and https://docs.ollama.com/api/anthropic-compatibility */
export const ollama = {
  id: 'ollama',
  name: 'Ollama',
  dialects: { 'openai-chat': true, anthropic: true },
  baseUrl: 'http://127.0.0.1:11434/v1',
  auth: { scheme: 'none' },
  quirks: { maxTokensField: 'max_tokens', developerRole: 'system', reasoningField: 'reasoning' },
} as const satisfies Provider;
