import type { Provider } from '../core/provider.ts';

/** https://docs.github.com/en/rest/models/inference */
export const githubModels = {
  id: 'github-models',
  name: 'GitHub Models',
  dialects: { 'openai-chat': true },
  baseUrl: 'https://models.github.ai/inference',
  auth: { scheme: 'bearer' },
  secret: 'GITHUB_TOKEN',
  quirks: { maxTokensField: 'max_tokens' },
} as const satisfies Provider;
