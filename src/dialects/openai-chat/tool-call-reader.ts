import { asString, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { mayBeWrapper, unwrapped } from '../../core/openai/parallel-wrapper.ts';
import type { Answer } from './choice-reader.ts';
import { readThoughtSignature } from './signatures.ts';

interface OpenCall {
  readonly index: number | undefined;
  readonly id: string | undefined;
  readonly part: number;
  /** Kept back, since what it is called as shows only in what it is called with. */
  held?: { readonly id: string; readonly name: string; input: string };
}

/** Reads the tool calls of one choice: finds the call that a delta continues, and opens those that begin. */
export class ToolCallReader {
  readonly #choice: number;
  readonly #answer: Answer;
  readonly #calls: OpenCall[] = [];

  constructor(choice: number, answer: Answer) {
    this.#choice = choice;
    this.#answer = answer;
  }

  read(delta: JsonObject, index: number | undefined): void {
    const custom = isObject(delta.custom) ? delta.custom : undefined;
    const called = custom ?? (isObject(delta.function) ? delta.function : {});
    const id = asString(delta.id) || undefined;
    const name = asString(called.name) ?? '';
    const call = this.#continued(index, id, name) ?? this.#open(index, id, name, custom !== undefined);
    const { signature, issuer } = readThoughtSignature(delta);
    if (signature !== undefined && issuer !== undefined) {
      this.#answer.chunks.push({ type: 'signature', part: call.part, choice: this.#choice, signature, issuer });
    }
    const text = custom === undefined ? argumentsText(called.arguments) : asString(custom.input);
    if (text === undefined || text === '') return;
    if (call.held === undefined) this.#push(call.part, text);
    else call.held.input += text;
  }

  /** Says what was kept back: the calls have ended. */
  end(): void {
    for (const { part, held } of this.#calls) {
      if (held === undefined) continue;
      const inside = unwrapped(held.input);
      if (inside === undefined) this.#begin(part, held.id, held.name, held.input);
      else for (const [at, call] of inside.entries()) this.#begin(this.#answer.nextPart++, `${held.id}_${at}`, call.name, call.input);
    }
    this.#calls.length = 0;
  }

  #begin(part: number, id: string, name: string, input: string): void {
    this.#answer.chunks.push({ type: 'tool-call', part, choice: this.#choice, id, name });
    if (input !== '') this.#push(part, input);
  }

  #push(part: number, text: string): void {
    this.#answer.chunks.push({ type: 'tool-input', part, choice: this.#choice, text });
  }

  /**
   * By `index`. Mistral leaves it out and sends a call whole; some vendors give every call of a turn the same one, so
   * that another id that comes with a name begins another call.
   */
  #continued(index: number | undefined, id: string | undefined, name: string): OpenCall | undefined {
    const sameId = id === undefined ? undefined : this.#calls.findLast((call) => call.id === id && call.index === index);
    if (sameId !== undefined) return sameId;
    if (index === undefined) return id === undefined && name === '' ? this.#calls.at(-1) : undefined;
    const call = this.#calls.findLast((call) => call.index === index);
    const isAnother = id !== undefined && call?.id !== undefined && name !== '';
    return isAnother ? undefined : call;
  }

  #open(index: number | undefined, id: string | undefined, name: string, isCustom: boolean): OpenCall {
    const part = this.#answer.nextPart++;
    const isHeld = !isCustom && mayBeWrapper(name);
    const call: OpenCall = { index, id, part, ...(isHeld && { held: { id: id ?? this.#newId(part), name, input: '' } }) };
    this.#calls.push(call);
    if (isHeld) return call;
    this.#answer.chunks.push({
      type: 'tool-call',
      part: call.part,
      choice: this.#choice,
      id: id ?? this.#newId(call.part),
      name,
      ...(isCustom && { custom: true as const }),
    });
    return call;
  }

  /** Unique in the whole conversation where the answer has an id: providers refuse an id that comes twice. */
  #newId(part: number): string {
    const answer = this.#answer.id.replaceAll(/[^a-zA-Z0-9]/g, '').slice(-24);
    return answer === '' ? `call_${part}` : `call_${answer}_${part}`;
  }
}

/** Arguments as JSON text: some vendors send the object itself. */
const argumentsText = (value: Json | undefined) => (isObject(value) ? JSON.stringify(value) : asString(value));
