import OpenAI, { APIError } from 'openai';
import { QUESTION, type SdkCall, type Target } from './client.ts';

const client = ({ url, key }: Target) => new OpenAI({ baseURL: `${url}/v1`, apiKey: key });
const messages = [{ role: 'user' as const, content: QUESTION }];
const isTyped = (thrown: unknown) => thrown instanceof APIError;

/** `openai`. */
export const openaiCalls: readonly SdkCall[] = [
  {
    name: 'openai, chat',
    vendor: 'chat',
    waits: true,
    async ask(target) {
      const { choices } = await client(target).chat.completions.create({ model: target.model, messages });
      return { finish: choices[0]?.finish_reason };
    },
  },
  {
    name: 'openai, chat, streamed',
    vendor: 'chat',
    waits: true,
    reached: 'length',
    isTyped,
    async ask(target, heard) {
      let finish: string | null | undefined;
      const stream = await client(target).chat.completions.create({ model: target.model, messages, stream: true });
      for await (const { choices } of stream) {
        heard?.(choices[0]?.delta.content ?? '');
        finish = choices[0]?.finish_reason ?? finish;
      }
      return { finish };
    },
  },
  {
    name: 'openai, responses',
    vendor: 'responses',
    waits: true,
    async ask(target) {
      return { finish: (await client(target).responses.create({ model: target.model, input: QUESTION })).status };
    },
  },
  {
    name: 'openai, responses, streamed',
    vendor: 'responses',
    waits: true,
    reached: 'max_output_tokens',
    isTyped,
    async ask(target, heard) {
      let finish: string | undefined;
      const stream = await client(target).responses.create({ model: target.model, input: QUESTION, stream: true });
      for await (const event of stream) {
        if (event.type === 'response.output_text.delta') heard?.(event.delta);
        if (event.type === 'response.failed') throw new Error(event.response.error?.message);
        if (event.type === 'response.incomplete') finish = event.response.incomplete_details?.reason;
      }
      return { finish };
    },
  },
  {
    name: 'openai, embeddings',
    vendor: 'vectors',
    waits: true,
    async ask(target) {
      await client(target).embeddings.create({ model: target.model, input: QUESTION });
      return {};
    },
  },
];
