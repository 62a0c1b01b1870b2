import type { Provider } from '../core/provider.ts';

/** https://platform.openai.com/docs/api-reference/chat */
export const openai = {
  id: 'openai',
  name: 'OpenAI',
  dialects: { 'openai-chat': true },
  baseUrl: 'https://api.openai.com/v1',
  auth: { scheme: 'bearer' },
  secret: 'OPENAI_API_KEY',
  forwards: ['openai-organization', 'openai-project', 'openai-beta', 'idempotency-key'],
  owns: ['gpt-', 'chatgpt-', 'o1', 'o3', 'o4'],
} as const satisfies Provider;
