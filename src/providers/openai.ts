import type { Provider } from '../core/provider.ts';

/** https://platform.openai.com/docs/api-reference/chat and .../responses */
export const openai = {
  id: 'openai',
  name: 'OpenAI',
  dialects: { 'openai-chat': true, 'openai-responses': true, 'openai-completions': true },
  baseUrl: 'https://api.openai.com/v1',
  auth: { scheme: 'bearer' },
  secret: 'OPENAI_API_KEY',
  forwards: ['openai-organization', 'openai-project', 'openai-beta'],
  quirks: { thoughtSignatures: false, promptCacheKey: true },
  // Kept at the vendor, so a call that names neither a model nor an id goes only where a literal says so.
  operations: { files: {}, batches: {} },
  owns: ['gpt-', 'chatgpt-', 'o1', 'o3', 'o4'],
} as const satisfies Provider;
