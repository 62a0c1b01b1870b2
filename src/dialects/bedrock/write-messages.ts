import type { Message, Role } from '../../core/chat.ts';
import type { JsonObject } from '../../core/json.ts';
import { ID, ownExtra } from './fields.ts';
import { type Writing, writeParts } from './write-content.ts';

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

/** Names as losses what has no place. Source: API reference, Converse, `messages` and `system`. */
export function writeMessages(messages: readonly Message[], writing: Writing): Conversation {
  const { loss } = writing;
  const system: JsonObject[] = [];
  const turns: Turn[] = [];
  for (const message of messages) {
    const extra = ownExtra(message.extra, 'messages.', loss);
    if (message.name !== undefined) loss.add('messages.name');
    const content = writeParts(message.content, writing);
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

/** Consecutive messages of one role are one turn: roles must alternate, and all results of a turn's calls come in the next. */
function append(turns: Turn[], turn: Turn): void {
  const last = turns.at(-1);
  if (last?.role !== turn.role) turns.push(turn);
  else turns[turns.length - 1] = { ...turn, content: [...last.content, ...turn.content], extra: { ...last.extra, ...turn.extra } };
}

/** What instructions may hold. */
const SYSTEM_BLOCKS = ['text', 'cachePoint', 'guardContent'];

function instructions(content: readonly JsonObject[], loss: Set<string>): readonly JsonObject[] {
  return content.filter((block) => {
    const fits = SYSTEM_BLOCKS.some((name) => name in block);
    if (!fits) loss.add('messages.system.content');
    return fits;
  });
}

const isReasoning = (block: JsonObject | undefined) => block?.reasoningContent !== undefined;

/** Claude wants results first in a turn, and reasoning first in an answer that begins with none. A cache point stays behind its block. */
function ordered({ role, content }: Turn): readonly JsonObject[] {
  if (role === 'user') return first(content, (block) => block.toolResult !== undefined);
  if (role === 'assistant' && !isReasoning(content[0])) return first(content, isReasoning);
  return content;
}

/** The blocks that match before the others, each kind in its own order. */
function first(blocks: readonly JsonObject[], matches: (block: JsonObject) => boolean): readonly JsonObject[] {
  const front: JsonObject[] = [];
  const back: JsonObject[] = [];
  let last = back;
  for (const block of blocks) {
    if (block.cachePoint === undefined) last = matches(block) ? front : back;
    last.push(block);
  }
  return [...front, ...back];
}

/** Whether the model is to go on after tool results in a turn that it began without reasoning. */
export function continuesWithoutReasoning(turns: readonly Turn[]): boolean {
  const [asked, answered] = turns.slice(-2);
  const inLoop = answered?.role === 'user' && answered.content.some((block) => block.toolResult !== undefined);
  return inLoop && asked?.role === 'assistant' && !isReasoning(asked.content[0]);
}
