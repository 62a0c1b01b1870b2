import type { Message, Part } from '../../core/chat.ts';
import { present } from '../../core/fields.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import { ownExtra } from './fields.ts';
import { textsIn, writeToolResponse } from './tool-response.ts';
import { callId, writePart } from './write-parts.ts';

interface Turn {
  readonly kind: 'user' | 'model' | 'answers';
  readonly parts: readonly JsonObject[];
  readonly extra: JsonObject;
}

/** The messages as this API wants them: instructions apart, answers to calls together right behind the calls. */
export interface Conversation {
  readonly system: readonly JsonObject[];
  readonly contents: readonly JsonObject[];
}

interface Writing {
  readonly loss: Set<string>;
  readonly model: string;
  readonly turns: Turn[];
  readonly system: JsonObject[];
  /** Names of the calls without an answer, by id: an answer must say whose it is. Some clients give several calls one id. */
  readonly names: Map<string, readonly string[]>;
  readonly lastNames: Map<string, string>;
}

/** Names as losses what has no place. Sources: https://ai.google.dev/api/caching#Content, …/gemini-api/docs/function-calling */
export function writeMessages(messages: readonly Message[], model: string, loss: Set<string>): Conversation {
  const writing: Writing = { loss, model, turns: [], system: [], names: new Map(), lastNames: new Map() };
  for (const message of messages) {
    if (message.name !== undefined) loss.add('messages.name');
    if (message.role === 'system' || message.role === 'developer') writeInstruction(writing, message);
    else if (message.role === 'assistant') writeModel(writing, message);
    else writeUser(writing, message);
  }
  return { system: writing.system, contents: writing.turns.map((turn) => contentOf(turn, model)) };
}

const contentOf = ({ kind, parts, extra }: Turn, model: string): JsonObject => ({
  ...extra,
  role: kind === 'model' ? 'model' : 'user',
  parts: kind === 'model' ? withSignature(parts, model) : parts,
});

/** Consecutive contents of one kind are one: the calls of a turn, and all their answers, must stand in one each. */
function append(writing: Writing, turn: Turn): void {
  if (turn.parts.length === 0) return;
  const last = writing.turns.at(-1);
  if (last?.kind !== turn.kind) writing.turns.push(turn);
  else {
    writing.turns[writing.turns.length - 1] = {
      ...last,
      parts: [...last.parts, ...turn.parts],
      extra: { ...last.extra, ...turn.extra },
    };
  }
}

type Sayable = Exclude<Part, { type: 'tool-result' }>;

function writeAll(parts: readonly Sayable[], loss: Set<string>): readonly JsonObject[] {
  return parts.map((part) => writePart(part, loss)).filter((part) => part !== undefined);
}

const sayable = (parts: readonly Part[]) => parts.filter((part): part is Sayable => part.type !== 'tool-result');

function writeInstruction({ system, turns, loss }: Writing, message: Message): void {
  if (turns.length > 0) loss.add('messages.system.order');
  ownExtra(message.extra, 'messages.', loss);
  system.push(...writeAll(sayable(message.content), loss));
}

function writeModel(writing: Writing, message: Message): void {
  const { loss } = writing;
  for (const part of message.content) if (part.type === 'tool-call') noteCall(writing, part.id, part.name);
  append(writing, {
    kind: 'model',
    parts: writeAll(onTheirCalls(sayable(message.content)), loss),
    extra: ownExtra(message.extra, 'messages.', loss),
  });
}

/** A signature that some dialects can only carry before a call belongs to that call. */
function onTheirCalls(parts: readonly Sayable[]): readonly Sayable[] {
  return parts.flatMap((part, at): readonly Sayable[] => {
    const next = parts[at + 1];
    if (isOwnBare(part) && next?.type === 'tool-call' && next.signature === undefined) return [];
    const before = parts[at - 1];
    if (part.type !== 'tool-call' || part.signature !== undefined || before === undefined || !isOwnBare(before)) return [part];
    return [{ ...part, signature: before.data, issuer: 'gemini' }];
  });
}

const isOwnBare = (part: Sayable): part is Extract<Sayable, { type: 'redacted-thinking' }> =>
  part.type === 'redacted-thinking' && part.issuer === 'gemini';

/** Skips the check that a call carries the signature it was made with, for calls that this vendor did not make. */
const SKIPPED = 'skip_thought_signature_validator';

/**
 * Gemini 3 and later refuse a turn whose first call lacks its signature: one that another model made needs the vendor's
 * own word for that. Source: https://ai.google.dev/gemini-api/docs/thought-signatures
 */
export function withSignature(parts: readonly JsonObject[], model: string): readonly JsonObject[] {
  const first = parts.findIndex((part) => isObject(part.functionCall));
  if (first < 0 || !/gemini-(?:[3-9]|\d\d)/.test(model) || parts[first]?.thoughtSignature !== undefined) return parts;
  return parts.map((part, at) => (at === first ? { ...part, thoughtSignature: SKIPPED } : part));
}

function writeUser(writing: Writing, message: Message): void {
  const { loss } = writing;
  const extra = ownExtra(message.extra, 'messages.', loss);
  const beside: JsonObject[] = [];
  const answers = message.content.flatMap((part) => (part.type === 'tool-result' ? [writeAnswer(writing, part, beside)] : []));
  append(writing, { kind: 'answers', parts: answers, extra: answers.length > 0 ? extra : {} });
  append(writing, {
    kind: 'user',
    parts: [...beside, ...writeAll(sayable(message.content), loss)],
    extra: answers.length > 0 ? {} : extra,
  });
}

/** Pictures in an answer are understood by Gemini 3 and later; before, they stand behind the answers. */
const takesMedia = (model: string) => !/gemini-[12]\b/.test(model);

const BESIDE_RESPONSE = new Set(['scheduling', 'willContinue', 'name']);

function writeAnswer(writing: Writing, part: Extract<Part, { type: 'tool-result' }>, beside: JsonObject[]): JsonObject {
  const { loss, model } = writing;
  if (part.cache !== undefined) loss.add('cache_control');
  if (part.isError === false) loss.add('messages.tool_result.is_error');
  const others = sayable(part.content).filter(({ type }) => type !== 'text');
  const media = writeAll(others, loss).filter((written) => {
    if (isObject(written.inlineData) || isObject(written.fileData)) return true;
    loss.add('messages.tool_result.content');
    return false;
  });
  const inside = takesMedia(model) ? media : [];
  if (inside.length < media.length) beside.push(...media);
  const extra = Object.entries(ownExtra(part.extra, 'messages.tool_result.', loss));
  return {
    ...Object.fromEntries(extra.filter(([name]) => !BESIDE_RESPONSE.has(name))),
    functionResponse: {
      ...callId(part.callId),
      name: calledBy(writing, part.callId),
      response: writeToolResponse(textsIn(part.content), part.isError === true),
      ...present({ parts: inside.length === 0 ? undefined : inside }),
      ...Object.fromEntries(extra.filter(([name]) => BESIDE_RESPONSE.has(name))),
    },
  };
}

/** The function that a call named; that of the oldest call without an answer, where several have the id. */
function calledBy({ names, lastNames }: Writing, id: string): string {
  const [name = lastNames.get(id) ?? id, ...others] = names.get(id) ?? [];
  names.set(id, others);
  return name;
}

function noteCall({ names, lastNames }: Writing, id: string, name: string): void {
  names.set(id, [...(names.get(id) ?? []), name]);
  lastNames.set(id, name);
}
