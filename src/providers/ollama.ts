import type { Provider } from '../core/provider.ts';

/**
 * https://docs.ollama.com/openai and https://docs.ollama.com/api/anthropic-compatibility. Its own API serves who speaks it;
 * for everyone else OpenAI's comes first: it keeps the ids of tool calls on every version of the server, and what it
 * cannot say (`top_k`, thinking on or off) is named as lost. Many engines that are `like` this one speak nothing else.
 */
export const ollama = {
  id: 'ollama',
  name: 'Ollama',
  dialects: { 'openai-chat': true, 'openai-responses': true, anthropic: true, 'openai-completions': true, ollama: true },
  baseUrl: 'http://127.0.0.1:11434/v1',
  auth: { scheme: 'none' },
  // Its own API has no version segment.
  transports: { ollama: { url: ({ baseUrl }) => `${baseUrl.replace(/\/v1$/, '')}/api/chat` } },
  // https://docs.ollama.com/api/embed
  operations: { embeddings: { path: '../api/embed', shape: 'ollama' }, rerank: false, moderations: false },
  quirks: { maxTokensField: 'max_tokens', developerRole: 'system', reasoningField: 'reasoning' },
} as const satisfies Provider;
