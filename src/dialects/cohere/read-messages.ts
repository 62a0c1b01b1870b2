import type { Message, Part } from '../../core/chat.ts';
import { readDataUrl } from '../../core/data-url.ts';
import { invalid, optionalArray, optionalString, present, requiredObject, requiredString, rest } from '../../core/fields.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { extraOf, ID } from './fields.ts';

export function readMessages(value: Json | undefined): readonly Message[] {
  const messages = optionalArray(value, 'messages');
  if (messages === undefined || messages.length === 0) throw invalid('messages', 'an array of at least one message');
  return messages.map((message, index) => readMessage(requiredObject(message, `messages[${index}]`), `messages[${index}]`));
}

function readMessage(message: JsonObject, at: string): Message {
  const { role } = message;
  const content = readContent(message.content, `${at}.content`);
  switch (role) {
    case 'system':
    case 'user':
      return { role, content, ...extraOf(rest(message, ['role', 'content'])) };
    case 'assistant':
      return {
        role,
        content: [...readPlan(message, at), ...content, ...readCalls(message.tool_calls, `${at}.tool_calls`)],
        ...extraOf(rest(message, ['role', 'content', 'tool_plan', 'tool_calls'])),
      };
    case 'tool': {
      const callId = requiredString(message.tool_call_id, `${at}.tool_call_id`);
      return { role, content: [{ type: 'tool-result', callId, content }], ...extraOf(rest(message, ['role', 'content', 'tool_call_id'])) };
    }
    default:
      throw invalid(`${at}.role`, '"system", "user", "assistant" or "tool"');
  }
}

/** What the model said before it called tools: the text of that turn. */
function readPlan(message: JsonObject, at: string): readonly Part[] {
  const text = optionalString(message.tool_plan, `${at}.tool_plan`) ?? '';
  return text === '' ? [] : [{ type: 'text', text }];
}

function readContent(value: Json | undefined, at: string): readonly Part[] {
  if (value === undefined || value === null || value === '') return [];
  if (typeof value === 'string') return [{ type: 'text', text: value }];
  if (!isArray(value)) throw invalid(at, 'a string or an array of content blocks');
  return value.map((block, index) => readBlock(requiredObject(block, `${at}[${index}]`), `${at}[${index}]`));
}

function readBlock(block: JsonObject, at: string): Part {
  switch (block.type) {
    case 'text':
      return { type: 'text', text: requiredString(block.text, `${at}.text`) };
    case 'thinking':
      return { type: 'thinking', text: requiredString(block.thinking, `${at}.thinking`) };
    case 'image_url':
      return readImage(requiredObject(block.image_url, `${at}.image_url`), `${at}.image_url`);
    case 'document':
      return readDocument(requiredObject(block.document, `${at}.document`));
    default:
      return { type: 'raw', dialect: ID, value: block };
  }
}

function readImage(image: JsonObject, at: string): Part {
  const url = requiredString(image.url, `${at}.url`);
  return {
    type: 'image',
    source: readDataUrl(url) ?? { kind: 'url', url },
    ...present({ detail: optionalString(image.detail, `${at}.detail`) }),
  };
}

/** What a tool found, as text: its data as JSON, and its id, which citations point at, for this dialect alone. */
function readDocument(document: JsonObject): Part {
  const { data, ...others } = document;
  return {
    type: 'text',
    text: isObject(data) || isArray(data) ? JSON.stringify(data) : String(data ?? ''),
    ...extraOf(rest(others, [])),
  };
}

const readCalls = (value: Json | undefined, at: string): readonly Part[] =>
  (optionalArray(value, at) ?? []).map((each, index) => {
    const path = `${at}[${index}]`;
    const call = requiredObject(each, path);
    const called = requiredObject(call.function, `${path}.function`);
    return {
      type: 'tool-call',
      id: requiredString(call.id, `${path}.id`),
      name: requiredString(called.name, `${path}.function.name`),
      input: argumentsText(called.arguments),
    };
  });

/** A call without arguments has `null`, as JSON or as its text. */
export function argumentsText(value: Json | undefined): string {
  if (isObject(value)) return JSON.stringify(value);
  return typeof value === 'string' && value.trim() !== 'null' ? value : '';
}
