import type { Message, Part, Signed } from '../../core/chat.ts';
import {
  invalid,
  optionalArray,
  optionalObject,
  optionalString,
  present,
  requiredObject,
  requiredString,
  rest,
} from '../../core/fields.ts';
import { asString, isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { unwrapSignature } from '../../core/signature.ts';
import { extraOf } from './fields.ts';
import { readParts } from './read-parts.ts';
import { ISSUER, otherExtraContent, readThoughtSignature } from './signatures.ts';

export function readMessages(value: Json | undefined): readonly Message[] {
  const messages = optionalArray(value, 'messages');
  if (messages === undefined || messages.length === 0) throw invalid('messages', 'an array of at least one message');
  const functions = new FunctionCalls();
  return messages.map((message, index) => readMessage(message, `messages[${index}]`, functions));
}

/** Gives ids to the calls of the older `function_call` form, which has none, and finds the call that a result answers. */
class FunctionCalls {
  readonly #idOf = new Map<string, string>();
  #count = 0;

  open(name: string): string {
    const id = `call_function_${this.#count++}`;
    this.#idOf.set(name, id);
    return id;
  }

  answered(name: string): string {
    return this.#idOf.get(name) ?? this.open(name);
  }
}

function readMessage(message: Json, at: string, functions: FunctionCalls): Message {
  if (!isObject(message)) throw invalid(at, 'an object');
  const role = message.role;
  switch (role) {
    case 'system':
    case 'developer':
    case 'user':
      return {
        role,
        content: cached(readParts(message.content, `${at}.content`), message, at),
        ...readName(message, at),
        ...extraOf(rest(message, PLAIN_FIELDS)),
      };
    case 'assistant':
      return readAssistant(message, at, functions);
    case 'tool':
      return readResult(message, requiredString(message.tool_call_id, `${at}.tool_call_id`), at);
    case 'function':
      return readResult(message, functions.answered(requiredString(message.name, `${at}.name`)), at);
    default:
      throw invalid(`${at}.role`, '"system", "developer", "user", "assistant" or "tool"');
  }
}

const PLAIN_FIELDS = new Set(['role', 'content', 'name', 'cache_control']);
const RESULT_FIELDS = new Set(['role', 'content', 'name', 'tool_call_id', 'cache_control']);
const ASSISTANT_FIELDS = new Set([
  'role',
  'content',
  'name',
  'refusal',
  'tool_calls',
  'function_call',
  'thinking_blocks',
  'reasoning_content',
  'reasoning',
  'extra_content',
  'cache_control',
]);
const CALL_FIELDS = new Set(['id', 'type', 'index', 'function', 'custom', 'extra_content', 'cache_control']);

const readName = (message: JsonObject, at: string) => present({ name: optionalString(message.name, `${at}.name`) });

function readResult(message: JsonObject, callId: string, at: string): Message {
  const cache = message.cache_control;
  return {
    role: 'tool',
    content: [
      {
        type: 'tool-result',
        callId,
        content: readParts(message.content, `${at}.content`),
        ...(isObject(cache) && { cache }),
      },
    ],
    ...extraOf(rest(message, RESULT_FIELDS)),
  };
}

function readAssistant(message: JsonObject, at: string, functions: FunctionCalls): Message {
  const refusal = optionalString(message.refusal, `${at}.refusal`);
  const calls = optionalArray(message.tool_calls, `${at}.tool_calls`) ?? [];
  const content: readonly Part[] = [
    ...readThinking(message, at),
    ...signed(readParts(message.content, `${at}.content`), readThoughtSignature(message)),
    ...(refusal === undefined ? [] : [{ type: 'refusal' as const, text: refusal }]),
    ...readFunctionCall(message.function_call, `${at}.function_call`, functions),
    ...calls.map((call, index) => readToolCall(call, `${at}.tool_calls[${index}]`)),
  ];
  return {
    role: 'assistant',
    content: cached(content, message, at),
    ...readName(message, at),
    ...extraOf(left(message, ASSISTANT_FIELDS)),
  };
}

/**
 * `cache_control` beside the content marks its end: clients that know Anthropic's caches write it where the content is a
 * plain string, and beside a tool call.
 */
function cached(parts: readonly Part[], holder: JsonObject, at: string): readonly Part[] {
  const cache = optionalObject(holder.cache_control, `${at}.cache_control`);
  if (cache === undefined) return parts;
  const last = parts.findLastIndex(takesCache);
  return parts.map((part, index) => (index === last && takesCache(part) ? { cache, ...part } : part));
}

const CACHEABLE = ['text', 'image', 'file', 'tool-call'] as const;

const takesCache = (part: Part): part is Extract<Part, { readonly type: (typeof CACHEABLE)[number] }> =>
  CACHEABLE.some((type) => type === part.type);

/** What is left of a message or a tool call, `extra_content` without the signature in it. */
const left = (holder: JsonObject, known: ReadonlySet<string>) =>
  rest({ ...rest(holder, known), extra_content: otherExtraContent(holder) }, []);

/** The signature of a message's text belongs to its last text. */
function signed(parts: readonly Part[], signature: Signed): readonly Part[] {
  if (signature.signature === undefined) return parts;
  const last = parts.findLastIndex(({ type }) => type === 'text');
  if (last < 0) return [...parts, { type: 'text', text: '', ...signature }];
  return parts.map((part, index) => (index === last ? { ...part, ...signature } : part));
}

/**
 * What the model thought, as this gateway or a vendor had written it: `thinking_blocks` (with the signatures that a
 * provider asks back byte for byte) before `reasoning_content` or `reasoning`, which are plain text.
 */
function readThinking(message: JsonObject, at: string): readonly Part[] {
  const plain = asString(message.reasoning_content) ?? asString(message.reasoning) ?? '';
  const blocks = message.thinking_blocks;
  if (!isArray(blocks) || blocks.length === 0) return plain === '' ? [] : [{ type: 'thinking', text: plain }];
  return blocks.map((block, index) => {
    const path = `${at}.thinking_blocks[${index}]`;
    const { type, thinking, data, signature } = requiredObject(block, path);
    if (type === 'redacted_thinking') return readRedacted(requiredString(data, `${path}.data`));
    if (type !== 'thinking') throw invalid(`${path}.type`, '"thinking" or "redacted_thinking"');
    return {
      type,
      text: requiredString(thinking, `${path}.thinking`),
      ...readSignature(optionalString(signature, `${path}.signature`)),
    };
  });
}

const readSignature = (text: string | undefined): Signed => (text === undefined || text === '' ? {} : unwrapSignature(text, ISSUER));

function readRedacted(text: string): Part {
  const { signature, issuer } = unwrapSignature(text, ISSUER);
  return { type: 'redacted-thinking', data: signature, issuer };
}

function readFunctionCall(value: Json | undefined, at: string, functions: FunctionCalls): readonly Part[] {
  if (value === undefined || value === null) return [];
  const call = requiredObject(value, at);
  const name = requiredString(call.name, `${at}.name`);
  return [{ type: 'tool-call', id: functions.open(name), name, input: requiredString(call.arguments, `${at}.arguments`) }];
}

function readToolCall(value: Json, at: string): Part {
  const call = requiredObject(value, at);
  const id = requiredString(call.id, `${at}.id`);
  const others = {
    ...readThoughtSignature(call),
    ...present({ cache: optionalObject(call.cache_control, `${at}.cache_control`) }),
    ...extraOf(left(call, CALL_FIELDS)),
  };
  if (call.type === 'custom') {
    const custom = requiredObject(call.custom, `${at}.custom`);
    const name = requiredString(custom.name, `${at}.custom.name`);
    return { type: 'tool-call', id, name, input: requiredString(custom.input, `${at}.custom.input`), custom: true, ...others };
  }
  const called = requiredObject(call.function, `${at}.function`);
  const input = called.arguments;
  return {
    type: 'tool-call',
    id,
    name: requiredString(called.name, `${at}.function.name`),
    // Some clients hold arguments parsed, and send them back that way.
    input: isObject(input) ? JSON.stringify(input) : requiredString(input, `${at}.function.arguments`),
    ...others,
  };
}
