import type { ChatChunk } from '../../core/chat.ts';
import { asNumber, asString, isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { readFinish } from '../../core/openai/finish.ts';
import { unwrapSignature } from '../../core/signature.ts';
import { thinkingText } from './read-parts.ts';
import { ISSUER, readThoughtSignature } from './signatures.ts';
import { ToolCallReader } from './tool-call-reader.ts';

/** What the choices of one answer share: the chunks read so far, the numbering of parts, the answer's id once known. */
export interface Answer {
  readonly chunks: ChatChunk[];
  nextPart: number;
  id: string;
}

/** Reads one choice of an answer, delta by delta. The message of a JSON answer is one delta that holds everything. */
export class ChoiceReader {
  readonly #index: number;
  readonly #answer: Answer;
  readonly #calls: ToolCallReader;
  #text: number | undefined;
  #refusal: number | undefined;
  #thinking: number | undefined;
  /** What was thought in the open part: a signed block repeats it, and must not be read twice. */
  #thought = '';
  #finished = false;

  constructor(index: number, answer: Answer) {
    this.#index = index;
    this.#answer = answer;
    this.#calls = new ToolCallReader(index, answer);
  }

  /** Adds the chunks of a delta to the answer, in the order in which a model produces them. */
  read(delta: JsonObject, isWhole: boolean): void {
    this.#readThinking(delta, isWhole);
    this.#readContent(delta.content);
    this.#sign(delta);
    this.#refuse(asString(delta.refusal));
    if (isArray(delta.tool_calls)) {
      for (const [position, call] of delta.tool_calls.entries()) {
        if (isObject(call)) this.#calls.read(call, isWhole ? position : asNumber(call.index));
      }
    }
    if (isObject(delta.function_call)) this.#calls.read({ function: delta.function_call }, 0);
  }

  /** The first reason counts; `undefined` for an answer that ended without any. */
  finish(word: string | undefined): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#calls.end();
    this.#answer.chunks.push(word === undefined ? { type: 'finish', choice: this.#index, reason: 'other' } : readFinish(this.#index, word));
  }

  /** A string, or Mistral's array of text and thinking. */
  #readContent(content: Json | undefined): void {
    if (!isArray(content)) {
      this.#say(asString(content));
      return;
    }
    for (const part of content) {
      if (!isObject(part)) continue;
      if (part.type === 'thinking') this.#think(thinkingText(part.thinking));
      else if (part.type === 'text') this.#say(asString(part.text));
    }
  }

  #say(text: string | undefined): void {
    if (text === undefined || text === '') return;
    this.#text ??= this.#answer.nextPart++;
    this.#answer.chunks.push({ type: 'text', part: this.#text, choice: this.#index, text });
  }

  #sign(delta: JsonObject): void {
    const { signature, issuer } = readThoughtSignature(delta);
    if (signature === undefined || issuer === undefined) return;
    this.#text ??= this.#answer.nextPart++;
    this.#answer.chunks.push({ type: 'signature', part: this.#text, choice: this.#index, signature, issuer });
  }

  #refuse(text: string | undefined): void {
    if (text === undefined || text === '') return;
    this.#refusal ??= this.#answer.nextPart++;
    this.#answer.chunks.push({ type: 'refusal', part: this.#refusal, choice: this.#index, text });
  }

  #think(text: string | undefined): void {
    if (text === undefined || text === '') return;
    this.#thinking ??= this.#answer.nextPart++;
    this.#thought += text;
    this.#answer.chunks.push({ type: 'thinking', part: this.#thinking, choice: this.#index, text });
  }

  /** `thinking_blocks` before the plain text, which repeats them. */
  #readThinking(delta: JsonObject, isWhole: boolean): void {
    const blocks = isArray(delta.thinking_blocks) ? delta.thinking_blocks.filter(isObject) : [];
    if (!blocks.some((block) => block.type === 'thinking')) {
      this.#think(asString(delta.reasoning_content) ?? asString(delta.reasoning));
    }
    for (const block of blocks) {
      if (block.type === 'thinking') this.#readBlock(block, isWhole);
      else if (block.type === 'redacted_thinking') this.#readRedacted(asString(block.data));
    }
  }

  /** A piece of thinking, or, where it is signed, the whole block: its text is read unless it has streamed before. */
  #readBlock(block: JsonObject, isWhole: boolean): void {
    const text = asString(block.thinking) ?? '';
    const signature = asString(block.signature) ?? '';
    if (signature === '' || !this.#thought.endsWith(text)) this.#think(text);
    if (signature !== '') {
      this.#thinking ??= this.#answer.nextPart++;
      this.#answer.chunks.push({
        type: 'signature',
        part: this.#thinking,
        choice: this.#index,
        ...unwrapSignature(signature, ISSUER),
      });
    }
    if (signature !== '' || isWhole) this.#closeThinking();
  }

  #readRedacted(data: string | undefined): void {
    if (data === undefined) return;
    this.#closeThinking();
    const { signature, issuer } = unwrapSignature(data, ISSUER);
    const part = this.#answer.nextPart++;
    this.#answer.chunks.push({ type: 'redacted-thinking', part, choice: this.#index, data: signature, issuer });
  }

  #closeThinking(): void {
    this.#thinking = undefined;
    this.#thought = '';
  }
}
