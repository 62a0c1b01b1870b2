import type { ChatChunk, Usage } from '../../core/chat.ts';
import type { ReplyWriter, ReplyWriterOptions } from '../../core/dialect.ts';
import { isArray, type JsonObject } from '../../core/json.ts';
import { errorFrame } from './errors.ts';
import { ID } from './fields.ts';
import { writeFinish } from './finish.ts';
import { writeUsage } from './usage.ts';

type Events = readonly JsonObject[];
type Chunk<Type extends ChatChunk['type']> = Extract<ChatChunk, { readonly type: Type }>;

/** Turns chunks into the events of this dialect: shared by streams and JSON answers. */
export class EventWriter {
  readonly loss = new Set<string>();
  readonly #calls = new Map<number, number>();
  readonly #custom = new Map<number, string>();
  #id: string;
  #begun = false;
  #over = false;
  #block: { readonly part: number; readonly index: number } | undefined;
  #blocks = 0;
  #citations = 0;
  #usage: Usage | undefined;
  #finish: Chunk<'finish'> = { type: 'finish', choice: 0, reason: 'other' };

  constructor({ id }: ReplyWriterOptions) {
    this.#id = id;
  }

  /** The events of one chunk; none after the end. */
  events(chunk: ChatChunk): Events {
    if (this.#over) return [];
    if ('choice' in chunk && chunk.choice !== 0) {
      this.loss.add('n');
      return [];
    }
    const said = this.#say(chunk);
    if (said.length === 0 || this.#begun) return said;
    this.#begun = true;
    const message = { role: 'assistant', content: [], tool_plan: '', tool_calls: [], citations: [] };
    return [{ type: 'message-start', id: this.#id, delta: { message } }, ...said];
  }

  stop(): void {
    this.#over = true;
  }

  #say(chunk: ChatChunk): Events {
    switch (chunk.type) {
      case 'start':
        this.#id = chunk.id ?? this.#id;
        return [];
      case 'text':
      case 'refusal':
        return chunk.text === '' ? [] : this.#content(chunk.part, 'text', chunk.text);
      case 'thinking':
        return chunk.text === '' ? [] : this.#content(chunk.part, 'thinking', chunk.text);
      case 'signature':
      case 'redacted-thinking':
        this.loss.add('thinking.signature');
        return [];
      case 'tool-call':
        return this.#call(chunk);
      case 'tool-input':
        return this.#input(chunk);
      case 'raw':
        return this.#raw(chunk);
      case 'usage':
        this.#usage = chunk.usage;
        return [];
      case 'finish':
        this.#finish = chunk;
        return [];
      case 'end':
        return this.#end();
      case 'error':
        return [];
    }
  }

  #content(part: number, type: 'text' | 'thinking', text: string): Events {
    const begun = this.#block?.part === part ? [] : this.#open(part, type);
    const index = this.#block?.index ?? 0;
    return [...begun, { type: 'content-delta', index, delta: { message: { content: { [type]: text } } } }];
  }

  #open(part: number, type: 'text' | 'thinking'): Events {
    const closed = this.#close();
    this.#block = { part, index: this.#blocks++ };
    return [...closed, { type: 'content-start', index: this.#block.index, delta: { message: { content: { type, [type]: '' } } } }];
  }

  #close(): Events {
    const block = this.#block;
    this.#block = undefined;
    return block === undefined ? [] : [{ type: 'content-end', index: block.index }];
  }

  #call({ part, id, name, custom }: Chunk<'tool-call'>): Events {
    const index = this.#calls.size;
    this.#calls.set(part, index);
    if (custom) {
      this.loss.add('tool_calls.custom');
      this.#custom.set(part, '');
    }
    const call = { id, type: 'function', function: { name, arguments: '' } };
    return [...this.#close(), { type: 'tool-call-start', index, delta: { message: { tool_calls: call } } }];
  }

  #input({ part, text }: Chunk<'tool-input'>): Events {
    const index = this.#calls.get(part);
    if (index === undefined || text === '') return [];
    const held = this.#custom.get(part);
    if (held === undefined) return [toolInput(index, text)];
    // The input of a custom tool is plain text, which must be wrapped whole to be JSON.
    this.#custom.set(part, held + text);
    return [];
  }

  #raw({ dialect, name, value }: Chunk<'raw'>): Events {
    if (dialect === ID && name === 'citations' && isArray(value)) {
      return value.flatMap((citations) => {
        const index = this.#citations++;
        return [
          { type: 'citation-start', index, delta: { message: { citations } } },
          { type: 'citation-end', index },
        ];
      });
    }
    this.loss.add(name);
    return [];
  }

  #end(): Events {
    this.#over = true;
    const custom = [...this.#custom].map(([part, held]) => toolInput(this.#calls.get(part) ?? 0, JSON.stringify({ input: held })));
    const ended = [...this.#calls.values()].map((index) => ({ type: 'tool-call-end', index }));
    const delta = {
      finish_reason: writeFinish(this.#finish, this.loss),
      ...(this.#usage !== undefined && { usage: writeUsage(this.#usage) }),
    };
    return [...this.#close(), ...custom, ...ended, { type: 'message-end', delta }];
  }
}

const toolInput = (index: number, text: string): JsonObject => ({
  type: 'tool-call-delta',
  index,
  delta: { message: { tool_calls: { function: { arguments: text } } } },
});

export class FrameWriter implements ReplyWriter {
  readonly #events: EventWriter;
  readonly #options: ReplyWriterOptions;
  #failed = false;

  constructor(options: ReplyWriterOptions) {
    this.#events = new EventWriter(options);
    this.#options = options;
  }

  get loss(): ReadonlySet<string> {
    return this.#events.loss;
  }

  write(chunk: ChatChunk): string {
    if (chunk.type !== 'error') {
      return this.#events
        .events(chunk)
        .map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
        .join('');
    }
    if (this.#failed) return '';
    this.#failed = true;
    this.#events.stop();
    return errorFrame(chunk.error, this.#options.id);
  }
}
