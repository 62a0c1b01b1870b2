import type { ChatChunk, Usage } from '../../core/chat.ts';
import type { ReplyWriter, ReplyWriterOptions } from '../../core/dialect.ts';
import { asNumber, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { wrapSignature } from '../../core/signature.ts';
import { errorFrame } from './errors.ts';
import { ID, memberOf } from './fields.ts';
import { carrier, ISSUER } from './signatures.ts';
import { writeStopReason } from './stop-reasons.ts';
import { writeUsage } from './usage.ts';

type Chunk<Type extends ChatChunk['type']> = Extract<ChatChunk, { readonly type: Type }>;
/** An event by its type and payload. */
export type Event = readonly [type: string, payload: JsonObject];
type Events = readonly Event[];

interface Block {
  readonly index: number;
  readonly kind: 'text' | 'thinking' | 'tool' | 'custom-tool' | 'raw';
  /** The id of a tool's call. */
  readonly id: string;
  /** Input of a custom tool: plain text, which must be wrapped whole to be JSON. */
  held: string;
}

interface Writing {
  readonly options: ReplyWriterOptions;
  readonly loss: Set<string>;
  /** The open blocks by part: one, or several of tools that are called in parallel. */
  readonly open: Map<number, Block>;
  /** The parts that are texts. */
  readonly texts: Set<number>;
  /** `redactedContent` that belongs beside blocks and must wait until those have ended. */
  owed: string[];
  begun: boolean;
  over: boolean;
  blocks: number;
  usage: Usage | undefined;
  finish: Chunk<'finish'> | undefined;
  /** Facts that only this dialect has, for the events of these types. */
  stop: JsonObject;
  metadata: JsonObject;
}

/** Turns chunks into the events of this dialect: shared by streams and JSON answers. */
export class EventWriter {
  readonly #writing: Writing;

  constructor(options: ReplyWriterOptions) {
    this.#writing = {
      options,
      loss: new Set(),
      open: new Map(),
      texts: new Set(),
      owed: [],
      begun: false,
      over: false,
      blocks: 0,
      usage: undefined,
      finish: undefined,
      stop: {},
      metadata: {},
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
    return [['messageStart', { role: 'assistant' }], ...said];
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
    const events = this.#events.events(chunk);
    if (chunk.type !== 'error') return events.map(([type, payload]) => `event: ${type}\ndata: ${JSON.stringify(payload)}\n\n`).join('');
    this.#events.stop();
    return errorFrame(chunk.error, this.#options.id);
  }
}

function say(writing: Writing, chunk: ChatChunk): Events {
  switch (chunk.type) {
    case 'usage':
      writing.usage = chunk.usage;
      return [];
    case 'finish':
      writing.finish ??= chunk;
      return closeAll(writing);
    case 'text':
    case 'refusal':
      return textOf(writing, chunk);
    case 'thinking':
      return chunk.text === '' ? [] : delta(writing, chunk.part, 'thinking', { reasoningContent: { text: chunk.text } });
    case 'signature':
      return sign(writing, chunk);
    case 'redacted-thinking':
      // Whose it is decides how it is wrapped: what is nobody's could not be told from Bedrock's own.
      return [...closeAll(writing), ...redacted(writing, wrapSignature(chunk.data, chunk.issuer ?? 'other', ISSUER))];
    case 'tool-call':
      return toolCall(writing, chunk);
    case 'tool-input':
      return toolInput(writing, chunk);
    case 'raw':
      return rawEvent(writing, chunk);
    case 'end':
      return end(writing);
    case 'start':
    case 'error':
      return [];
  }
}

const isTool = (kind: Block['kind']) => kind === 'tool' || kind === 'custom-tool';

/** Begins a block. Only tools stay open side by side, as their arguments may come by turns. Texts and reasoning begin with their first delta. */
function open(writing: Writing, part: number, kind: Block['kind'], start?: JsonObject, id = ''): Events {
  const sideBySide = isTool(kind) && [...writing.open.values()].every((block) => isTool(block.kind)) && !writing.open.has(part);
  const closed = sideBySide ? [] : closeAll(writing);
  const index = writing.blocks++;
  writing.open.set(part, { index, kind, id, held: '' });
  return start === undefined ? closed : [...closed, ['contentBlockStart', { start, contentBlockIndex: index }]];
}

function close(writing: Writing, part: number): Events {
  const block = writing.open.get(part);
  if (block === undefined) return [];
  writing.open.delete(part);
  const stop: Event = ['contentBlockStop', { contentBlockIndex: block.index }];
  return block.kind === 'custom-tool' ? [inputDelta(block.index, JSON.stringify({ input: block.held })), stop] : [stop];
}

function closeAll(writing: Writing): Events {
  const closed = [...writing.open.keys()].flatMap((part) => close(writing, part));
  return [...closed, ...writing.owed.splice(0).flatMap((data) => redacted(writing, data))];
}

/** A block of redacted reasoning, whole. */
function redacted(writing: Writing, redactedContent: string): Events {
  const contentBlockIndex = writing.blocks++;
  return [
    ['contentBlockDelta', { delta: { reasoningContent: { redactedContent } }, contentBlockIndex }],
    ['contentBlockStop', { contentBlockIndex }],
  ];
}

/** A delta of the part's open block, which it begins if there is none of the kind. */
function delta(writing: Writing, part: number, kind: 'text' | 'thinking', content: JsonObject): Events {
  const begun = writing.open.get(part)?.kind === kind ? [] : open(writing, part, kind);
  return [...begun, ['contentBlockDelta', { delta: content, contentBlockIndex: writing.open.get(part)?.index ?? 0 }]];
}

function textOf(writing: Writing, { part, text }: Chunk<'text' | 'refusal'>): Events {
  // It says nothing, but a signature may follow that belongs to it.
  writing.texts.add(part);
  return text === '' ? [] : delta(writing, part, 'text', { text });
}

/** The signature of reasoning stands in its block; that of a call or a text follows, in a block that names what it belongs to. */
function sign(writing: Writing, { part, signature, issuer }: Chunk<'signature'>): Events {
  const block = writing.open.get(part);
  if (block !== undefined && isTool(block.kind)) {
    writing.owed.push(carrier(block.id, signature, issuer));
    return [];
  }
  if (block?.kind === 'text' || writing.texts.has(part)) {
    writing.owed.push(carrier('', signature, issuer));
    return block === undefined && writing.open.size > 0 ? [] : closeAll(writing);
  }
  return delta(writing, part, 'thinking', { reasoningContent: { signature: wrapSignature(signature, issuer, ISSUER) } });
}

function toolCall(writing: Writing, call: Chunk<'tool-call'>): Events {
  const { part, name, custom } = call;
  if (custom) writing.loss.add('tool_calls.custom');
  const toolUseId = call.id === '' ? `tooluse_${writing.options.id}_${part}` : call.id;
  return open(writing, part, custom ? 'custom-tool' : 'tool', { toolUse: { toolUseId, name } }, toolUseId);
}

const inputDelta = (contentBlockIndex: number, input: string): Event => [
  'contentBlockDelta',
  { delta: { toolUse: { input } }, contentBlockIndex },
];

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
  const [type, payload] = (dialect === ID && isObject(value) ? memberOf(value) : undefined) ?? [];
  const say = type === undefined ? undefined : raws.get(type);
  if (say !== undefined && isObject(payload)) return say(writing, asNumber(payload.contentBlockIndex) ?? 0, payload);
  writing.loss.add(name);
  return [];
}

const raws: ReadonlyMap<string, (writing: Writing, part: number, payload: JsonObject) => Events> = new Map([
  [
    'contentBlockStart',
    (writing: Writing, part: number, { start }: JsonObject) => open(writing, part, 'raw', isObject(start) ? start : {}),
  ],
  ['contentBlockDelta', rawDelta],
  ['contentBlockStop', (writing: Writing, part: number) => close(writing, part)],
  [
    'messageStop',
    (writing: Writing, _part: number, payload: JsonObject) => {
      writing.stop = { ...writing.stop, ...payload };
      return [];
    },
  ],
  [
    'metadata',
    (writing: Writing, _part: number, payload: JsonObject) => {
      writing.metadata = { ...writing.metadata, ...payload };
      return [];
    },
  ],
]);

/** A delta that only this dialect knows, of a block of its own or, as citations are, of a text that may not have begun. */
function rawDelta(writing: Writing, part: number, payload: JsonObject): Events {
  const content: Json = payload.delta ?? {};
  const block = writing.open.get(part);
  if (block !== undefined) return [['contentBlockDelta', { delta: content, contentBlockIndex: block.index }]];
  if (!isObject(content)) return [];
  if (content.citation !== undefined) return delta(writing, part, 'text', content);
  return [...open(writing, part, 'raw'), ['contentBlockDelta', { delta: content, contentBlockIndex: writing.open.get(part)?.index ?? 0 }]];
}

/**
 * Both last events come with the end alone: whoever has seen `messageStop` takes the answer for complete. Clients read
 * `latencyMs` without asking whether it is there; it was not measured, and 0 says so.
 */
function end(writing: Writing): Events {
  const closed = closeAll(writing);
  writing.over = true;
  return [
    ...closed,
    ['messageStop', { ...writing.stop, stopReason: writeStopReason(writing.finish, writing.loss) }],
    ['metadata', { usage: writeUsage(writing.usage, writing.loss), metrics: { latencyMs: 0 }, ...writing.metadata }],
  ];
}
