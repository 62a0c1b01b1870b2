import type { Provider } from '../core/provider.ts';

/** The OpenAI-compatible endpoint of the Gemini API: https://ai.google.dev/gemini-api/docs/openai */
export const google = {
  id: 'google',
  name: 'Google Gemini',
  dialects: { 'openai-chat': true },
  baseUrl: 'https://generativelanguage.googleapis.com/v1beta/openai',
  auth: { scheme: 'bearer' },
  secret: 'GEMINI_API_KEY',
  quirks: { developerRole: 'system' },
  owns: ['gemini-'],
} as const satisfies Provider;
