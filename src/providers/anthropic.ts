import type { Provider } from '../core/provider.ts';

/** https://platform.claude.com/docs/en/api/messages */
export const anthropic = {
  id: 'anthropic',
  name: 'Anthropic',
  dialects: { anthropic: true },
  baseUrl: 'https://api.anthropic.com/v1',
  auth: { scheme: 'header', name: 'x-api-key' },
  secret: 'ANTHROPIC_API_KEY',
  headers: { 'anthropic-version': '2023-06-01' },
  forwards: ['anthropic-version', 'anthropic-beta', 'idempotency-key'],
  owns: ['claude-'],
} as const satisfies Provider;
