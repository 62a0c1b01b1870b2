import type { ChatChunk, Usage } from '../../core/chat.ts';
import type { ReplyWriter, ReplyWriterOptions } from '../../core/dialect.ts';
import type { JsonObject } from '../../core/json.ts';
import { errorFrame } from '../../core/openai/errors.ts';
import { type Finish, writeFinish } from '../../core/openai/finish.ts';
import { DONE } from '../../core/openai/frames.ts';
import { writeUsage } from '../../core/openai/usage.ts';
import { DeltaWriter } from './delta-writer.ts';

/** Writes a stream of `chat.completion.chunk` frames: deltas, a finish a choice, usage where it was asked for, `[DONE]`. */
export class StreamWriter implements ReplyWriter {
  readonly loss = new Set<string>();
  readonly #options: ReplyWriterOptions;
  readonly #choices = new Map<number, DeltaWriter>();
  readonly #begun = new Set<number>();
  #head: { readonly id: string; readonly created: number; readonly model: string };
  #usage: Usage | undefined;
  #over = false;

  constructor(options: ReplyWriterOptions) {
    this.#options = options;
    this.#head = { id: options.id, created: options.created, model: options.model };
  }

  write(chunk: ChatChunk): string {
    if (this.#over) return '';
    switch (chunk.type) {
      case 'start': {
        const { id, model, created } = chunk;
        this.#head = { id: id ?? this.#head.id, created: created ?? this.#head.created, model: model ?? this.#head.model };
        return '';
      }
      // Clients read usage from a chunk of its own behind the last finish, and it may come earlier than that.
      case 'usage':
        this.#usage = chunk.usage;
        return '';
      case 'raw':
        this.loss.add(chunk.name);
        return '';
      case 'error':
        this.#over = true;
        return this.#flushOthers(-1) + errorFrame(chunk.error, this.#options.id);
      case 'end':
        this.#over = true;
        return `${this.#flushOthers(-1)}${this.#usageFrame()}data: ${DONE}\n\n`;
      case 'finish':
        return this.#finish(chunk);
      default:
        return this.#flushOthers(chunk.choice) + this.#deltas(chunk.choice, this.#writer(chunk.choice).write(chunk));
    }
  }

  #finish(finish: Finish): string {
    const writer = this.#writer(finish.choice);
    const rest = this.#deltas(finish.choice, writer.close());
    return rest + this.#choice(finish.choice, writer.last(), writeFinish(finish, this.loss));
  }

  #deltas(choice: number, deltas: readonly JsonObject[]): string {
    return deltas.map((delta) => this.#choice(choice, delta, null)).join('');
  }

  #flush(choice: number): string {
    return this.#deltas(choice, this.#writer(choice).flush());
  }

  #flushOthers(own: number): string {
    return [...this.#choices.keys()].map((choice) => (choice === own ? '' : this.#flush(choice))).join('');
  }

  #writer(choice: number): DeltaWriter {
    let writer = this.#choices.get(choice);
    if (writer === undefined) {
      writer = new DeltaWriter();
      this.#choices.set(choice, writer);
    }
    return writer;
  }

  /** The role stands in the first delta of each choice. */
  #choice(index: number, delta: JsonObject, reason: string | null): string {
    const isFirst = !this.#begun.has(index);
    this.#begun.add(index);
    return this.#frame({
      choices: [{ index, delta: isFirst ? { role: 'assistant', ...delta } : delta, logprobs: null, finish_reason: reason }],
    });
  }

  #usageFrame(): string {
    if (!this.#options.wantsUsage || this.#usage === undefined) return '';
    return this.#frame({ choices: [], usage: writeUsage(this.#usage) });
  }

  #frame(fields: JsonObject): string {
    const { id, created, model } = this.#head;
    return `data: ${JSON.stringify({ id, object: 'chat.completion.chunk', created, model, ...fields })}\n\n`;
  }
}
