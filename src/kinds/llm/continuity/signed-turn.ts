import type { Chat, ChatChunk, Issuer, Message, Part } from '../../../core/chat.ts';
import { isArray, isObject, type Json, type JsonObject, parseJson } from '../../../core/json.ts';

/**
 * What one turn of a model said that a client of another dialect may have no place for, in the order in which it was
 * said: whole thinking, and of texts and tool calls only what identifies them.
 */
export type TurnPart =
  | Extract<Part, { readonly type: 'thinking' | 'redacted-thinking' }>
  /** `length` in UTF-16 units: clients join a turn's texts into one. */
  | { readonly type: 'text'; readonly length: number; readonly signature?: string; readonly issuer?: Issuer }
  | { readonly type: 'tool-call'; readonly key: string; readonly signature?: string; readonly issuer?: Issuer };

export type SignedTurn = readonly TurnPart[];

type ToolCall = Extract<Part, { readonly type: 'tool-call' }>;

/**
 * How tool calls are known again. By their ids, and because some vendors number the calls of every answer from zero, by
 * name and arguments too: as JSON, since clients write them anew. In dialects whose calls have no ids, what was said
 * right before the turn stands for the id.
 */
export interface Naming {
  /** Whether the dialect's messages hold the ids of tool calls. */
  readonly byId: boolean;
}

export function toolCallKey({ id, name, input }: Pick<ToolCall, 'id' | 'name' | 'input'>, before?: string): string {
  const parsed = parseJson(input === '' ? '{}' : input);
  return JSON.stringify([
    before === undefined ? id : null,
    name,
    parsed === undefined ? input : sorted(parsed),
    ...(before === undefined ? [] : [before]),
  ]);
}

/** What stands for the ids of the calls of the turn at an index: nothing where they have ids. */
function beforeTurn(messages: readonly Message[], at: number, { byId }: Naming): string | undefined {
  return byId ? undefined : textsOf(messages[at - 1]?.content ?? []).join('');
}

const textsOf = (parts: readonly Part[]): readonly string[] =>
  parts.flatMap((part) => (part.type === 'text' ? [part.text] : part.type === 'tool-result' ? textsOf(part.content) : []));

function sorted(value: Json): Json {
  if (isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  const result: Record<string, Json | undefined> = {};
  for (const key of Object.keys(value).sort()) {
    const inner = value[key];
    if (inner !== undefined) result[key] = sorted(inner);
  }
  return result;
}

interface Growing {
  readonly choice: number;
  text: string;
  part: {
    readonly type: 'thinking' | 'text' | 'redacted-thinking' | 'tool-call';
    readonly id?: string;
    readonly name?: string;
    readonly data?: string;
  };
  signature?: string;
  issuer?: Issuer;
}

/** Listens to the chunks of an answer and gathers its turns; one an answer. */
export class TurnListener {
  readonly #parts = new Map<number, Growing>();
  readonly #before: string | undefined;

  /** `chat` is the call that is answered. */
  constructor(chat: Chat, naming: Naming) {
    this.#before = beforeTurn(chat.messages, chat.messages.length, naming);
  }

  hear(chunk: ChatChunk): void {
    switch (chunk.type) {
      case 'text':
      case 'thinking':
        this.#part(chunk.part, chunk.choice, { type: chunk.type }).text += chunk.text;
        return;
      case 'tool-call':
        this.#part(chunk.part, chunk.choice, { type: 'tool-call', id: chunk.id, name: chunk.name });
        return;
      case 'tool-input': {
        const call = this.#parts.get(chunk.part);
        if (call !== undefined) call.text += chunk.text;
        return;
      }
      case 'redacted-thinking':
        this.#sign(this.#part(chunk.part, chunk.choice, { type: 'redacted-thinking', data: chunk.data }), '', chunk.issuer);
        return;
      case 'signature':
        // A signature whose part has said nothing yet is that of a thinking without text.
        this.#sign(this.#part(chunk.part, chunk.choice, { type: 'thinking' }), chunk.signature, chunk.issuer);
        return;
    }
  }

  /** The turns that cannot be told again without being remembered, each under the key of its first tool call. */
  turns(): ReadonlyMap<string, SignedTurn> {
    const turns = new Map<string, SignedTurn>();
    const choices = Map.groupBy(
      [...this.#parts].sort(([one], [other]) => one - other).map(([, part]) => part),
      ({ choice }) => choice,
    );
    for (const parts of choices.values()) {
      const turn = parts.flatMap((part) => turnPart(part, this.#before));
      const first = turn.find((part) => part.type === 'tool-call');
      if (first !== undefined && turn.some(isSigned)) turns.set(first.key, turn);
    }
    return turns;
  }

  #part(number: number, choice: number, part: Growing['part']): Growing {
    const known = this.#parts.get(number);
    if (known !== undefined) return known;
    const begun: Growing = { choice, part, text: '' };
    this.#parts.set(number, begun);
    return begun;
  }

  #sign(part: Growing, signature: string, issuer: Issuer | undefined): void {
    part.signature = (part.signature ?? '') + signature;
    if (issuer !== undefined) part.issuer = issuer;
  }
}

function turnPart({ part, text, signature, issuer }: Growing, before: string | undefined): TurnPart[] {
  const from = issuer === undefined ? {} : { issuer };
  const signed = signature === undefined || signature === '' ? {} : { signature, ...from };
  switch (part.type) {
    case 'thinking':
      return [{ type: 'thinking', text, ...signed }];
    case 'redacted-thinking':
      return [{ type: 'redacted-thinking', data: part.data ?? '', ...from }];
    case 'text':
      return text === '' ? [] : [{ type: 'text', length: text.length, ...signed }];
    case 'tool-call':
      return [{ type: 'tool-call', key: toolCallKey({ id: part.id ?? '', name: part.name ?? '', input: text }, before), ...signed }];
  }
}

const isSigned = (part: Part | TurnPart): boolean =>
  part.type === 'redacted-thinking' || ('signature' in part && part.signature !== undefined);

/** The turns of a call's history that may lack what was signed: the keys of their first tool calls, latest first. */
export function unsignedTurns({ messages }: Chat, naming: Naming): readonly string[] {
  const keys = messages.flatMap((message, at) => keyOf(message, beforeTurn(messages, at, naming)) ?? []);
  return keys.reverse();
}

function keyOf({ role, content }: Message, before: string | undefined): string | undefined {
  if (role !== 'assistant') return undefined;
  const call = content.find((part) => part.type === 'tool-call');
  return call === undefined || content.some(isSigned) ? undefined : toolCallKey(call, before);
}

/** The call with everything that is remembered of its turns back in its place; the same call where there is nothing. */
export function restoreTurns(chat: Chat, turns: ReadonlyMap<string, SignedTurn>, naming: Naming): Chat {
  let changed = false;
  const messages = chat.messages.map((message, at) => {
    const before = beforeTurn(chat.messages, at, naming);
    const turn = turns.get(keyOf(message, before) ?? '');
    if (turn === undefined) return message;
    changed = true;
    return { ...message, content: restored(message.content, turn, before) };
  });
  return changed ? { ...chat, messages } : chat;
}

/**
 * The message in the order in which its turn was said. Thinking without a signature, which a client may have sent
 * along, gives way to what was signed; what the client added stays, at the end.
 */
function restored(content: readonly Part[], turn: SignedTurn, before: string | undefined): readonly Part[] {
  const texts = textPieces(content, turn);
  const calls = new Map(content.flatMap((part) => (part.type === 'tool-call' ? [[toolCallKey(part, before), part] as const] : [])));
  const out: Part[] = [];
  for (const part of turn) {
    if (part.type === 'thinking' || part.type === 'redacted-thinking') out.push(part);
    else if (part.type === 'text') {
      const text = texts.shift();
      if (text !== undefined) out.push(signedAs(text, part));
    } else {
      const call = calls.get(part.key);
      if (call !== undefined) out.push(signedAs(call, part));
      calls.delete(part.key);
    }
  }
  const others = content.filter((part) => part.type !== 'thinking' && part.type !== 'text' && part.type !== 'tool-call');
  return [...out, ...texts, ...others, ...calls.values()];
}

type Text = Extract<Part, { readonly type: 'text' }>;

/** The message's texts, cut where the turn's were if the client joined them. */
function textPieces(content: readonly Part[], turn: SignedTurn): Text[] {
  const texts = content.filter((part) => part.type === 'text').filter(({ text }) => text !== '');
  const lengths = turn.flatMap((part) => (part.type === 'text' ? [part.length] : []));
  const [only] = texts;
  if (only === undefined || texts.length > 1 || lengths.length < 2) return texts;
  if (lengths.reduce((sum, length) => sum + length, 0) !== only.text.length) return texts;
  let at = 0;
  return lengths.map((length) => {
    at += length;
    return { ...only, text: only.text.slice(at - length, at) };
  });
}

function signedAs<P extends Text | ToolCall>(part: P, { signature, issuer }: { readonly signature?: string; readonly issuer?: Issuer }): P {
  return signature === undefined ? part : { ...part, signature, ...(issuer === undefined ? {} : { issuer }) };
}

export const turnAsJson = (turn: SignedTurn): Json => turn.map((part): JsonObject => ({ ...part }));

/** What was kept as a turn, checked: `undefined` where it is none. */
export function turnOfJson(value: Json | undefined): SignedTurn | undefined {
  if (!isArray(value)) return undefined;
  const parts = value.flatMap((part: unknown) => (isTurnPart(part) ? [part] : []));
  return parts.length === value.length ? parts : undefined;
}

const REQUIRED = {
  thinking: ['text', 'string'],
  'redacted-thinking': ['data', 'string'],
  text: ['length', 'number'],
  'tool-call': ['key', 'string'],
} as const;

function isTurnPart(value: unknown): value is TurnPart {
  if (!isObject(value)) return false;
  const { type } = value;
  if (type !== 'thinking' && type !== 'redacted-thinking' && type !== 'text' && type !== 'tool-call') return false;
  const [field, kind] = REQUIRED[type];
  return typeof value[field] === kind;
}
