import type { ChatChunk, Usage } from '../../core/chat.ts';
import type { ReplyWriter, ReplyWriterOptions } from '../../core/dialect.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import { errorFrame } from './errors.ts';
import { ID } from './fields.ts';
import { writeDoneReason } from './finish.ts';
import { argumentsOf } from './write-messages.ts';

interface Call {
  readonly id: string;
  readonly name: string;
  readonly isCustom: boolean;
  input: string;
}

/** Collects what one answer says; shared by streams and JSON answers. */
export class LineBuilder {
  readonly loss = new Set<string>();
  readonly #calls = new Map<number, Call>();
  #head: { readonly model: string; readonly created_at: string };
  #usage: Usage | undefined;
  #finish: ChatChunk & { readonly type: 'finish' } = { type: 'finish', choice: 0, reason: 'other' };
  #facts: JsonObject = {};

  constructor({ model, created }: ReplyWriterOptions) {
    this.#head = { model, created_at: timeOf(created) };
  }

  /** The fields of the message for a chunk; `undefined` where it says nothing now. */
  message(chunk: ChatChunk): JsonObject | undefined {
    if ('choice' in chunk && chunk.choice !== 0) {
      this.loss.add('n');
      return undefined;
    }
    switch (chunk.type) {
      case 'text':
      case 'refusal':
        return chunk.text === '' ? undefined : { content: chunk.text };
      case 'thinking':
        return chunk.text === '' ? undefined : { content: '', thinking: chunk.text };
      default:
        this.#note(chunk);
        return undefined;
    }
  }

  #note(chunk: ChatChunk): void {
    switch (chunk.type) {
      case 'start':
        this.#head = {
          model: chunk.model ?? this.#head.model,
          created_at: chunk.created === undefined ? this.#head.created_at : timeOf(chunk.created),
        };
        break;
      case 'signature':
      case 'redacted-thinking':
        this.loss.add('thinking.signature');
        break;
      case 'tool-call':
        if (chunk.custom) this.loss.add('tool_calls.custom');
        this.#calls.set(chunk.part, { id: chunk.id, name: chunk.name, isCustom: chunk.custom === true, input: '' });
        break;
      case 'tool-input': {
        const call = this.#calls.get(chunk.part);
        if (call !== undefined) call.input += chunk.text;
        break;
      }
      case 'usage':
        this.#usage = chunk.usage;
        break;
      case 'finish':
        this.#finish = chunk;
        break;
      case 'raw':
        if (chunk.dialect === ID && chunk.name === 'durations' && isObject(chunk.value)) this.#facts = chunk.value;
        else this.loss.add(chunk.name);
        break;
    }
  }

  /** The calls, whole: their arguments are no text here that could come in pieces. */
  calls(): readonly JsonObject[] {
    return [...this.#calls.values()].map(({ id, name, isCustom, input }, index) => ({
      id,
      function: { index, name, arguments: isCustom ? { input } : argumentsOf(input, 'tool_calls.function.arguments', this.loss) },
    }));
  }

  line(message: JsonObject): JsonObject {
    return { ...this.#head, message: { role: 'assistant', ...message }, done: false };
  }

  last(message: JsonObject): JsonObject {
    return {
      ...this.line(message),
      done: true,
      done_reason: writeDoneReason(this.#finish, this.#calls.size > 0, this.loss),
      ...this.#facts,
      ...(this.#usage !== undefined && { prompt_eval_count: this.#usage.input, eval_count: this.#usage.output }),
    };
  }
}

const timeOf = (created: number) => new Date(created * 1000).toISOString();

export class StreamWriter implements ReplyWriter {
  readonly #builder: LineBuilder;
  readonly #options: ReplyWriterOptions;
  #over = false;

  constructor(options: ReplyWriterOptions) {
    this.#builder = new LineBuilder(options);
    this.#options = options;
  }

  get loss(): ReadonlySet<string> {
    return this.#builder.loss;
  }

  write(chunk: ChatChunk): string {
    if (this.#over) return '';
    if (chunk.type === 'error') {
      this.#over = true;
      return errorFrame(chunk.error, this.#options.id);
    }
    if (chunk.type === 'end') {
      this.#over = true;
      const calls = this.#builder.calls();
      const before = calls.length === 0 ? '' : frame(this.#builder.line({ content: '', tool_calls: calls }));
      return before + frame(this.#builder.last({ content: '' }));
    }
    const message = this.#builder.message(chunk);
    return message === undefined ? '' : frame(this.#builder.line(message));
  }
}

const frame = (body: JsonObject) => `data: ${JSON.stringify(body)}\n\n`;
