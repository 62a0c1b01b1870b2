import type { Provider } from '../../core/provider.ts';
import { throughBinding } from './binding.ts';

/**
 * https://developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility/. Models of the gateway's own account
 * are called through the `AI` binding where there is one; with an account in the settings they are that account's.
 */
export const workersAi = {
  id: 'workers-ai',
  name: 'Cloudflare Workers AI',
  dialects: { 'openai-chat': true },
  baseUrl: 'https://api.cloudflare.com/client/v4/accounts/{account}/ai/v1',
  auth: { scheme: 'bearer' },
  secret: 'CLOUDFLARE_API_TOKEN',
  settings: { account: { description: 'The id of the Cloudflare account whose models are called.' } },
  quirks: { maxTokensField: 'max_tokens', developerRole: 'system', reasoningField: 'reasoning_content' },
  bound: throughBinding,
  owns: ['@cf/', '@hf/'],
} as const satisfies Provider;
