import type { ChatChunk, Usage } from '../../core/chat.ts';
import type { ReplyWriter, ReplyWriterOptions } from '../../core/dialect.ts';
import type { JsonObject } from '../../core/json.ts';
import { errorFrame } from '../../core/openai/errors.ts';
import { type Finish, writeFinish } from '../../core/openai/finish.ts';
import { DONE } from '../../core/openai/frames.ts';
import { writeUsage } from '../../core/openai/usage.ts';

/** Text is all that an answer can say. Names what is left out; shared by streams and JSON answers. */
export function textOf(chunk: ChatChunk, loss: Set<string>): string {
  switch (chunk.type) {
    case 'text':
    case 'refusal':
      return chunk.text;
    case 'thinking':
      loss.add('reasoning_content');
      return '';
    case 'signature':
    case 'redacted-thinking':
      loss.add('thinking.signature');
      return '';
    case 'tool-call':
    case 'tool-input':
      loss.add('tool_calls');
      return '';
    case 'raw':
      loss.add(chunk.name);
      return '';
    default:
      return '';
  }
}

/** There is no word for calls of tools, which are lost. */
export function finishWord(finish: Finish, loss: Set<string>): string {
  if (finish.reason !== 'tool-calls') return writeFinish(finish, loss);
  loss.add('finish_reason.tool-calls');
  return 'stop';
}

export const OBJECT = 'text_completion';

/** Writes a stream of `text_completion` frames, usage where it was asked for, `[DONE]`. */
export class StreamWriter implements ReplyWriter {
  readonly loss = new Set<string>();
  readonly #options: ReplyWriterOptions;
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
      case 'usage':
        this.#usage = chunk.usage;
        return '';
      case 'error':
        this.#over = true;
        return errorFrame(chunk.error, this.#options.id);
      case 'end':
        this.#over = true;
        return `${this.#usageFrame()}data: ${DONE}\n\n`;
      case 'finish':
        return this.#choice(chunk.choice, '', finishWord(chunk, this.loss));
      default: {
        const text = textOf(chunk, this.loss);
        return text === '' || !('choice' in chunk) ? '' : this.#choice(chunk.choice, text, null);
      }
    }
  }

  #choice(index: number, text: string, reason: string | null): string {
    return this.#frame({ choices: [{ text, index, logprobs: null, finish_reason: reason }] });
  }

  #usageFrame(): string {
    if (!this.#options.wantsUsage || this.#usage === undefined) return '';
    return this.#frame({ choices: [], usage: writeUsage(this.#usage) });
  }

  #frame(fields: JsonObject): string {
    const { id, created, model } = this.#head;
    return `data: ${JSON.stringify({ id, object: OBJECT, created, model, ...fields })}\n\n`;
  }
}
