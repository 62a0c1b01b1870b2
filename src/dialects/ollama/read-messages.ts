import type { Message, Part } from '../../core/chat.ts';
import { invalid, optionalArray, optionalString, requiredObject, requiredString, rest } from '../../core/fields.ts';
import { asString, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { extraOf } from './fields.ts';

export function readMessages(value: Json | undefined): readonly Message[] {
  const messages = optionalArray(value, 'messages');
  if (messages === undefined) throw invalid('messages', 'an array');
  const calls = new OpenCalls();
  return messages.map((message, index) => readMessage(requiredObject(message, `messages[${index}]`), `messages[${index}]`, calls));
}

/** Gives ids to calls that have none, the same ones every time, and finds the call that a result answers. */
class OpenCalls {
  #open: { readonly id: string; readonly name: string }[] = [];
  #count = 0;

  call(id: string | undefined, name: string): string {
    const known = id === undefined || id === '' ? `call_${this.#count}` : id;
    this.#count++;
    this.#open.push({ id: known, name });
    return known;
  }

  /** By id where the result has one, else the first unanswered call of that name, else the first at all. */
  answered(id: string | undefined, name: string | undefined): string {
    const byId = this.#open.findIndex((call) => call.id === id);
    const byName = this.#open.findIndex((call) => call.name === name);
    const at = byId >= 0 ? byId : name === undefined ? 0 : byName;
    const call = id !== undefined && id !== '' && byId < 0 ? undefined : this.#open[at];
    if (call !== undefined) this.#open.splice(at, 1);
    return call?.id ?? id ?? `call_${this.#count++}`;
  }
}

const FIELDS = ['role', 'content', 'thinking', 'images', 'tool_calls', 'tool_name', 'name', 'tool_call_id'];

function readMessage(message: JsonObject, at: string, calls: OpenCalls): Message {
  const role = requiredString(message.role, `${at}.role`).toLowerCase();
  const said = [...readText(message, at), ...readImages(message.images, `${at}.images`)];
  const extra = extraOf(rest(message, FIELDS));
  switch (role) {
    case 'system':
    case 'user':
      return { role, content: said, ...extra };
    case 'assistant':
      return {
        role,
        content: [...readThinking(message, at), ...said, ...readCalls(message.tool_calls, `${at}.tool_calls`, calls)],
        ...extra,
      };
    case 'tool': {
      const name = optionalString(message.tool_name, `${at}.tool_name`) ?? asString(message.name);
      const callId = calls.answered(optionalString(message.tool_call_id, `${at}.tool_call_id`), name);
      return { role, content: [{ type: 'tool-result', callId, content: said }], ...extra };
    }
    default:
      throw invalid(`${at}.role`, '"system", "user", "assistant" or "tool"');
  }
}

function readText(message: JsonObject, at: string): readonly Part[] {
  const text = optionalString(message.content, `${at}.content`) ?? '';
  return text === '' ? [] : [{ type: 'text', text }];
}

function readThinking(message: JsonObject, at: string): readonly Part[] {
  const text = optionalString(message.thinking, `${at}.thinking`) ?? '';
  return text === '' ? [] : [{ type: 'thinking', text }];
}

/** Bytes in base64 alone: what they are is read off how they begin. */
const readImages = (value: Json | undefined, at: string): readonly Part[] =>
  (optionalArray(value, at) ?? []).map((image, index) => {
    const text = requiredString(image, `${at}[${index}]`);
    const data = text.startsWith('data:') ? text.slice(text.indexOf(',') + 1) : text;
    return { type: 'image', source: { kind: 'base64', mediaType: mediaTypeOf(data), data } };
  });

/** The first bytes of each format, in base64. */
const SIGNS: readonly (readonly [sign: string, mediaType: string])[] = [
  ['/9j/', 'image/jpeg'],
  ['R0lGOD', 'image/gif'],
  ['UklGR', 'image/webp'],
];
const mediaTypeOf = (data: string) => SIGNS.find(([sign]) => data.startsWith(sign))?.[1] ?? 'image/png';

const readCalls = (value: Json | undefined, at: string, calls: OpenCalls): readonly Part[] =>
  (optionalArray(value, at) ?? []).map((each, index) => {
    const path = `${at}[${index}]`;
    const call = requiredObject(each, path);
    const called = requiredObject(call.function, `${path}.function`);
    const name = requiredString(called.name, `${path}.function.name`);
    const id = calls.call(optionalString(call.id, `${path}.id`), name);
    return { type: 'tool-call', id, name, input: argumentsText(called.arguments) };
  });

/** An object here, and JSON text from clients that are used to other APIs. */
export function argumentsText(value: Json | undefined): string {
  if (typeof value === 'string') return value;
  return isObject(value) ? JSON.stringify(value) : '{}';
}
