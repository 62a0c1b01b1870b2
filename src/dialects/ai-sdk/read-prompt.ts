import type { Message, Part } from '../../core/chat.ts';
import { invalid, optionalString, requiredObject, requiredString, rest } from '../../core/fields.ts';
import { isArray, type Json, type JsonObject } from '../../core/json.ts';
import { extraOf, ID } from './fields.ts';
import { readMedia } from './media.ts';
import { type PartOptions, readPartOptions } from './part-options.ts';
import { readOutput } from './tool-output.ts';

/** Source: `LanguageModelV4Prompt` of https://github.com/vercel/ai/tree/main/packages/provider */
export function readPrompt(value: Json | undefined): readonly Message[] {
  if (!isArray(value)) throw invalid('prompt', 'an array');
  return value.map((message, index) => readMessage(requiredObject(message, `prompt[${index}]`), `prompt[${index}]`));
}

function readMessage(message: JsonObject, at: string): Message {
  const { role } = message;
  if (role !== 'system' && role !== 'user' && role !== 'assistant' && role !== 'tool') {
    throw invalid(`${at}.role`, '"system", "user", "assistant" or "tool"');
  }
  const { cache, left } = readPartOptions(message.providerOptions, `${at}.providerOptions`);
  const content = joined(readContent(message.content, `${at}.content`));
  const others = { ...rest(message, ['role', 'content', 'providerOptions']), ...(left !== undefined && { providerOptions: left }) };
  return {
    role,
    content: cache === undefined ? content : cachedAtEnd(content, cache),
    ...extraOf(Object.keys(others).length === 0 ? undefined : others),
  };
}

function readContent(value: Json | undefined, at: string): readonly Part[] {
  if (typeof value === 'string') return [{ type: 'text', text: value }];
  if (!isArray(value)) throw invalid(at, 'a string or an array');
  return value.map((part, index) => readPart(requiredObject(part, `${at}[${index}]`), `${at}[${index}]`));
}

/** A breakpoint on a message stands on its last part. */
function cachedAtEnd(content: readonly Part[], cache: JsonObject): readonly Part[] {
  const last = content.at(-1);
  if (last === undefined || !isCacheable(last) || last.cache !== undefined) return content;
  return [...content.slice(0, -1), { ...last, cache }];
}

const isCacheable = (part: Part) =>
  part.type === 'text' || part.type === 'image' || part.type === 'file' || part.type === 'tool-call' || part.type === 'tool-result';

function readPart(part: JsonObject, at: string): Part {
  const options = readPartOptions(part.providerOptions, `${at}.providerOptions`);
  switch (part.type) {
    case 'text':
      return { type: 'text', text: requiredString(part.text, `${at}.text`), ...signed(options), ...kept(options) };
    case 'file':
      return readFile(part, options, at);
    case 'reasoning':
      return readReasoning(part, options, at);
    case 'tool-call':
      return part.providerExecuted === true ? raw(part) : readToolCall(part, options, at);
    case 'tool-result':
      return readToolResult(part, options, at);
    default:
      return raw(part);
  }
}

/** What only this dialect has: files made while thinking, custom parts, approvals, what providers ran themselves. */
const raw = (value: JsonObject): Part => ({ type: 'raw', dialect: ID, value });

const kept = ({ cache, left }: PartOptions) => ({
  ...(cache !== undefined && { cache }),
  ...extraOf(left === undefined ? undefined : { providerOptions: left }),
});

const signed = ({ seal }: PartOptions) =>
  seal === undefined ? {} : { signature: seal.signature ?? seal.redacted ?? '', issuer: seal.issuer };

function readFile(part: JsonObject, options: PartOptions, at: string): Part {
  const media = readMedia(part, at);
  if (media.type === 'audio') return media;
  if (media.type === 'file') return { ...media, ...kept(options) };
  return { ...media, ...(options.detail !== undefined && { detail: options.detail }), ...kept(options) };
}

function readReasoning(part: JsonObject, { seal, itemId }: PartOptions, at: string): Part {
  if (seal?.redacted !== undefined) return { type: 'redacted-thinking', data: seal.redacted, issuer: seal.issuer };
  const text = optionalString(part.text, `${at}.text`) ?? '';
  const signature = seal?.signature === undefined ? {} : { signature: seal.signature, issuer: seal.issuer };
  return { type: 'thinking', text, ...signature, ...(itemId !== undefined && { id: itemId, summary: true }) };
}

function readToolCall(part: JsonObject, options: PartOptions, at: string): Part {
  const { input = null } = part;
  return {
    type: 'tool-call',
    id: requiredString(part.toolCallId, `${at}.toolCallId`),
    name: requiredString(part.toolName, `${at}.toolName`),
    input: typeof input === 'string' ? input : JSON.stringify(input ?? {}),
    ...signed(options),
    ...kept(options),
  };
}

function readToolResult(part: JsonObject, options: PartOptions, at: string): Part {
  const output = readOutput(part.output, `${at}.output`);
  const isError = output.isError ?? options.isError;
  return {
    type: 'tool-result',
    callId: requiredString(part.toolCallId, `${at}.toolCallId`),
    content: output.content,
    ...(isError !== undefined && { isError }),
    ...kept(options),
  };
}

/** One item of thinking may come in several parts, each a paragraph of its summary, under one id. */
function joined(parts: readonly Part[]): readonly Part[] {
  const whole: Part[] = [];
  for (const part of parts) {
    const last = whole.at(-1);
    const isSame = part.type === 'thinking' && last?.type === 'thinking' && part.id !== undefined && part.id === last.id;
    if (isSame) whole[whole.length - 1] = { ...last, ...part, text: [last.text, part.text].filter((text) => text !== '').join('\n\n') };
    else whole.push(part);
  }
  return whole;
}
