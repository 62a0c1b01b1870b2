import type { ChatChunk, Issuer, Usage } from '../../core/chat.ts';
import type { ReplyWriter, ReplyWriterOptions } from '../../core/dialect.ts';
import { asNumber, asString, isArray, isObject, type JsonObject } from '../../core/json.ts';
import { errorFrame } from './errors.ts';
import { ID } from './fields.ts';
import { writeFinish } from './finish.ts';
import { type Hidden, hiddenSignature, isOwn, signatureOf } from './thought.ts';
import { writeUsage } from './usage.ts';
import { argsOf } from './write-parts.ts';

type Chunk<Type extends ChatChunk['type']> = Extract<ChatChunk, { readonly type: Type }>;

/** A piece of an answer: a part of a candidate, facts about a candidate, or facts about the whole. */
export interface Piece {
  readonly choice?: number;
  /** The number of the canonical part that the JSON continues; absent where it stands for itself. */
  readonly part?: number;
  readonly content?: JsonObject;
  readonly candidate?: JsonObject;
  readonly response?: JsonObject;
}

interface Call {
  readonly choice: number;
  readonly id: string;
  readonly name: string;
  readonly custom: boolean;
  input: string;
  thoughtSignature?: string;
}

interface Writing {
  readonly options: ReplyWriterOptions;
  readonly loss: Set<string>;
  /** Texts and thoughts that have begun, by part. */
  readonly kinds: Map<number, 'text' | 'thinking'>;
  /** Calls are said whole, and several may be on their way at once. */
  readonly calls: Map<number, Call>;
  readonly called: Set<number>;
  readonly finishes: Chunk<'finish'>[];
  /** Reasoning without text that waits for a part to ride on. */
  hidden: { readonly choice: number; readonly issuer: Issuer; readonly parts: readonly Hidden[] } | undefined;
  start: Chunk<'start'> | undefined;
  usage: Usage | undefined;
  over: boolean;
}

/** Turns chunks into the pieces of this dialect: shared by streams and JSON answers. */
export class PieceWriter {
  readonly #writing: Writing;

  constructor(options: ReplyWriterOptions) {
    this.#writing = {
      options,
      loss: new Set(),
      kinds: new Map(),
      calls: new Map(),
      called: new Set(),
      finishes: [],
      hidden: undefined,
      start: undefined,
      usage: undefined,
      over: false,
    };
  }

  get loss(): Set<string> {
    return this.#writing.loss;
  }

  /** What every response says of itself. */
  get identity(): JsonObject {
    const { start, options } = this.#writing;
    return { modelVersion: start?.model ?? options.model, responseId: start?.id ?? options.id };
  }

  /** The pieces of one chunk; none after the end or an error. */
  pieces(chunk: ChatChunk): readonly Piece[] {
    const writing = this.#writing;
    if (writing.over) return [];
    if (chunk.type === 'error') writing.over = true;
    return say(writing, chunk);
  }
}

export class FrameWriter implements ReplyWriter {
  readonly #pieces: PieceWriter;
  readonly #options: ReplyWriterOptions;
  #failed = false;

  constructor(options: ReplyWriterOptions) {
    this.#pieces = new PieceWriter(options);
    this.#options = options;
  }

  get loss(): ReadonlySet<string> {
    return this.#pieces.loss;
  }

  write(chunk: ChatChunk): string {
    const pieces = this.#pieces.pieces(chunk);
    if (chunk.type === 'error' && !this.#failed) {
      this.#failed = true;
      return errorFrame(chunk.error, this.#options.id);
    }
    return pieces.map((piece) => `data: ${JSON.stringify({ ...frameOf(piece), ...this.#pieces.identity })}\n\n`).join('');
  }
}

function frameOf({ choice = 0, content, candidate, response }: Piece): JsonObject {
  if (content === undefined && candidate === undefined) return response ?? {};
  const parts = { content: { parts: content === undefined ? [{ text: '' }] : [content], role: 'model' } };
  return { candidates: [{ ...parts, ...candidate, index: choice }], ...response };
}

function say(writing: Writing, chunk: ChatChunk): readonly Piece[] {
  switch (chunk.type) {
    case 'start':
      writing.start ??= chunk;
      return [];
    case 'usage':
      writing.usage = chunk.usage;
      return [];
    case 'text':
    case 'refusal':
    case 'thinking':
      return text(writing, chunk);
    case 'signature':
      return signature(writing, chunk);
    case 'redacted-thinking':
      return redacted(writing, chunk);
    case 'tool-call':
      writing.calls.set(chunk.part, { choice: chunk.choice, id: chunk.id, name: chunk.name, custom: chunk.custom === true, input: '' });
      writing.called.add(chunk.choice);
      return [];
    case 'tool-input':
      return toolInput(writing, chunk);
    case 'raw':
      return raw(writing, chunk);
    case 'finish':
      writing.finishes.push(chunk);
      return calls(writing, (call) => call.choice === chunk.choice);
    case 'end':
      return end(writing);
    case 'error':
      return [];
  }
}

function text(writing: Writing, chunk: Chunk<'text' | 'refusal' | 'thinking'>): readonly Piece[] {
  const { part, choice, text } = chunk;
  if (chunk.type === 'thinking') {
    if (text === '') return [];
    writing.kinds.set(part, 'thinking');
    return [...alone(writing), { choice, part, content: { text, thought: true } }];
  }
  writing.kinds.set(part, 'text');
  return text === '' ? [] : [{ choice, part, content: { text, ...riding(writing, choice) } }];
}

/** A text that has gone out is signed by a part without text behind it, as Gemini does it. */
function signature(writing: Writing, { part, choice, signature: signed, issuer }: Chunk<'signature'>): readonly Piece[] {
  const thoughtSignature = signatureOf(signed, issuer);
  const call = writing.calls.get(part);
  if (call !== undefined) {
    call.thoughtSignature = thoughtSignature;
    return [];
  }
  const kind = writing.kinds.get(part);
  if (kind === 'text') return [{ choice, part, content: { text: '', thoughtSignature } }];
  if (kind === undefined && issuer !== undefined && !isOwn(issuer)) {
    return hide(writing, choice, issuer, { type: 'thinking', text: '', signature: signed });
  }
  return [...alone(writing), { choice, part, content: { text: '', thought: true, thoughtSignature } }];
}

/** Gemini's own is a signature on a part without text. */
function redacted(writing: Writing, { choice, data, issuer }: Chunk<'redacted-thinking'>): readonly Piece[] {
  if (issuer === undefined || isOwn(issuer)) return [...alone(writing), { choice, content: { text: '', thoughtSignature: data } }];
  return hide(writing, choice, issuer, { type: 'redacted-thinking', data });
}

function hide(writing: Writing, choice: number, issuer: Issuer, part: Hidden): readonly Piece[] {
  const { hidden } = writing;
  const joins = hidden?.choice === choice && hidden.issuer === issuer;
  const before = joins ? [] : alone(writing);
  writing.hidden = { choice, issuer, parts: joins ? [...hidden.parts, part] : [part] };
  return before;
}

/** What the next part of this candidate carries. */
function riding(writing: Writing, choice: number): JsonObject {
  const { hidden } = writing;
  if (hidden?.choice !== choice) return {};
  writing.hidden = undefined;
  return { thoughtSignature: hiddenSignature(hidden.parts, hidden.issuer) };
}

/** Hidden reasoning that finds no part to ride on. */
function alone(writing: Writing): readonly Piece[] {
  const { hidden } = writing;
  return hidden === undefined ? [] : [{ choice: hidden.choice, content: { text: '', thought: true, ...riding(writing, hidden.choice) } }];
}

function toolInput(writing: Writing, { part, text: piece }: Chunk<'tool-input'>): readonly Piece[] {
  const call = writing.calls.get(part);
  if (call !== undefined) call.input += piece;
  else if (piece !== '') writing.loss.add('tool_calls.function.arguments');
  return [];
}

/** Calls whose arguments are complete: nothing short of the end tells, as those of parallel calls may come by turns. */
function calls(writing: Writing, ready: (call: Call) => boolean): readonly Piece[] {
  return [...writing.calls].flatMap(([part, call]): readonly Piece[] => {
    if (!ready(call)) return [];
    writing.calls.delete(part);
    const { choice, id, name, custom, input, thoughtSignature } = call;
    if (custom) writing.loss.add('tool_calls.custom');
    const args = custom ? { input } : argsOf(input, 'tool_calls.function.arguments', writing.loss);
    const functionCall = { ...(id === '' ? {} : { id }), name, args };
    if (thoughtSignature === undefined) return [{ choice, part, content: { functionCall, ...riding(writing, choice) } }];
    return [...alone(writing), { choice, part, content: { functionCall, thoughtSignature } }];
  });
}

function raw(writing: Writing, { dialect, name, value }: Chunk<'raw'>): readonly Piece[] {
  if (dialect !== ID || !isObject(value)) {
    writing.loss.add(name);
    return [];
  }
  if (isObject(value.content)) return [{ choice: asNumber(value.choice) ?? 0, content: value.content }];
  const fields = isObject(value.fields) ? value.fields : {};
  const [first, second] = isArray(value.at) ? value.at : [];
  if (first === 'candidates') return [{ choice: Number(second), candidate: fields }];
  return [{ response: first === undefined ? fields : { [asString(first) ?? '']: fields } }];
}

function end(writing: Writing): readonly Piece[] {
  const { finishes, usage, loss, called } = writing;
  const rest = [...calls(writing, () => true), ...alone(writing)];
  writing.over = true;
  const usageMetadata = usage === undefined ? {} : { usageMetadata: writeUsage(usage, loss) };
  // An answer that never said why it ended still ends: without a reason it would be taken for one that was cut.
  const all = finishes.length === 0 ? [{ type: 'finish' as const, choice: 0, reason: 'other' as const }] : finishes;
  return [
    ...rest,
    ...all.map((finish, at) => ({
      choice: finish.choice,
      candidate: { finishReason: writeFinish(finish, called.has(finish.choice), loss) },
      ...(at === all.length - 1 ? { response: usageMetadata } : {}),
    })),
  ];
}
