import type { Chat, Message, Part } from '../../../core/chat.ts';

/** What a call asks in its last turn, and everything else of it. */
export interface Question {
  /** The text that may be said in other words. */
  readonly text: string;
  /** The call without it, which must be the same. */
  readonly rest: Chat;
}

/** Why a call is not one whose question may be said in other words. */
export type Unsuited = 'tools' | 'no-question' | 'media' | 'choices' | 'temperature';

const TOOLS: ReadonlySet<Part['type']> = new Set(['tool-call', 'tool-result']);

/**
 * The question of a chat: the last text of its last turn, which must be a user's and nothing but text. What a tool has
 * said or is run by the provider, and what is drawn by lot, follows from more than the question.
 */
export function questionIn(chat: Chat, mostTemperature: number): Question | Unsuited {
  const { messages, tools, choices = 1, temperature = 0 } = chat;
  if (choices > 1) return 'choices';
  if (temperature > mostTemperature) return 'temperature';
  if (tools.some(({ type }) => type === 'raw') || messages.some(isOfTools)) return 'tools';
  const last = messages.at(-1);
  const asked = last?.content.at(-1);
  if (last?.role !== 'user' || asked === undefined) return 'no-question';
  if (asked.type !== 'text' || last.content.some(({ type }) => type !== 'text')) return 'media';
  const content = [...last.content.slice(0, -1), { ...asked, text: '' }];
  return { text: asked.text, rest: { ...chat, messages: [...messages.slice(0, -1), { ...last, content }] } };
}

const isOfTools = ({ role, content }: Message): boolean => role === 'tool' || content.some(({ type }) => TOOLS.has(type));
