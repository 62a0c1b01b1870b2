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
  forwards: ['anthropic-version', 'anthropic-beta'],
  // Models from 4.6 on refuse a call that ends with the assistant's words:
  // https://platform.claude.com/docs/en/about-claude/models/migration-guide
  quirks: {
    prefill: {
      by: 'last',
      models: [
        'claude-3*',
        'claude-opus-4-0*',
        'claude-opus-4-1*',
        'claude-opus-4-2*',
        'claude-opus-4-5*',
        'claude-sonnet-4-0*',
        'claude-sonnet-4-2*',
        'claude-sonnet-4-5*',
        'claude-haiku-4-5*',
      ],
    },
  },
  owns: ['claude-'],
} as const satisfies Provider;
