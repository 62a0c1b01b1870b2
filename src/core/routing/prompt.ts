import type { Chat, Message, Part } from '../chat.ts';

/** What is looked at of a call to say what it is about, or how difficult it is. */
export interface Prompt {
  /** The user's last words, at most so many characters of them. */
  readonly text: string;
  /** UTF-16 units of those words, and of all others. */
  readonly length: number;
  readonly context: number;
  /** How often the model has spoken. */
  readonly turns: number;
  readonly tools: number;
}

/** Of a longer text the beginning and the end: tasks stand before or behind what they are about. */
const HEAD = 3_000;
const TAIL = 1_000;

export function promptOf({ messages, tools }: Chat): Prompt {
  const last = messages.findLast((message) => message.role === 'user' && message.content.some(isText)) ?? messages.at(-1);
  const length = last === undefined ? 0 : lengthOf(last);
  const turns = messages.filter(({ role }) => role === 'assistant').length;
  return {
    text: last === undefined ? '' : shortened(textOf(last)),
    length,
    context: messages.reduce((sum, message) => sum + lengthOf(message), 0) - length,
    turns,
    tools: tools.length,
  };
}

const isText = (part: Part): part is Extract<Part, { type: 'text' }> => part.type === 'text' && part.text !== '';

const lengthOf = ({ content }: Message) => content.reduce((sum, part) => sum + ('text' in part ? part.text.length : 0), 0);

/** The texts that may be looked at: no more is put together than that takes. */
function textOf({ content }: Message): string {
  const texts = content.filter(isText).map(({ text }) => text);
  return texts.length === 1 ? (texts[0] ?? '') : texts.map(shortened).join('\n');
}

const shortened = (text: string) => (text.length <= HEAD + TAIL ? text : `${text.slice(0, HEAD)}\n${text.slice(-TAIL)}`);
