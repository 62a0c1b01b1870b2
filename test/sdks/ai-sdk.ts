import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogle } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { createGateway, generateText, type LanguageModel, streamText } from 'ai';
import { MOST, QUESTION, type SdkCall, type Target } from './client.ts';

function callsOf(name: string, vendor: SdkCall['vendor'], model: (target: Target) => LanguageModel): readonly SdkCall[] {
  return [
    {
      name: `ai with ${name}`,
      vendor,
      waits: true,
      async ask(target) {
        return { finish: (await generateText({ model: model(target), prompt: QUESTION, maxOutputTokens: 1_000 })).finishReason };
      },
    },
    {
      name: `ai with ${name}, streamed`,
      vendor,
      waits: true,
      reached: 'length',
      isTyped: (thrown) => thrown instanceof Error && thrown.name === 'AI_StreamProviderError',
      async ask(target, heard) {
        const { fullStream, finishReason } = streamText({
          model: model(target),
          prompt: QUESTION,
          maxOutputTokens: MOST,
          onError: () => undefined,
        });
        // Where nothing came it rejects in addition to what the stream tells.
        finishReason.then(undefined, () => undefined);
        for await (const part of fullStream) {
          if (part.type === 'error') throw part.error;
          if (part.type === 'text-delta') heard?.(part.text);
        }
        return { finish: await finishReason };
      },
    },
  ];
}

/** `ai`, with the packages of each dialect. */
export const aiSdkCalls: readonly SdkCall[] = [
  ...callsOf('@ai-sdk/openai', 'responses', ({ url, key, model }) => createOpenAI({ baseURL: `${url}/v1`, apiKey: key })(model)),
  ...callsOf('@ai-sdk/openai, chat', 'chat', ({ url, key, model }) => createOpenAI({ baseURL: `${url}/v1`, apiKey: key }).chat(model)),
  ...callsOf('@ai-sdk/openai-compatible', 'chat', ({ url, key, model }) =>
    createOpenAICompatible({ name: 'weir', baseURL: `${url}/v1`, apiKey: key, includeUsage: true })(model),
  ),
  ...callsOf('@ai-sdk/anthropic', 'anthropic', ({ url, key, model }) => createAnthropic({ baseURL: `${url}/v1`, apiKey: key })(model)),
  ...callsOf('@ai-sdk/google', 'gemini', ({ url, key, model }) => createGoogle({ baseURL: `${url}/v1beta`, apiKey: key })(model)),
  ...callsOf('@ai-sdk/gateway', 'chat', ({ url, key, model }) => createGateway({ baseURL: `${url}/v4/ai`, apiKey: key })(model)),
];
