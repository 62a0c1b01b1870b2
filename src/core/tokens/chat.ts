import type { Chat, Message, Part, ResponseFormat, Tool } from '../chat.ts';
import { isArray, isObject, type Json, type JsonObject } from '../json.ts';

export interface ChatCount {
  readonly tokens: number;
  /** Whether all of it is what OpenAI documents; false where a part is approximated or, as pictures are, left out. */
  readonly exact: boolean;
}

/**
 * What OpenAI adds to the texts of a chat: framing of each message, a name's mark, the start of the reply.
 * Source: https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken §6
 */
const MESSAGE = 3;
const NAME = 1;
const REPLY = 3;

/**
 * What it adds to the texts of tool definitions, found there by trial for gpt-4o.
 * Source: the same page, §7
 */
const FUNCTION = 7;
const PROPERTIES = 3;
const PROPERTY = 3;
const ENUM = -3;
const ENUM_ITEM = 3;
const FUNCTIONS_END = 12;

/** A call in an earlier answer: not documented; its framing is taken to be that of a message. */
const CALL = 3;

/**
 * Input tokens of a chat with one of OpenAI's models. `count` counts a text: a tokenizer's, or an estimate. Messages
 * of text are exact; tools, calls, answers of tools and schemas are approximations; media count nothing.
 */
export function countChat(chat: Chat, count: (text: string) => number): ChatCount {
  const counter = new ChatCounter(count);
  for (const message of chat.messages) counter.message(message);
  counter.tools(chat.tools);
  if (chat.responseFormat !== undefined) counter.format(chat.responseFormat);
  return { tokens: counter.tokens + REPLY, exact: counter.exact };
}

class ChatCounter {
  tokens = 0;
  exact = true;
  readonly #count: (text: string) => number;

  constructor(count: (text: string) => number) {
    this.#count = count;
  }

  message({ role, name, content }: Message): void {
    this.tokens += MESSAGE + this.#count(role);
    if (name !== undefined) this.tokens += NAME + this.#count(name);
    for (const part of content) this.#part(part);
  }

  #part(part: Part): void {
    if (part.type === 'text' || part.type === 'refusal') {
      this.tokens += this.#count(part.text);
      return;
    }
    this.exact = false;
    switch (part.type) {
      case 'tool-call':
        this.tokens += CALL + this.#count(part.name) + this.#count(part.input);
        break;
      case 'tool-result':
        for (const each of part.content) this.#part(each);
        break;
      case 'file':
        if (part.source.kind === 'text') this.tokens += this.#count(part.source.text);
        break;
      // Earlier reasoning is not sent to the model again. What other parts cost depends on pixels and seconds.
      default:
        break;
    }
  }

  tools(tools: readonly Tool[]): void {
    if (tools.length === 0) return;
    this.exact = false;
    for (const tool of tools) {
      if (tool.type === 'raw') {
        this.tokens += this.#count(JSON.stringify(tool.value));
        continue;
      }
      this.tokens += FUNCTION + this.#count(`${tool.name}:${withoutStop(tool.description ?? '')}`);
      if (isObject(tool.parameters)) this.#properties(tool.parameters);
    }
    this.tokens += FUNCTIONS_END;
  }

  #properties(schema: JsonObject): void {
    const { properties } = schema;
    if (!isObject(properties) || Object.keys(properties).length === 0) return;
    this.tokens += PROPERTIES;
    for (const [key, property] of Object.entries(properties)) {
      if (isObject(property)) this.#property(key, property);
    }
  }

  #property(key: string, property: JsonObject): void {
    this.tokens += PROPERTY + this.#count(`${key}:${textOf(property.type)}:${withoutStop(textOf(property.description))}`);
    if (isArray(property.enum)) {
      this.tokens += ENUM;
      for (const each of property.enum) this.tokens += ENUM_ITEM + this.#count(typeof each === 'string' ? each : JSON.stringify(each));
    }
    this.#properties(property);
    if (isObject(property.items)) this.#properties(property.items);
  }

  format(format: ResponseFormat): void {
    if (format.type !== 'schema') return;
    this.exact = false;
    this.tokens += this.#count(JSON.stringify(format.schema));
  }
}

const withoutStop = (text: string) => (text.endsWith('.') ? text.slice(0, -1) : text);

function textOf(value: Json | undefined): string {
  if (typeof value === 'string') return value;
  return value === undefined ? '' : JSON.stringify(value);
}
