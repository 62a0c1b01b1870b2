import type { ChatChunk } from '../../core/chat.ts';
import type { JsonObject } from '../../core/json.ts';
import { wrapSignature } from '../../core/signature.ts';
import { ISSUER, writeThoughtSignature } from './signatures.ts';

interface Block {
  text: string;
  signature: string | undefined;
  readonly data: string | undefined;
}

interface Call {
  readonly id: string;
  readonly name: string;
  readonly isCustom: boolean;
  input: string;
  signature: JsonObject;
}

type Signature = Extract<ChatChunk, { readonly type: 'signature' }>;

/** The message of one choice of a JSON answer, from its chunks. */
export class MessageBuilder {
  #content = '';
  #refusal: string | null = null;
  readonly #blocks = new Map<number, Block>();
  readonly #texts = new Set<number>();
  #textSignature: JsonObject = {};
  readonly #calls = new Map<number, Call>();

  add(chunk: ChatChunk): void {
    switch (chunk.type) {
      case 'text':
        this.#content += chunk.text;
        this.#texts.add(chunk.part);
        break;
      case 'refusal':
        this.#refusal = (this.#refusal ?? '') + chunk.text;
        break;
      case 'thinking':
        this.#block(chunk.part).text += chunk.text;
        break;
      case 'signature':
        this.#sign(chunk);
        break;
      case 'redacted-thinking':
        this.#blocks.set(chunk.part, { text: '', signature: undefined, data: wrapSignature(chunk.data, chunk.issuer, ISSUER) });
        break;
      case 'tool-call':
        this.#calls.set(chunk.part, { id: chunk.id, name: chunk.name, isCustom: chunk.custom === true, input: '', signature: {} });
        break;
      case 'tool-input': {
        const call = this.#calls.get(chunk.part);
        if (call !== undefined) call.input += chunk.text;
        break;
      }
    }
  }

  build(): JsonObject {
    const blocks = [...this.#blocks.values()];
    const calls = [...this.#calls.values()];
    const thought = blocks.map(({ text }) => text).join('');
    // Only what must come back unchanged is worth the extension: plain thinking stands in `reasoning_content`.
    const isSigned = blocks.some(({ signature, data }) => signature !== undefined || data !== undefined);
    const isSilent = this.#content === '' && (calls.length > 0 || this.#refusal !== null);
    return {
      role: 'assistant',
      content: isSilent ? null : this.#content,
      refusal: this.#refusal,
      ...(thought !== '' && { reasoning_content: thought }),
      ...(isSigned && { thinking_blocks: blocks.map(writeBlock) }),
      ...(calls.length > 0 && { tool_calls: calls.map(writeCall) }),
      ...this.#textSignature,
    };
  }

  #sign({ part, signature, issuer }: Signature): void {
    const call = this.#calls.get(part);
    if (call !== undefined) call.signature = writeThoughtSignature(signature, issuer);
    else if (this.#texts.has(part)) this.#textSignature = writeThoughtSignature(signature, issuer);
    else this.#block(part).signature = wrapSignature(signature, issuer, ISSUER);
  }

  #block(part: number): Block {
    const block = this.#blocks.get(part) ?? { text: '', signature: undefined, data: undefined };
    this.#blocks.set(part, block);
    return block;
  }
}

const writeBlock = ({ text, signature, data }: Block): JsonObject =>
  data === undefined
    ? { type: 'thinking', thinking: text, ...(signature !== undefined && { signature }) }
    : { type: 'redacted_thinking', data };

/** A call without input says so by an empty object: clients parse the arguments. */
const writeCall = ({ id, name, isCustom, input, signature }: Call): JsonObject =>
  isCustom
    ? { id, type: 'custom', custom: { name, input }, ...signature }
    : { id, type: 'function', function: { name, arguments: input === '' ? '{}' : input }, ...signature };
