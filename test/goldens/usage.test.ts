import { describe, expect, it } from 'vitest';
import type { Usage } from '../../src/core/chat.ts';
import { isObject } from '../../src/core/json.ts';
import { OperationCall } from '../../src/core/operation.ts';
import { embeddings } from '../../src/kinds/llm/operations/embeddings/index.ts';
import { operationNamed } from '../../src/kinds/llm/operations/index.ts';
import { decode, readFixtureJson, recorded } from './recorded.ts';
import { summarise } from './summary.ts';

/**
 * Worked by hand from the recordings, with the vendor's own numbers: input counts what was cached, output counts the
 * reasoning, whatever the vendor's convention.
 */
const ANSWERS: readonly (readonly [name: string, usage: Usage])[] = [
  // OpenAI: prompt_tokens 16, completion_tokens 300, total 316; both include their parts.
  ['openai/chat__openai-text.chunks.txt', { input: 16, output: 300, cacheRead: 0, reasoning: 0 }],
  // xAI leaves reasoning out of completion_tokens (1) and counts it in the total (303): 303 − 12.
  ['xai/xai-text.chunks.txt', { input: 12, output: 303 - 12, cacheRead: 11, reasoning: 290 }],
  // The same: completion_tokens 26, reasoning 189, total 506 = 291 + 26 + 189.
  ['xai/xai-tool-call.json', { input: 291, output: 26 + 189, cacheRead: 244, reasoning: 189 }],
  // DeepSeek: completion_tokens 345 of which 315 reasoning; prompt 18 = cache hits 0 + misses 18.
  ['deepseek/chat__deepseek-reasoning.json', { input: 18, output: 345, cacheRead: 0, reasoning: 315 }],
  // Groq names no cached tokens: total 666 = 17 + 649.
  ['groq/groq-reasoning.json', { input: 17, output: 649, reasoning: 570 }],
  // Moonshot: usage in the stream's last choice.
  ['moonshotai/moonshotai-stream.chunks.txt', { input: 9, output: 12, reasoning: 7 }],
  // Mistral counts its thinking in completion_tokens and does not say how much it was: total 56.
  ['mistral/mistral-reasoning.json', { input: 10, output: 56 - 10 }],
  // Alibaba: total 1379 = 24 + 1355.
  ['alibaba/alibaba-reasoning.chunks.txt', { input: 24, output: 1355, cacheRead: 0, reasoning: 1084 }],
  // OpenAI's completions: total 30.
  ['openai/completion__openai-completion-text.chunks.txt', { input: 14, output: 30 - 14 }],
  // Anthropic leaves out what was cached: 6 fresh + 6289 read + 3337 written, in the last event alone.
  [
    'anthropic/anthropic-code-execution-20260120-prompt-cache.1.chunks.txt',
    { input: 6 + 6289 + 3337, output: 198, cacheRead: 6289, cacheWrite: 3337, reasoning: 0 },
  ],
  // input_tokens 43 at the start and 61 at the end: the last count, never the sum.
  ['anthropic/anthropic-message-delta-input-tokens.chunks.txt', { input: 61, output: 2 }],
  // Two searches of the vendor's own, which it charges for.
  ['anthropic/anthropic-web-search-tool.1.json', { input: 27_118, output: 600, cacheRead: 0, cacheWrite: 0, searches: 2 }],
  // Gemini's candidates leave out thoughts: total 281 = 9 + 28 + 244.
  ['google/google-text.json', { input: 9, output: 28 + 244, reasoning: 244 }],
  // On every chunk of a stream, the last one counts: total 1741 = 31 + 684 + 1026.
  ['google/google-vertex-stream-tool-call-arguments-nested.1.chunks.txt', { input: 31, output: 684 + 1026, reasoning: 1026 }],
  // Total 1845 = 29 + 15 + 1801.
  ['google/google-tool-call-gemini3.json', { input: 29, output: 15 + 1801, reasoning: 1801 }],
  // Bedrock: metadata behind the end; total 77 = 22 + 55.
  ['amazon-bedrock/amazon-bedrock-text.chunks.txt', { input: 22, output: 77 - 22 }],
  // Nothing of 51 was cached; reasoning is in outputTokens and is not named.
  ['amazon-bedrock/amazon-bedrock-reasoning.json', { input: 51, output: 78, cacheRead: 0, cacheWrite: 0 }],
  // Cohere bills 119 of the 1549 tokens of the prompt; of the 1504 cached ones 1430 are its own, which stand in front.
  ['cohere/cohere-tool-call.chunks.txt', { input: 119, output: 44, cacheRead: 1504 - (1549 - 119) }],
  // 992 cached tokens are fewer than its own 1644: nothing of the caller's was cached.
  ['cohere/cohere-citations.json', { input: 39, output: 27, cacheRead: 0 }],
  // Responses: total 3062 = 2143 + 919; both include their parts.
  ['azure/azure-code-interpreter-tool.1.chunks.txt', { input: 2143, output: 919, cacheRead: 1280, reasoning: 576 }],
  // xAI's Responses count reasoning as output: total 2524 = 1941 + 583.
  ['xai/responses__xai-web-search-tool.1.json', { input: 1941, output: 583, cacheRead: 947, reasoning: 380 }],
  // LM Studio: total 243 = 182 + 61.
  ['open-responses/responses__lmstudio-tool-call.1.chunks.txt', { input: 182, output: 61, cacheRead: 2, reasoning: 48 }],
];

describe('usage of recorded answers, worked by hand', () => {
  it.each(ANSWERS)('%s', (name, usage) => {
    const answer = recorded.find((each) => each.name === name);
    expect(answer).toBeDefined();
    if (answer !== undefined) expect(summarise(decode(answer)).usage).toEqual(usage);
  });
});

const replyOf = (name: string) => {
  const reply = readFixtureJson(name);
  if (!isObject(reply)) throw new Error(`${name} is no object`);
  return reply;
};

/** What operations beside chat say that they cost. */
const OPERATIONS: readonly (readonly [name: string, operation: Parameters<typeof operationNamed>[0], usage: Usage | undefined])[] = [
  ['openai/embedding__openai-embedding.json', 'embeddings', { input: 12, output: 0 }],
  // One unit is one query with up to a hundred documents.
  ['cohere/reranking__cohere-reranking.1.json', 'rerank', { input: 0, output: 0, searches: 1 }],
  ['togetherai/reranking__togetherai-reranking.1.json', 'rerank', { input: 2966, output: 0 }],
  // These models are paid by the picture.
  ['openai/image__openai-image.json', 'image-generation', { input: 0, output: 0, images: 2 }],
  ['openai/image__openai-image-edit.json', 'image-edit', { input: 0, output: 0, images: 1 }],
  // Heard for 36.7 seconds, charged for 37.
  ['openai/transcription__openai-transcription.json', 'transcription', { input: 0, output: 0, seconds: 37 }],
  // 13 tokens of text beside 36 seconds of audio: total 164 = 13 + 151.
  ['mistral/mistral-transcription.json', 'transcription', { input: 13, output: 151, seconds: 36 }],
];

describe('usage of recorded answers of other operations', () => {
  it.each(OPERATIONS)('%s', (name, operation, usage) => {
    expect(operationNamed(operation).usage(replyOf(name))).toEqual(usage);
  });

  it("cohere/cohere-embedding.json, in Cohere's own form", () => {
    const call = OperationCall.read(
      'embeddings',
      JSON.stringify({ model: 'm', input: ['sunny day at the beach', 'rainy day in the city'] }),
      new Headers(),
      'openai',
      embeddings,
    );
    const answer = embeddings.translate?.(call, 'cohere', 'm')?.answer([replyOf('cohere/cohere-embedding.json')]);
    expect(answer?.usage).toEqual({ input: 10, output: 0 });
    expect(answer?.body).toMatchObject({
      data: [{ embedding: [0.033_020_02, {}, {}, -0.0625, {}].map((n) => (typeof n === 'number' ? n : expect.any(Number))) }, { index: 1 }],
    });
  });
});
