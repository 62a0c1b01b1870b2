import type { Provider } from '../core/provider.ts';

/** https://platform.minimax.io/docs/api-reference/text-chat-anthropic: only the Anthropic form keeps thinking apart from the text. */
export const minimax = {
  id: 'minimax',
  name: 'MiniMax',
  dialects: { anthropic: 'https://api.minimax.io/anthropic/v1', 'openai-chat': true },
  baseUrl: 'https://api.minimax.io/v1',
  auth: { scheme: 'bearer' },
  secret: 'MINIMAX_API_KEY',
  quirks: { developerRole: 'system' },
  owns: ['MiniMax-'],
} as const satisfies Provider;
