import type { ChatChunk, Usage } from '../../core/chat.ts';
import type { ReplyWriter, ReplyWriterOptions } from '../../core/dialect.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import { errorFrame } from './errors.ts';
import { ID } from './fields.ts';
import { writeFinish } from './finish.ts';
import { OWN, type Seal, sealed } from './seal.ts';
import { writeUsage } from './usage.ts';

type Chunk<Type extends ChatChunk['type']> = Extract<ChatChunk, { readonly type: Type }>;

/** A part that has begun and not ended. */
interface Open {
  readonly kind: 'text' | 'reasoning' | 'tool';
  readonly id: string;
  readonly name: string;
  readonly custom: boolean;
  input: string;
  seal?: Seal;
}

interface Writing {
  readonly options: ReplyWriterOptions;
  readonly loss: Set<string>;
  /** In the order in which they began. */
  readonly open: Map<number, Open>;
  started: boolean;
  usage: Usage | undefined;
  finish: Omit<Chunk<'finish'>, 'type' | 'choice'>;
}

/** The parts of a stream in which an answer is told: `LanguageModelV4StreamPart`. An answer that does not stream is made of them. */
export class PartWriter {
  readonly #writing: Writing;

  constructor(options: ReplyWriterOptions) {
    this.#writing = { options, loss: new Set(), open: new Map(), started: false, usage: undefined, finish: { reason: 'other' } };
  }

  get loss(): ReadonlySet<string> {
    return this.#writing.loss;
  }

  parts(chunk: Exclude<ChatChunk, { type: 'error' }>): readonly JsonObject[] {
    if ('choice' in chunk && chunk.choice !== 0) {
      this.#writing.loss.add('n');
      return [];
    }
    const started = start(this.#writing, chunk);
    return [...started, ...write(this.#writing, chunk)];
  }
}

function start(writing: Writing, chunk: ChatChunk): readonly JsonObject[] {
  if (writing.started) return [];
  writing.started = true;
  const { id, model, created } = writing.options;
  const said: Partial<Chunk<'start'>> = chunk.type === 'start' ? chunk : {};
  const timestamp = new Date((said.created ?? created) * 1000).toISOString();
  return [
    { type: 'stream-start', warnings: [] },
    { type: 'response-metadata', id: said.id ?? id, modelId: said.model ?? model, timestamp },
  ];
}

function write(writing: Writing, chunk: Exclude<ChatChunk, { type: 'error' }>): readonly JsonObject[] {
  switch (chunk.type) {
    case 'start':
      return [];
    case 'text':
      return say(writing, chunk, 'text');
    case 'thinking':
      return say(writing, chunk, 'reasoning');
    case 'refusal':
      return say(writing, chunk, 'text');
    case 'signature':
      return sign(writing, chunk);
    case 'redacted-thinking':
      return hide(writing, chunk);
    case 'tool-call':
      return call(writing, chunk);
    case 'tool-input':
      return input(writing, chunk);
    case 'raw':
      return raw(writing, chunk);
    case 'usage':
      writing.usage = chunk.usage;
      return [];
    case 'finish':
      writing.finish = chunk;
      return [];
    case 'end':
      return end(writing);
  }
}

/** What is said begins a part of its own, and ends the one before it. Calls are made side by side: theirs end with the answer. */
function say(writing: Writing, { part, text }: Chunk<'text' | 'thinking' | 'refusal'>, kind: 'text' | 'reasoning'): readonly JsonObject[] {
  const begun = begin(writing, part, kind);
  return text === '' ? begun : [...begun, { type: `${kind}-delta`, id: String(part), delta: text }];
}

function begin(writing: Writing, part: number, kind: 'text' | 'reasoning'): readonly JsonObject[] {
  if (writing.open.has(part)) return [];
  const id = String(part);
  const closed = closeSaid(writing);
  writing.open.set(part, { kind, id, name: '', custom: false, input: '' });
  return [...closed, { type: `${kind}-start`, id }];
}

function closeSaid(writing: Writing): readonly JsonObject[] {
  const said = [...writing.open].filter(([, { kind }]) => kind !== 'tool');
  for (const [part] of said) writing.open.delete(part);
  return said.flatMap(([, open]) => close(open));
}

const metadataOf = ({ seal }: Open) => (seal === undefined ? {} : { providerMetadata: sealed(seal) });

function close(open: Open): readonly JsonObject[] {
  const { kind, id, name, custom } = open;
  if (kind !== 'tool') return [{ type: `${kind}-end`, id, ...metadataOf(open) }];
  const input = custom ? JSON.stringify({ input: open.input }) : open.input.trim() === '' ? '{}' : open.input;
  return [
    { type: 'tool-input-end', id },
    { type: 'tool-call', toolCallId: id, toolName: name, input, ...metadataOf(open) },
  ];
}

/** A signature on a part that has ended, or has said nothing, is thinking of its own. */
function sign(writing: Writing, { part, signature, issuer = OWN }: Chunk<'signature'>): readonly JsonObject[] {
  const begun = begin(writing, part, 'reasoning');
  const open = writing.open.get(part);
  if (open !== undefined) open.seal = { issuer, signature };
  return begun;
}

function hide(writing: Writing, { part, data, issuer = OWN }: Chunk<'redacted-thinking'>): readonly JsonObject[] {
  const begun = begin(writing, part, 'reasoning');
  const open = writing.open.get(part);
  if (open !== undefined) open.seal = { issuer, redacted: data };
  return begun;
}

function call(writing: Writing, { part, id, name, custom }: Chunk<'tool-call'>): readonly JsonObject[] {
  const closed = closeSaid(writing);
  if (custom) writing.loss.add('tool_calls.custom');
  writing.open.set(part, { kind: 'tool', id, name, custom: custom === true, input: '' });
  return [...closed, { type: 'tool-input-start', id, toolName: name }];
}

function input(writing: Writing, { part, text }: Chunk<'tool-input'>): readonly JsonObject[] {
  const open = writing.open.get(part);
  if (open === undefined || text === '') return [];
  open.input += text;
  // A custom tool's input is no JSON: it is told in one piece, as the JSON that stands for it.
  return open.custom ? [] : [{ type: 'tool-input-delta', id: open.id, delta: text }];
}

function raw(writing: Writing, { dialect, name, value }: Chunk<'raw'>): readonly JsonObject[] {
  if (dialect === ID && isObject(value)) return [value];
  writing.loss.add(name);
  return [];
}

function end(writing: Writing): readonly JsonObject[] {
  const closed = [...writing.open.values()].flatMap(close);
  writing.open.clear();
  return [...closed, { type: 'finish', usage: writeUsage(writing.usage), ...writeFinish(writing.finish) }];
}

export class FrameWriter implements ReplyWriter {
  readonly #parts: PartWriter;
  readonly #id: string;
  #over = false;

  constructor(options: ReplyWriterOptions) {
    this.#parts = new PartWriter(options);
    this.#id = options.id;
  }

  get loss(): ReadonlySet<string> {
    return this.#parts.loss;
  }

  write(chunk: ChatChunk): string {
    if (this.#over) return '';
    this.#over = chunk.type === 'end' || chunk.type === 'error';
    if (chunk.type === 'error') return errorFrame(chunk.error, this.#id);
    return this.#parts.parts(chunk).map(frame).join('');
  }
}

const frame = (part: JsonObject) => `data: ${JSON.stringify(part)}\n\n`;
