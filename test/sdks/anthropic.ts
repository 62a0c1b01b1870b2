import Current from '@anthropic-ai/sdk';
import Earlier from 'anthropic-sdk-0';
import { MOST, QUESTION, type SdkCall, type Target } from './client.ts';

const messages = [{ role: 'user' as const, content: QUESTION }];

function callsOf(name: string, Sdk: typeof Earlier): readonly SdkCall[] {
  const client = ({ url, key }: Target) => new Sdk({ baseURL: url, apiKey: key });
  return [
    {
      name: `${name}, messages`,
      vendor: 'anthropic',
      waits: true,
      async ask(target) {
        // Longer answers the SDK wants streamed.
        const answer = await client(target).messages.create({ model: target.model, max_tokens: 1_000, messages });
        return { finish: answer.stop_reason };
      },
    },
    {
      name: `${name}, messages, streamed`,
      vendor: 'anthropic',
      waits: true,
      reached: 'max_tokens',
      isTyped: (thrown) => thrown instanceof Sdk.APIError,
      async ask(target, heard) {
        const stream = client(target).messages.stream({ model: target.model, max_tokens: MOST, messages });
        stream.on('text', (text) => heard?.(text));
        return { finish: (await stream.finalMessage()).stop_reason };
      },
    },
  ];
}

/** `@anthropic-ai/sdk`, 1.x and 0.x. */
export const anthropicCalls: readonly SdkCall[] = [
  ...callsOf('@anthropic-ai/sdk 1.x', Current as unknown as typeof Earlier),
  ...callsOf('@anthropic-ai/sdk 0.x', Earlier),
];
