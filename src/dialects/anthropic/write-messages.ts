import type { Message, Role } from '../../core/chat.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { ID, ownExtra } from './fields.ts';
import { plainText, writeParts } from './write-content.ts';

export interface Turn {
  readonly role: 'user' | 'assistant' | 'system';
  readonly content: readonly JsonObject[];
  /** Fields of the message that only this dialect knows. */
  readonly extra: JsonObject;
}

/** The messages as this API wants them: instructions apart, turns of alternating roles, blocks in its order. */
export interface Conversation {
  readonly system: readonly JsonObject[];
  readonly turns: readonly Turn[];
}

/** Names as losses what has no place. Source: docs.claude.com, "Messages API", "Tool use", "Extended thinking". */
export function writeMessages(messages: readonly Message[], loss: Set<string>): Conversation {
  const system: JsonObject[] = [];
  const turns: Turn[] = [];
  for (const message of messages) {
    const extra = ownExtra(message.extra, 'messages.', loss);
    if (message.name !== undefined) loss.add('messages.name');
    const content = writeParts(message.content, loss);
    const isInstruction = message.role === 'system' || message.role === 'developer';
    if (isInstruction && message.extra?.[ID] === undefined) {
      if (turns.length > 0) loss.add('messages.system.order');
      system.push(...instructions(content, loss));
    } else if (content.length > 0) {
      append(turns, { role: isInstruction ? 'system' : TURN_ROLE[message.role], content, extra });
    }
  }
  return { system, turns: turns.map((turn) => ({ ...turn, content: ordered(turn) })) };
}

const TURN_ROLE: { readonly [role in Role]: Turn['role'] } = {
  user: 'user',
  tool: 'user',
  assistant: 'assistant',
  system: 'system',
  developer: 'system',
};

/** Consecutive messages of one role are one turn: the API refuses tool results that are spread over several. */
function append(turns: Turn[], turn: Turn): void {
  const last = turns.at(-1);
  if (last?.role !== turn.role) turns.push(turn);
  else turns[turns.length - 1] = { ...turn, content: [...last.content, ...turn.content], extra: { ...last.extra, ...turn.extra } };
}

/** Instructions are text only. */
function instructions(content: readonly JsonObject[], loss: Set<string>): readonly JsonObject[] {
  return content.filter((block) => {
    if (block.type !== 'text') loss.add('messages.system.content');
    return block.type === 'text';
  });
}

const isThinking = (block: JsonObject | undefined) => block?.type === 'thinking' || block?.type === 'redacted_thinking';

function ordered({ role, content }: Turn): readonly JsonObject[] {
  if (role === 'user') return first(content, (block) => block.type === 'tool_result');
  // A turn that begins with thinking may think again later (between server tools): that order must stay as it came.
  if (role === 'assistant' && !isThinking(content[0])) return first(content, isThinking);
  return content;
}

/** The blocks that match before the others, each kind in its own order. */
function first(blocks: readonly JsonObject[], matches: (block: JsonObject) => boolean): readonly JsonObject[] {
  return [...blocks.filter(matches), ...blocks.filter((block) => !matches(block))];
}

/** Whether the model is to go on after tool results in a turn that it began without thinking. */
export function continuesWithoutThinking(turns: readonly Turn[]): boolean {
  const [asked, answered] = turns.slice(-2);
  const inLoop = answered?.role === 'user' && answered.content.some((block) => block.type === 'tool_result');
  return inLoop && asked?.role === 'assistant' && !isThinking(asked.content[0]);
}

export const turnJson = ({ role, content, extra }: Turn): Json => ({ ...extra, role, content: plainText(content) ?? content });

export const systemJson = (blocks: readonly JsonObject[]): Json | undefined =>
  blocks.length === 0 ? undefined : (plainText(blocks) ?? blocks);
