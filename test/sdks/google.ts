import { ApiError, GoogleGenAI as Current } from '@google/genai';
import { GoogleGenAI as Earlier } from 'google-genai-1';
import { QUESTION, type SdkCall, type Target } from './client.ts';

/** Its errors have the body of the answer as their message, and of the head the status. */
function whenOf(thrown: unknown): number | undefined {
  const [, seconds] = /"retryDelay":"(\d+)s"/.exec(thrown instanceof Error ? thrown.message : '') ?? [];
  return seconds === undefined ? undefined : Number(seconds);
}

function callsOf(name: string, Sdk: typeof Earlier, isTyped: (thrown: unknown) => boolean): readonly SdkCall[] {
  const client = ({ url, key }: Target) => new Sdk({ apiKey: key, httpOptions: { baseUrl: url } });
  return [
    {
      name,
      vendor: 'gemini',
      waits: false,
      whenOf,
      async ask(target) {
        const answer = await client(target).models.generateContent({ model: target.model, contents: QUESTION });
        return { finish: answer.candidates?.[0]?.finishReason };
      },
    },
    {
      name: `${name}, streamed`,
      vendor: 'gemini',
      waits: false,
      whenOf,
      reached: 'MAX_TOKENS',
      isTyped,
      async ask(target, heard) {
        let finish: string | undefined;
        const stream = await client(target).models.generateContentStream({ model: target.model, contents: QUESTION });
        for await (const event of stream) {
          heard?.(event.text ?? '');
          finish = event.candidates?.[0]?.finishReason ?? finish;
        }
        return { finish };
      },
    },
  ];
}

/** `@google/genai`, 3.x and 1.x. */
export const googleCalls: readonly SdkCall[] = [
  ...callsOf('@google/genai 3.x', Current as unknown as typeof Earlier, (thrown) => thrown instanceof ApiError && thrown.status === 401),
  // It takes an event that is an error for an answer without content, and sees only that the stream was not ended.
  ...callsOf('@google/genai 1.x', Earlier, (thrown) => thrown instanceof Error && thrown.message === 'Incomplete JSON segment at the end'),
];
