import { Readable } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import { MessageStream } from '@anthropic-ai/sdk/lib/MessageStream';
import {
  BedrockRuntimeClient,
  type ContentBlock,
  type ContentBlockDeltaEvent,
  type ConversationRole,
  ConverseCommand,
  type ConverseResponse,
  ConverseStreamCommand,
  type ConverseStreamOutput,
  type ToolUseBlock,
} from '@aws-sdk/client-bedrock-runtime';
import { type Candidate, type GenerateContentResponse, GoogleGenAI, type Part } from '@google/genai';
import { ChatCompletionStream } from 'openai/lib/ChatCompletionStream';
import { ResponseStream } from 'openai/lib/responses/ResponseStream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Dialect } from '../../src/core/dialect.ts';
import { eventstream } from '../../src/core/eventstream.ts';
import { isArray, isObject, type JsonObject } from '../../src/core/json.ts';
import { anthropic } from '../../src/dialects/anthropic/index.ts';
import { bedrock } from '../../src/dialects/bedrock/index.ts';
import { gemini } from '../../src/dialects/gemini/index.ts';
import { openaiChat } from '../../src/dialects/openai-chat/index.ts';
import { openaiResponses } from '../../src/dialects/openai-responses/index.ts';
import { bodyOf, framesOf, hasFailed, isOwn, objectsIn, type Understood, understood } from './answers.ts';

// A stream that the vendor's own SDK has put together must be the whole answer of the same chunks.

afterEach(() => vi.unstubAllGlobals());

/** What SDKs add to an answer: what they would have parsed, and all texts in one. */
const ADDED = new Set(['parsed', 'parsed_arguments', 'parsed_output', 'output_parsed', 'output_text']);
/** What came, as JSON has it. The number by which clients find a block of a stream is no part of the block. */
const plain = (value: unknown): JsonObject =>
  JSON.parse(JSON.stringify(value), (name, each) => {
    if (name === 'thinking_blocks') return each.map(({ index: _, ...block }: JsonObject) => block);
    return ADDED.has(name) ? undefined : each;
  });

/** The events of an answer as SDKs read them from their own `toReadableStream`: one object a line. */
function linesOf({ chunks }: Understood, dialect: Dialect): ReadableStream {
  const lines = objectsIn(framesOf(chunks, dialect)).map((event) => `${JSON.stringify(event)}\n`);
  return new Blob(lines).stream();
}

/** Where two values differ, by path. What is undefined is absent. */
function differences(streamed: unknown, whole: unknown, at = ''): readonly string[] {
  if (isDeepStrictEqual(streamed, whole)) return [];
  if (!isPlain(streamed) || !isPlain(whole) || Array.isArray(streamed) !== Array.isArray(whole)) {
    return [`${at}: ${JSON.stringify(streamed)?.slice(0, 300)} in the stream, ${JSON.stringify(whole)?.slice(0, 300)} in the whole answer`];
  }
  const names = new Set([...Object.keys(streamed), ...Object.keys(whole)]);
  return [...names].flatMap((name) => differences(streamed[name], whole[name], `${at}/${name}`));
}

const isPlain = (value: unknown): value is { readonly [name: string]: unknown } =>
  typeof value === 'object' && value !== null && !(value instanceof Uint8Array);

/** The answers that the two ways to send them tell differently, and how. */
async function disagreements(dialect: Dialect, of: (each: Understood) => Promise<readonly [streamed: unknown, whole: unknown]>) {
  const found: string[] = [];
  // What stays in its dialect is forwarded as it came, and not written here.
  for (const each of understood.filter((each) => !hasFailed(each) && !isOwn(each, dialect))) {
    const [streamed, whole] = await of(each).catch((error: unknown) => [String(error), 'an answer'] as const);
    found.push(...differences(streamed, whole).map((difference) => `${each.name} ${difference}`));
  }
  return found;
}

describe('a stream is the whole answer', () => {
  it('to Anthropic’s SDK', async () => {
    const found = await disagreements(anthropic, async (each) => [
      plain(await MessageStream.fromReadableStream(linesOf(each, anthropic)).finalMessage()),
      bodyOf(each.chunks, anthropic),
    ]);
    expect(found.slice(0, 5)).toEqual([]);
  });

  it('to OpenAI’s SDK in Chat Completions', async () => {
    const found = await disagreements(openaiChat, async (each) => [
      withExtensions(
        plain(await ChatCompletionStream.fromReadableStream(linesOf(each, openaiChat)).finalChatCompletion()),
        objectsIn(framesOf(each.chunks, openaiChat)),
      ),
      bodyOf(each.chunks, openaiChat),
    ]);
    expect(found.slice(0, 5)).toEqual([]);
  });

  it('to OpenAI’s SDK in Responses', async () => {
    // The SDK throws what a stream says of an answer that was given up; a whole answer says it in its `error`.
    const isGivenUp = ({ chunks }: Understood) => chunks.some((chunk) => chunk.type === 'finish' && chunk.reason === 'error');
    const found = await disagreements(openaiResponses, async (each) => {
      const whole = bodyOf(each.chunks, openaiResponses);
      const streamed = ResponseStream.fromReadableStream(linesOf(each, openaiResponses)).finalResponse();
      if (!isGivenUp(each)) return [plain(await streamed), whole];
      const { message } = await streamed.then(
        () => ({ message: 'not thrown' }),
        (error: Error) => error,
      );
      return [message, isObject(whole.error) ? whole.error.message : 'no error'];
    });
    expect(found.slice(0, 5)).toEqual([]);
  });

  it('to Google’s SDK', async () => {
    const found = await disagreements(gemini, async ({ chunks }) => {
      const ai = new GoogleGenAI({ apiKey: 'none' });
      const call = { model: 'gemini-model', contents: 'Hello' };
      const frames = framesOf(chunks, gemini).map(({ text }) => text);
      vi.stubGlobal('fetch', async () => new Response(frames.join(''), { headers: { 'content-type': 'text/event-stream' } }));
      const streamed = joined(await listOf(await ai.models.generateContentStream(call)));
      vi.stubGlobal('fetch', async () => Response.json(bodyOf(chunks, gemini)));
      return [streamed, joined([await ai.models.generateContent(call)])];
    });
    expect(found.slice(0, 5)).toEqual([]);
  });

  it('to AWS’s SDK', async () => {
    const found = await disagreements(bedrock, async ({ chunks }) => {
      const call = { modelId: 'model', messages: [] };
      const events = framesOf(chunks, bedrock).map(({ text }) => text);
      const stream = await answering(eventstream.contentType, eventstream.encode(events.join(''))).send(new ConverseStreamCommand(call));
      const { $metadata: _, ...whole } = await answering('application/json', JSON.stringify(bodyOf(chunks, bedrock))).send(
        new ConverseCommand(call),
      );
      return [accumulated(await listOf(stream.stream ?? [])), whole];
    });
    expect(found.slice(0, 5)).toEqual([]);
  });
});

async function listOf<Item>(items: AsyncIterable<Item> | Iterable<Item>): Promise<readonly Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** A client of Bedrock that is answered with this. */
const answering = (contentType: string, body: string | Uint8Array) =>
  new BedrockRuntimeClient({
    region: 'eu-central-1',
    token: { token: 'none' },
    authSchemePreference: ['httpBearerAuth'],
    requestHandler: {
      handle: async () => ({
        response: { statusCode: 200, headers: { 'content-type': contentType }, body: Readable.from([Buffer.from(body)]) },
      }),
    },
  });

/** The fields of deltas that OpenAI's SDK does not know, of which it keeps the last alone, added up as their clients do it. */
function withExtensions(completion: JsonObject, frames: readonly JsonObject[]): JsonObject {
  const choices = isArray(completion.choices) ? completion.choices.filter(isObject) : [];
  return {
    ...completion,
    choices: choices.map((choice) => {
      const deltas = frames.flatMap(({ choices: said }) =>
        (isArray(said) ? said.filter(isObject) : []).flatMap(({ index, delta }) =>
          index === choice.index && isObject(delta) ? [delta] : [],
        ),
      );
      const reasoning_content = deltas.map((delta) => delta.reasoning_content ?? '').join('');
      const { thinking_blocks } = plain({ thinking_blocks: deltas.flatMap((delta) => delta.thinking_blocks ?? []) });
      const message = isObject(choice.message) ? choice.message : {};
      return {
        ...choice,
        message: {
          ...message,
          ...(message.reasoning_content !== undefined && { reasoning_content }),
          ...(message.thinking_blocks !== undefined && { thinking_blocks }),
        },
      };
    }),
  };
}

/** What responses of Gemini say together, whether they came one by one or at once. */
function joined(responses: readonly GenerateContentResponse[]) {
  const candidates = new Map<number, Candidate>();
  let rest: object = {};
  for (const { sdkHttpResponse: _, candidates: said = [], ...others } of responses) {
    rest = { ...rest, ...others };
    for (const { content, ...facts } of said) {
      const before = candidates.get(facts.index ?? 0);
      const parts = [...(before?.content?.parts ?? []), ...(content?.parts ?? [])];
      candidates.set(facts.index ?? 0, { ...before, ...facts, content: { ...content, parts } });
    }
  }
  return {
    ...rest,
    candidates: [...candidates.values()].map((each) => ({ ...each, content: { ...each.content, parts: run(each.content?.parts) } })),
  };
}

/** Parts that continue one another as one; a part that says nothing is none. */
function run(parts: readonly Part[] = []): readonly Part[] {
  const all: Part[] = [];
  for (const part of parts) {
    const last = all.at(-1);
    const continues = part.text !== undefined && last?.text !== undefined && (last.thought ?? false) === (part.thought ?? false);
    if (part.text === '' && Object.keys(part).length === 1) continue;
    if (continues && last.thoughtSignature === undefined) all[all.length - 1] = { ...last, ...part, text: `${last.text}${part.text}` };
    else all.push(part);
  }
  return all;
}

/** The answer that a stream of Bedrock holds. */
function accumulated(events: readonly ConverseStreamOutput[]): ConverseResponse {
  const blocks: ContentBlock[] = [];
  const inputs = new Map<number, string>();
  let answer: Partial<ConverseResponse> = {};
  let role: ConversationRole | undefined;
  for (const { messageStart, contentBlockStart, contentBlockDelta, messageStop, metadata } of events) {
    role = messageStart?.role ?? role;
    if (contentBlockStart?.start?.toolUse !== undefined) {
      blocks[contentBlockStart.contentBlockIndex ?? 0] = { toolUse: { input: {}, ...contentBlockStart.start.toolUse } };
    }
    if (contentBlockDelta !== undefined) grow(blocks, inputs, contentBlockDelta);
    answer = { ...answer, ...messageStop, ...metadata };
  }
  for (const [index, input] of inputs) blocks[index] = { toolUse: { ...blocks[index]?.toolUse, input: JSON.parse(input) } as ToolUseBlock };
  return { output: { message: { role, content: blocks } }, ...answer } as ConverseResponse;
}

function grow(blocks: ContentBlock[], inputs: Map<number, string>, { contentBlockIndex: at = 0, delta }: ContentBlockDeltaEvent): void {
  const before = blocks[at];
  if (delta?.text !== undefined) blocks[at] = { text: `${before?.text ?? ''}${delta.text}` };
  if (delta?.toolUse !== undefined) inputs.set(at, `${inputs.get(at) ?? ''}${delta.toolUse.input}`);
  const { text, signature, redactedContent } = delta?.reasoningContent ?? {};
  const thought = before?.reasoningContent?.reasoningText;
  if (redactedContent !== undefined) blocks[at] = { reasoningContent: { redactedContent } };
  if (text !== undefined) blocks[at] = { reasoningContent: { reasoningText: { ...thought, text: `${thought?.text ?? ''}${text}` } } };
  if (signature !== undefined) blocks[at] = { reasoningContent: { reasoningText: { text: '', ...thought, signature } } };
}
