import type { ChatChunk } from '../../core/chat.ts';
import type { JsonObject } from '../../core/json.ts';
import { wrapSignature } from '../../core/signature.ts';
import { ISSUER, writeThoughtSignature } from './signatures.ts';

type Chunk<Type extends ChatChunk['type']> = Extract<ChatChunk, { readonly type: Type }>;

/** The deltas of one choice, in OpenAI's shape. Adding them up gives the message. */
export class DeltaWriter {
  readonly #toolIndex = new Map<number, number>();
  readonly #custom = new Set<number>();
  readonly #texts = new Set<number>();
  /** What was thought so far, by part: a signature is sent with the block that it signs. */
  readonly #thought = new Map<number, string>();
  #blocks = 0;
  /** Calls of functions that have no arguments so far, by index. */
  readonly #bare = new Set<number>();
  #silent = true;
  /** A call that has begun: its signature, which comes next if there is one, belongs into the same delta. */
  #begun: Chunk<'tool-call'> | undefined;

  /** The deltas for a chunk of content; none where it says nothing. */
  write(chunk: ChatChunk): readonly JsonObject[] {
    if (this.#begun !== undefined && chunk.type === 'signature' && chunk.part === this.#begun.part) {
      return this.flush(writeThoughtSignature(chunk.signature, chunk.issuer));
    }
    const before = this.flush();
    const delta = this.#delta(chunk);
    return delta === undefined ? before : [...before, delta];
  }

  /** What was held back at the finish. A call without input says so by an empty object: clients parse the arguments. */
  close(): readonly JsonObject[] {
    const held = this.flush();
    const bare = [...this.#bare].map((index) => ({ tool_calls: [{ index, function: { arguments: '{}' } }] }));
    this.#bare.clear();
    return [...held, ...bare];
  }

  /** The delta of the finish. An answer without a word or a call has a content all the same. */
  last(): JsonObject {
    return this.#silent ? { content: '' } : {};
  }

  /** What was held back. */
  flush(signature: JsonObject = {}): readonly JsonObject[] {
    const begun = this.#begun;
    this.#begun = undefined;
    return begun === undefined ? [] : [this.#openCall(begun, signature)];
  }

  #delta(chunk: ChatChunk): JsonObject | undefined {
    switch (chunk.type) {
      case 'text':
        this.#texts.add(chunk.part);
        return this.#say('content', chunk.text);
      case 'refusal':
        return this.#say('refusal', chunk.text);
      case 'thinking':
        if (chunk.text === '') return undefined;
        this.#thought.set(chunk.part, (this.#thought.get(chunk.part) ?? '') + chunk.text);
        return { reasoning_content: chunk.text };
      case 'signature':
        return this.#signature(chunk);
      case 'redacted-thinking':
        return this.#block({ type: 'redacted_thinking', data: wrapSignature(chunk.data, chunk.issuer, ISSUER) });
      case 'tool-call':
        this.#begun = chunk;
        return undefined;
      case 'tool-input':
        return this.#callInput(chunk.part, chunk.text);
      default:
        return undefined;
    }
  }

  #say(field: 'content' | 'refusal', text: string): JsonObject | undefined {
    if (text === '') return undefined;
    this.#silent = false;
    return { [field]: text };
  }

  #signature({ part, signature, issuer }: Chunk<'signature'>): JsonObject {
    const index = this.#toolIndex.get(part);
    if (index !== undefined) return { tool_calls: [{ index, ...writeThoughtSignature(signature, issuer) }] };
    if (this.#texts.has(part)) return writeThoughtSignature(signature, issuer);
    const thinking = this.#thought.get(part) ?? '';
    return this.#block({ type: 'thinking', thinking, signature: wrapSignature(signature, issuer, ISSUER) });
  }

  /** Clients that add deltas up want an index on every entry of a list. */
  #block(block: JsonObject): JsonObject {
    return { thinking_blocks: [{ index: this.#blocks++, ...block }] };
  }

  #openCall({ part, id, name, custom }: Chunk<'tool-call'>, signature: JsonObject): JsonObject {
    const index = this.#toolIndex.size;
    this.#toolIndex.set(part, index);
    this.#silent = false;
    if (!custom) this.#bare.add(index);
    if (!custom) return { tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' }, ...signature }] };
    this.#custom.add(part);
    return { tool_calls: [{ index, id, type: 'custom', custom: { name, input: '' }, ...signature }] };
  }

  #callInput(part: number, text: string): JsonObject | undefined {
    const index = this.#toolIndex.get(part);
    if (index === undefined || text === '') return undefined;
    this.#bare.delete(index);
    const piece = this.#custom.has(part) ? { custom: { input: text } } : { function: { arguments: text } };
    return { tool_calls: [{ index, ...piece }] };
  }
}
