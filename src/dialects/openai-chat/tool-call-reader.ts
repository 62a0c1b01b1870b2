import { asString, isObject, type Json, type JsonObject } from '../../core/json.ts';
import type { Answer } from './choice-reader.ts';

interface OpenCall {
  readonly index: number | undefined;
  readonly id: string | undefined;
  readonly part: number;
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
    const text = custom === undefined ? argumentsText(called.arguments) : asString(custom.input);
    if (text !== undefined && text !== '') {
      this.#answer.chunks.push({ type: 'tool-input', part: call.part, choice: this.#choice, text });
    }
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
    const call = { index, id, part: this.#answer.nextPart++ };
    this.#calls.push(call);
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
