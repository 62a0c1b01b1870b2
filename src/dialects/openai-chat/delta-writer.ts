import type { ChatChunk } from '../../core/chat.ts';
import type { JsonObject } from '../../core/json.ts';

/** The deltas of one choice, in OpenAI's shape. Adding them up gives the message. */
export class DeltaWriter {
  readonly #toolIndex = new Map<number, number>();
  readonly #custom = new Set<number>();
  /** What was thought so far, by part: a signature is sent with the block that it signs. */
  readonly #thought = new Map<number, string>();
  #blocks = 0;

  /** The delta for a chunk of content; `undefined` where it says nothing. */
  write(chunk: ChatChunk): JsonObject | undefined {
    switch (chunk.type) {
      case 'text':
        return chunk.text === '' ? undefined : { content: chunk.text };
      case 'refusal':
        return chunk.text === '' ? undefined : { refusal: chunk.text };
      case 'thinking':
        if (chunk.text === '') return undefined;
        this.#thought.set(chunk.part, (this.#thought.get(chunk.part) ?? '') + chunk.text);
        return { reasoning_content: chunk.text };
      case 'signature':
        return this.#block({ type: 'thinking', thinking: this.#thought.get(chunk.part) ?? '', signature: chunk.signature });
      case 'redacted-thinking':
        return this.#block({ type: 'redacted_thinking', data: chunk.data });
      case 'tool-call':
        return this.#openCall(chunk);
      case 'tool-input':
        return this.#callInput(chunk.part, chunk.text);
      default:
        return undefined;
    }
  }

  /** Clients that add deltas up want an index on every entry of a list. */
  #block(block: JsonObject): JsonObject {
    return { thinking_blocks: [{ index: this.#blocks++, ...block }] };
  }

  #openCall({ part, id, name, custom }: ChatChunk & { readonly type: 'tool-call' }): JsonObject {
    const index = this.#toolIndex.size;
    this.#toolIndex.set(part, index);
    if (!custom) return { tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] };
    this.#custom.add(part);
    return { tool_calls: [{ index, id, type: 'custom', custom: { name, input: '' } }] };
  }

  #callInput(part: number, text: string): JsonObject | undefined {
    const index = this.#toolIndex.get(part);
    if (index === undefined || text === '') return undefined;
    const piece = this.#custom.has(part) ? { custom: { input: text } } : { function: { arguments: text } };
    return { tool_calls: [{ index, ...piece }] };
  }
}
