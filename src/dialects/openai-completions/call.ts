import type { Chat, Message, Part } from '../../core/chat.ts';
import type { Quirks } from '../../core/dialect.ts';
import {
  invalid,
  optionalBoolean,
  optionalNumber,
  optionalObject,
  optionalString,
  present,
  requiredModel,
  rest,
} from '../../core/fields.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { readStop, writeStreamOptions } from '../../core/openai/fields.ts';
import { ID, ownExtra } from './fields.ts';

/** The fields with a place in the canonical chat; all others (`suffix`, `echo`, `best_of`, `logprobs`, …) travel in `extra`. */
const KNOWN = [
  'model',
  'prompt',
  'stream',
  'stream_options',
  'max_tokens',
  'temperature',
  'top_p',
  'stop',
  'n',
  'seed',
  'presence_penalty',
  'frequency_penalty',
  'user',
];

/** What the API takes for an absent `max_tokens`. */
const DEFAULT_MAX_TOKENS = 16;

/** The prompt is what a user says. Source: https://platform.openai.com/docs/api-reference/completions */
export function readCall(body: JsonObject): Chat {
  const options = rest(optionalObject(body.stream_options, 'stream_options') ?? {}, ['include_usage']);
  const extra = { ...rest(body, KNOWN), ...present({ stream_options: options }) };
  return {
    model: requiredModel(body.model),
    messages: [{ role: 'user', content: [{ type: 'text', text: readPrompt(body.prompt) }] }],
    tools: [],
    maxTokens: optionalNumber(body.max_tokens, 'max_tokens') ?? DEFAULT_MAX_TOKENS,
    ...present({
      temperature: optionalNumber(body.temperature, 'temperature'),
      topP: optionalNumber(body.top_p, 'top_p'),
      stop: readStop(body.stop),
      choices: optionalNumber(body.n, 'n'),
      seed: optionalNumber(body.seed, 'seed'),
      presencePenalty: optionalNumber(body.presence_penalty, 'presence_penalty'),
      frequencyPenalty: optionalNumber(body.frequency_penalty, 'frequency_penalty'),
      user: optionalString(body.user, 'user'),
    }),
    stream: optionalBoolean(body.stream, 'stream') ?? false,
    extra: Object.keys(extra).length === 0 ? {} : { [ID]: extra },
  };
}

/** A model of another API answers one prompt at a time, and reads text: tokens are numbers of one vendor's vocabulary. */
function readPrompt(value: Json | undefined): string {
  if (typeof value === 'string') return value;
  const [only] = isArray(value) && value.length === 1 ? value : [];
  if (typeof only === 'string') return only;
  throw invalid('prompt', 'one text, since the model that was asked for is served by another API: send each prompt in a call of its own');
}

/** A conversation becomes one text; what it loses by that is named. */
export function writeCall(chat: Chat, quirks: Quirks): { readonly body: JsonObject; readonly loss: readonly string[] } {
  const loss = new Set<string>();
  const { stream_options: streamOptions, ...extra } = ownExtra(chat.extra, '', loss);
  nameLosses(chat, loss);
  const said: JsonObject = {
    model: chat.model,
    prompt: writePrompt(chat.messages, loss),
    stream: chat.stream ? true : undefined,
    stream_options: chat.stream ? writeStreamOptions(streamOptions, quirks) : undefined,
    max_tokens: chat.maxTokens,
    temperature: chat.temperature,
    top_p: chat.topP,
    stop: chat.stop,
    n: chat.choices,
    seed: chat.seed,
    presence_penalty: chat.presencePenalty,
    frequency_penalty: chat.frequencyPenalty,
    user: chat.user,
  };
  return { body: { ...extra, ...present(said) }, loss: [...loss] };
}

function writePrompt(messages: readonly Message[], loss: Set<string>): string {
  if (messages.length > 1 || messages.some(({ role }) => role !== 'user')) loss.add('messages.role');
  return messages.map((message) => writeMessage(message, loss)).join('\n\n');
}

function writeMessage(message: Message, loss: Set<string>): string {
  if (message.name !== undefined) loss.add('messages.name');
  ownExtra(message.extra, 'messages.', loss);
  const texts = message.content.flatMap((part) => writePart(part, loss));
  if (texts.length > 1) loss.add('messages.content');
  return texts.join('\n');
}

function writePart(part: Part, loss: Set<string>): readonly string[] {
  if ('cache' in part && part.cache !== undefined) loss.add('cache_control');
  if ('citations' in part && part.citations !== undefined) loss.add('messages.citations');
  if ('signature' in part && part.signature !== undefined) loss.add('thinking.signature');
  if ('extra' in part) ownExtra(part.extra, 'messages.', loss);
  switch (part.type) {
    case 'text':
    case 'refusal':
      return [part.text];
    case 'redacted-thinking':
      loss.add('thinking.signature');
      return [];
    case 'tool-result':
      loss.add('messages.tool-result');
      return part.content.flatMap((inner) => writePart(inner, loss));
    default:
      loss.add(`messages.${part.type === 'raw' && isObject(part.value) ? String(part.value.type ?? 'raw') : part.type}`);
      return [];
  }
}

function nameLosses(chat: Chat, loss: Set<string>): void {
  if (chat.tools.length > 0) loss.add('tools');
  if (chat.toolChoice !== undefined) loss.add('tool_choice');
  if (chat.parallelToolCalls !== undefined) loss.add('parallel_tool_calls');
  if (chat.topK !== undefined) loss.add('top_k');
  if (chat.responseFormat !== undefined) loss.add('response_format');
  if (chat.reasoning !== undefined) loss.add('reasoning');
}
