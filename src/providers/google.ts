import type { Provider } from '../core/provider.ts';

/**
 * The Gemini API in its own form, https://ai.google.dev/api, and in the OpenAI-compatible one,
 * https://ai.google.dev/gemini-api/docs/openai, which wants the same key as a bearer.
 */
export const google = {
  id: 'google',
  name: 'Google Gemini',
  dialects: { gemini: true, 'openai-chat': 'https://generativelanguage.googleapis.com/v1beta/openai' },
  baseUrl: 'https://generativelanguage.googleapis.com/v1beta',
  auth: { scheme: 'signed' },
  secret: 'GEMINI_API_KEY',
  quirks: { developerRole: 'system', thoughtSignatures: true },
  // https://ai.google.dev/api/embeddings, reached in Gemini's own dialect; without it the compatible endpoint has embeddings too.
  operations: {
    embeddings: { path: 'models/{model}:batchEmbedContents', dialect: 'gemini', shape: 'gemini' },
    rerank: false,
    moderations: false,
  },
  sign: async (request, credential) => {
    const isCompatible = new URL(request.url).pathname.includes('/openai/');
    const key: Record<string, string> = isCompatible ? { authorization: `Bearer ${credential}` } : { 'x-goog-api-key': credential };
    return { ...request, headers: { ...request.headers, ...key } };
  },
  owns: ['gemini-'],
} as const satisfies Provider;
