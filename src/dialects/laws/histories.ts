import { isArray, isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';

// Instruments for tests. Production code must not import this file.

const asked = { role: 'user', content: 'Go on.' };
const first = (list: Json | undefined): JsonObject => {
  const [item] = isArray(list) ? list : [];
  return isObject(item) ? item : {};
};

/**
 * How a client of each dialect sends an answer back: the call whose conversation ends in that answer, every part of it
 * untouched. `cannot` where the dialect has no place at all for what a vendor wants back with a part.
 */
export const histories: { readonly [dialect: string]: ((reply: JsonObject) => JsonObject) | 'cannot' } = {
  'openai-chat': ({ choices }) => ({ model: 'm', messages: [asked, first(choices).message ?? null] }),
  anthropic: ({ role, content }) => ({ model: 'm', max_tokens: 9, messages: [asked, { role, content }] }),
  'openai-responses': ({ output }) => ({ model: 'm', input: [asked, ...(isArray(output) ? output : [])] }),
  gemini: ({ candidates }) => ({ contents: [{ role: 'user', parts: [{ text: 'Go on.' }] }, first(candidates).content ?? null] }),
  bedrock: ({ output }) => ({
    messages: [{ role: 'user', content: [{ text: 'Go on.' }] }, (isObject(output) ? output.message : undefined) ?? null],
  }),
  'ai-sdk-gateway': ({ content }) => ({
    prompt: [
      { role: 'user', content: [{ type: 'text', text: 'Go on.' }] },
      { role: 'assistant', content: sentBack(content) },
    ],
  }),
  ollama: 'cannot',
  cohere: 'cannot',
  'openai-completions': 'cannot',
};

/** The AI SDK sends a provider's metadata back as that provider's options, and a tool's input parsed. */
const sentBack = (content: Json | undefined): Json =>
  (isArray(content) ? content : []).filter(isObject).map(({ providerMetadata, input, ...part }) => ({
    ...part,
    ...(typeof input === 'string' && { input: parseJson(input) ?? null }),
    ...(providerMetadata !== undefined && { providerOptions: providerMetadata }),
  }));
