import type { ChatChunk } from '../../core/chat.ts';
import type { ReplyWriter, ReplyWriterOptions } from '../../core/dialect.ts';
import { present } from '../../core/fields.ts';
import { asNumber, isObject, type JsonObject } from '../../core/json.ts';
import { wrapSignature } from '../../core/signature.ts';
import { errorFrame } from './errors.ts';
import { ID } from './fields.ts';
import { beginCall, type Chunk, close, closeAll, delta, type Events, open, sign, toolInput, type Writing } from './reply-blocks.ts';
import { ISSUER } from './signatures.ts';
import { writeStopReason } from './stop-reasons.ts';
import { writeUsage } from './usage.ts';

/** Turns chunks into the events of this dialect: shared by streams and JSON answers. */
export class EventWriter {
  readonly #writing: Writing;

  constructor(options: ReplyWriterOptions) {
    this.#writing = {
      options,
      loss: new Set(),
      open: new Map(),
      texts: new Set(),
      call: undefined,
      owed: [],
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
    const said = [...beginCall(writing, chunk), ...say(writing, chunk)];
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
      if (chunk.text !== '') return delta(writing, chunk.part, 'text', { type: 'text_delta', text: chunk.text });
      // It says nothing, but a signature may follow that belongs to it.
      writing.texts.add(chunk.part);
      return [];
    case 'refusal':
      return chunk.text === '' ? [] : delta(writing, chunk.part, 'text', { type: 'text_delta', text: chunk.text });
    case 'thinking':
      return chunk.text === '' ? [] : delta(writing, chunk.part, 'thinking', { type: 'thinking_delta', thinking: chunk.text });
    case 'signature':
      return sign(writing, chunk);
    case 'redacted-thinking':
      return [
        ...open(writing, chunk.part, 'raw', { type: 'redacted_thinking', data: wrapSignature(chunk.data, chunk.issuer, ISSUER) }),
        ...closeAll(writing),
      ];
    case 'tool-call':
      writing.call = chunk;
      return [];
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
