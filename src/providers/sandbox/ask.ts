import type { Json, JsonObject } from '../../core/json.ts';
import { asString, isArray, isObject } from '../../core/json.ts';

/** What a caller asks of a sandbox model, whichever wire form it came in. */
export interface Ask {
  /** As it was asked for, without the provider's name: `slow?delay=10`. */
  readonly model: string;
  readonly stream: boolean;
  /** Whether usage was asked for in the stream; always true where the form carries it anyway. */
  readonly wantsUsage: boolean;
  readonly maxTokens?: number;
  /** The text of the last message a person wrote. */
  readonly lastText: string;
  /** The results that end the conversation, in order; empty when it ends otherwise. */
  readonly toolResults: readonly string[];
  /** Those that may be called in this turn. */
  readonly tools: readonly AskedTool[];
  /** Whether more than one may be called at once. */
  readonly parallel: boolean;
  /** The schema of the structured answer; `true` for any JSON object. */
  readonly schema?: Json;
  /** Thinking blocks that came back with the conversation. */
  readonly thinking: readonly { readonly text: string; readonly signature?: string }[];
  readonly thinkingOff: boolean;
  readonly messages: number;
  /** Words in the whole conversation: the sandbox's input tokens. */
  readonly words: number;
}

export interface AskedTool {
  readonly name: string;
  readonly schema: Json;
}

/** A refusal or a failure the sandbox answers with, in the caller's wire form. */
export class SandboxFault extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly details: { readonly type?: string; readonly code?: string; readonly param?: string; readonly retryAfter?: number } = {},
  ) {
    super(message);
    this.name = 'SandboxFault';
  }
}

export const invalid = (param: string, message: string): SandboxFault => new SandboxFault(400, message, { param });

/** Words of a text: what the sandbox counts as tokens. */
export const countWords = (text: string): number => text.match(/\S+/g)?.length ?? 0;

/** The words of a text with the space that follows each, so that joined they are the text again. */
export function words(text: string): readonly string[] {
  const pieces = text.match(/\s+|\S+/g) ?? [];
  const joined: string[] = [];
  for (const piece of pieces) {
    const last = joined.length - 1;
    if (last >= 0 && /^\s/.test(piece)) joined[last] += piece;
    else joined.push(piece);
  }
  return joined;
}

/** One message of either form, reduced to what the sandbox's models look at. */
export interface Said {
  readonly role: string;
  readonly text: string;
  readonly results: readonly string[];
  readonly thinking: Ask['thinking'];
}

/** What the messages alone say. */
export function readConversation(said: readonly Said[]): Pick<Ask, 'lastText' | 'toolResults' | 'thinking' | 'messages' | 'words'> {
  const lastUser = said.findLast(({ role, text }) => role === 'user' && text !== '');
  const results: string[] = [];
  for (const message of [...said].reverse()) {
    if (message.results.length === 0) break;
    results.unshift(...message.results);
  }
  return {
    lastText: lastUser?.text ?? '',
    toolResults: results,
    thinking: said.flatMap(({ thinking }) => thinking),
    messages: said.length,
    words: said.reduce((sum, { text, results: told }) => sum + countWords(text) + told.reduce((all, one) => all + countWords(one), 0), 0),
  };
}

/** The text of content that is a string or a list of parts; parts without text say nothing to the sandbox. */
export function textOf(content: Json | undefined): string {
  if (typeof content === 'string') return content;
  if (!isArray(content)) return '';
  const texts = content.map((part) => (isObject(part) ? asString(part.text) : undefined));
  return texts.filter((text) => text !== undefined && text !== '').join('\n');
}

/** A limit in tokens, when it is given; throws `invalid` where it is none. */
export function readLimit(body: JsonObject, ...fields: readonly string[]): number | undefined {
  for (const field of fields) {
    const value = body[field];
    if (value === undefined || value === null) continue;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1)
      throw invalid(field, `${field} must be an integer of at least 1.`);
    return value;
  }
  return undefined;
}

/** The messages as objects; throws `invalid` where there are none. */
export function readMessages(body: JsonObject): readonly JsonObject[] {
  if (!isArray(body.messages) || body.messages.length === 0) throw invalid('messages', 'messages must be a list of at least one message.');
  return body.messages.map((message, index) => {
    if (isObject(message) && typeof message.role === 'string') return message;
    throw invalid(`messages[${index}]`, `messages[${index}] must be an object with a role.`);
  });
}
