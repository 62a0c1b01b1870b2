import type { Usage } from '../../../core/chat.ts';
import { asNumber, isObject, type Json, type JsonObject } from '../../../core/json.ts';

/** A count a vendor gave: a finite number that is not negative, else absent. */
export function count(value: Json | undefined): number | undefined {
  const number = asNumber(value);
  return number === undefined || number < 0 || number > Number.MAX_SAFE_INTEGER ? undefined : number;
}

/** A number as forms hold it, which is as text. */
export const numeric = (value: Json | undefined): Json | undefined => (typeof value === 'string' ? Number(value) : value);

const detail = (usage: JsonObject, group: string, field: string): number | undefined => {
  const details = usage[group];
  return isObject(details) ? count(details[field]) : undefined;
};

const kept = (fields: { readonly [name in keyof Usage]?: number | undefined }): Partial<Usage> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value > 0));

/**
 * `usage` as OpenAI's operations give it: `prompt_tokens` of embeddings, `input_tokens` and `output_tokens` with details
 * of images and audio, `{type: "duration", seconds}` of transcriptions; and as others do, `total_tokens` alone.
 */
export function readUsage(reply: JsonObject): Usage | undefined {
  const { usage } = reply;
  if (!isObject(usage)) return undefined;
  if (usage.type === 'duration') {
    const seconds = count(usage.seconds);
    return seconds === undefined ? undefined : { input: 0, output: 0, seconds };
  }
  const output = count(usage.output_tokens) ?? count(usage.completion_tokens) ?? 0;
  const total = count(usage.total_tokens);
  const input = count(usage.input_tokens) ?? count(usage.prompt_tokens) ?? (total === undefined ? undefined : Math.max(0, total - output));
  if (input === undefined) return undefined;
  return {
    input,
    output,
    ...kept({
      cacheRead: detail(usage, 'input_token_details', 'cached_tokens'),
      audioInput: detail(usage, 'input_token_details', 'audio_tokens') ?? detail(usage, 'prompt_tokens_details', 'audio_tokens'),
      imageInput:
        detail(usage, 'input_tokens_details', 'image_tokens') ??
        detail(usage, 'input_token_details', 'image_tokens') ??
        detail(usage, 'prompt_tokens_details', 'image_tokens'),
      audioOutput: detail(usage, 'output_token_details', 'audio_tokens'),
      imageOutput: detail(usage, 'output_tokens_details', 'image_tokens') ?? detail(usage, 'output_token_details', 'image_tokens'),
      // Mistral's transcriptions: audio is counted in seconds, what is said about it in tokens.
      seconds: count(usage.prompt_audio_seconds),
    }),
  };
}
