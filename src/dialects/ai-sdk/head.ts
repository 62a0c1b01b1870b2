import type { CallAddress, CallHead } from '../../core/dialect.ts';
import { invalid } from '../../core/fields.ts';
import type { Fields } from '../../core/wire.ts';

/** Model and streaming stand in the headers of a call, and usage is part of every answer. */
export function readHead(_fields: Fields, address?: CallAddress): CallHead {
  const model = address?.model ?? '';
  if (model === '') throw invalid(MODEL, 'the name of a model');
  return { model, stream: address?.stream ?? false, wantsUsage: true };
}

export const MODEL = 'ai-language-model-id';
export const STREAMING = 'ai-language-model-streaming';

/** What a call's headers say of it. */
export const addressOf = (headers: Headers): CallAddress => ({
  model: headers.get(MODEL) ?? '',
  stream: headers.get(STREAMING) === 'true',
});

/**
 * The headers of a call, with the version of the protocol and of the language models that it speaks of.
 * Source: https://github.com/vercel/ai/tree/main/packages/gateway
 */
export const headersOf = (model: string, stream: boolean) => ({
  'ai-gateway-protocol-version': '0.0.1',
  'ai-language-model-specification-version': '4',
  [MODEL]: model,
  [STREAMING]: String(stream),
});
