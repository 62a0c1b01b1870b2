import type { ChatChunk, Usage } from '../../core/chat.ts';
import type { ReplyWriter, ReplyWriterOptions } from '../../core/dialect.ts';
import { asNumber, isObject, type JsonObject } from '../../core/json.ts';
import { errorFrame } from './errors.ts';
import { ID, present } from './fields.ts';
import { writeStopReason } from './stop-reasons.ts';
import { writeUsage } from './usage.ts';

type Chunk<Type extends ChatChunk['type']> = Extract<ChatChunk, { readonly type: Type }>;
type Events = readonly JsonObject[];

interface Block {
  readonly index: number;
  readonly kind: 'text' | 'thinking' | 'tool' | 'custom-tool' | 'raw';
  /** Input of a custom tool: plain text, which must be wrapped whole to be JSON. */
  held: string;
}

interface Writing {
  readonly options: ReplyWriterOptions;
  readonly loss: Set<string>;
  /** The open blocks by part: one, or several of tools that are called in parallel. */
  readonly open: Map<number, Block>;
  start: Chunk<'start'> | undefined;
  begun: boolean;
  over: boolean;
  blocks: number;
  usage: Usage | undefined;
  finish: Chunk<'finish'> | undefined;
  /** Facts about the whole message that only this dialect has. */
  delta: JsonObject;
  message: JsonObject;
}

/** Turns chunks into the events of this dialect: shared by streams and JSON answers. */
export class EventWriter {
  readonly #writing: Writing;

  constructor(options: ReplyWriterOptions) {
    this.#writing = {
      options,
      loss: new Set(),
      open: new Map(),
      start: undefined,
      begun: false,
      over: false,
      blocks: 0,
      usage: undefined,
      finish: undefined,
      delta: {},
      message: {},
    };
  }

  get loss(): Set<string> {
    return this.#writing.loss;
  }

  /** The events of one chunk; none after the end. */
  events(chunk: ChatChunk): Events {
    const writing = this.#writing;
    if (writing.over) return [];
    if ('choice' in chunk && chunk.choice !== 0) {
      writing.loss.add('n');
      return [];
    }
    const said = say(writing, chunk);
    if (said.length === 0 || writing.begun) return said;
    writing.begun = true;
    return [messageStart(writing), ...said];
  }

  stop(): void {
    this.#writing.over = true;
  }
}

export class FrameWriter implements ReplyWriter {
  readonly #events: EventWriter;
  readonly #options: ReplyWriterOptions;

  constructor(options: ReplyWriterOptions) {
    this.#events = new EventWriter(options);
    this.#options = options;
  }

  get loss(): ReadonlySet<string> {
    return this.#events.loss;
  }

  write(chunk: ChatChunk): string {
    const frames = this.#events.events(chunk).map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    if (chunk.type !== 'error') return frames.join('');
    this.#events.stop();
    return errorFrame(chunk.error, this.#options.id);
  }
}

function say(writing: Writing, chunk: ChatChunk): Events {
  switch (chunk.type) {
    case 'start':
      writing.start ??= chunk;
      return [];
    case 'usage':
      writing.usage = chunk.usage;
      return [];
    case 'finish':
      writing.finish ??= chunk;
      return closeAll(writing);
    case 'text':
    case 'refusal':
      return chunk.text === '' ? [] : delta(writing, chunk.part, 'text', { type: 'text_delta', text: chunk.text });
    case 'thinking':
      return chunk.text === '' ? [] : delta(writing, chunk.part, 'thinking', { type: 'thinking_delta', thinking: chunk.text });
    case 'signature':
      return delta(writing, chunk.part, 'thinking', { type: 'signature_delta', signature: chunk.signature });
    case 'redacted-thinking':
      return [...open(writing, chunk.part, 'raw', { type: 'redacted_thinking', data: chunk.data }), ...closeAll(writing)];
    case 'tool-call':
      return toolCall(writing, chunk);
    case 'tool-input':
      return toolInput(writing, chunk);
    case 'raw':
      return rawEvent(writing, chunk);
    case 'end':
      return end(writing);
    case 'error':
      return [];
  }
}

/**
 * Written with the first content rather than with `start`, so that it can carry the input tokens where the
 * provider names them at once. `stop_reason` is null until the answer ends.
 */
function messageStart({ start, options, usage }: Writing): JsonObject {
  const message = {
    id: start?.id ?? options.id,
    type: 'message',
    role: 'assistant',
    model: start?.model ?? options.model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { ...writeUsage(usage), output_tokens: Math.min(1, usage?.output ?? 0) },
  };
  return { type: 'message_start', message };
}

const isTool = (kind: Block['kind']) => kind === 'tool' || kind === 'custom-tool';

/** Begins a block. Only tools stay open side by side, as their arguments may come by turns. */
function open(writing: Writing, part: number, kind: Block['kind'], content: JsonObject): Events {
  const sideBySide = isTool(kind) && [...writing.open.values()].every((block) => isTool(block.kind)) && !writing.open.has(part);
  const closed = sideBySide ? [] : closeAll(writing);
  const index = writing.blocks++;
  writing.open.set(part, { index, kind, held: '' });
  return [...closed, { type: 'content_block_start', index, content_block: content }];
}

function close(writing: Writing, part: number): Events {
  const block = writing.open.get(part);
  if (block === undefined) return [];
  writing.open.delete(part);
  const stop = { type: 'content_block_stop', index: block.index };
  return block.kind === 'custom-tool' ? [inputDelta(block.index, JSON.stringify({ input: block.held })), stop] : [stop];
}

const closeAll = (writing: Writing): Events => [...writing.open.keys()].flatMap((part) => close(writing, part));

const EMPTY_BLOCKS = {
  text: { type: 'text', text: '' },
  thinking: { type: 'thinking', thinking: '', signature: '' },
} as const;

/** A delta of the part's open block, which it begins if there is none of the kind. */
function delta(writing: Writing, part: number, kind: 'text' | 'thinking', content: JsonObject): Events {
  const begun = writing.open.get(part)?.kind === kind ? [] : open(writing, part, kind, EMPTY_BLOCKS[kind]);
  return [...begun, { type: 'content_block_delta', index: writing.open.get(part)?.index ?? 0, delta: content }];
}

function toolCall(writing: Writing, { part, id, name, custom }: Chunk<'tool-call'>): Events {
  if (custom) writing.loss.add('tool_calls.custom');
  const content = { type: 'tool_use', id: id === '' ? `toolu_${writing.options.id}_${part}` : id, name, input: {} };
  return open(writing, part, custom ? 'custom-tool' : 'tool', content);
}

const inputDelta = (index: number, text: string): JsonObject => ({
  type: 'content_block_delta',
  index,
  delta: { type: 'input_json_delta', partial_json: text },
});

function toolInput(writing: Writing, { part, text }: Chunk<'tool-input'>): Events {
  const block = writing.open.get(part);
  if (block === undefined || !isTool(block.kind)) {
    // The block was closed by content of another kind, and a block cannot be opened twice.
    if (text !== '') writing.loss.add('tool_calls.function.arguments');
    return [];
  }
  if (block.kind === 'tool') return text === '' ? [] : [inputDelta(block.index, text)];
  block.held += text;
  return [];
}

function rawEvent(writing: Writing, { dialect, name, value }: Chunk<'raw'>): Events {
  if (dialect !== ID || !isObject(value)) {
    writing.loss.add(name);
    return [];
  }
  const part = asNumber(value.index) ?? 0;
  switch (value.type) {
    case 'content_block_start':
      return open(writing, part, 'raw', isObject(value.content_block) ? value.content_block : {});
    case 'content_block_delta':
      return rawDelta(writing, part, value);
    case 'content_block_stop':
      return close(writing, part);
    case 'message_delta': {
      const { type: _, delta: inDelta, ...inMessage } = value;
      writing.delta = { ...writing.delta, ...(isObject(inDelta) ? inDelta : {}) };
      writing.message = { ...writing.message, ...inMessage };
      return [];
    }
    default:
      writing.loss.add(name);
      return [];
  }
}

/** A delta that only this dialect knows, of a block of its own or, as citations are, of a text that may not have begun. */
function rawDelta(writing: Writing, part: number, value: JsonObject): Events {
  const content = isObject(value.delta) ? value.delta : {};
  const block = writing.open.get(part);
  if (block !== undefined) return [{ type: 'content_block_delta', index: block.index, delta: content }];
  return content.type === 'citations_delta' ? delta(writing, part, 'text', content) : [];
}

function end(writing: Writing): Events {
  const closed = closeAll(writing);
  writing.over = true;
  return [
    ...closed,
    {
      type: 'message_delta',
      delta: { ...writing.delta, ...writeStopReason(writing.finish, writing.loss) },
      ...present(writing.message),
      usage: writeUsage(writing.usage),
    },
    { type: 'message_stop' },
  ];
}
