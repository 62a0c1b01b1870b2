import { ChatAnthropic } from '@langchain/anthropic';
import type { AIMessageChunk } from '@langchain/core/messages';
import { ChatOpenAI } from '@langchain/openai';
import { APIError } from 'openai';
import { MOST, QUESTION, type SdkCall, type Target } from './client.ts';

type Chat = Pick<ChatOpenAI | ChatAnthropic, 'invoke' | 'stream'>;

const textOf = ({ content }: AIMessageChunk): string =>
  typeof content === 'string'
    ? content
    : content.map((block) => ('text' in block && typeof block.text === 'string' ? block.text : '')).join('');

const finishOf = ({ response_metadata, additional_kwargs }: AIMessageChunk): string | undefined => {
  const said = { ...additional_kwargs, ...response_metadata };
  const word = said.finish_reason ?? said.stop_reason;
  return typeof word === 'string' ? word : undefined;
};

/** It brings an SDK of its own, whose classes nobody else has. */
const isRefusedKey = (thrown: unknown) =>
  thrown instanceof Error && 'error' in thrown && JSON.stringify(thrown.error).includes('"type":"authentication_error"');

interface Facts {
  readonly vendor: SdkCall['vendor'];
  readonly reached: string;
  readonly isTyped: (thrown: unknown) => boolean;
}

function callsOf(name: string, chat: (target: Target) => Chat, { vendor, ...streamed }: Facts): readonly SdkCall[] {
  return [
    {
      name,
      vendor,
      waits: true,
      async ask(target) {
        await chat(target).invoke(QUESTION);
        return {};
      },
    },
    {
      name: `${name}, streamed`,
      vendor,
      waits: true,
      ...streamed,
      async ask(target, heard) {
        let finish: string | undefined;
        for await (const chunk of await chat(target).stream(QUESTION)) {
          heard?.(textOf(chunk));
          finish = finishOf(chunk) ?? finish;
        }
        return { finish };
      },
    },
  ];
}

/** LangChain.js's chat models. */
export const langchainCalls: readonly SdkCall[] = [
  ...callsOf(
    '@langchain/openai',
    ({ url, key, model }) => new ChatOpenAI({ model, apiKey: key, configuration: { baseURL: `${url}/v1` } }),
    {
      vendor: 'chat',
      reached: 'length',
      isTyped: (thrown) => thrown instanceof APIError,
    },
  ),
  ...callsOf(
    '@langchain/anthropic',
    ({ url, key, model }) => new ChatAnthropic({ model, apiKey: key, anthropicApiUrl: url, maxTokens: MOST }),
    { vendor: 'anthropic', reached: 'max_tokens', isTyped: isRefusedKey },
  ),
];
