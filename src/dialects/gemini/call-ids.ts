/**
 * This API's function calls may come without ids, and its answers to them are then matched by name and order. Every
 * other dialect needs ids, so they are made here: the same ones each time the same conversation comes.
 */
const MADE = /^gemini-.+-\d+$/;

/** The id of a call that came without one; `where` tells answers, or the conversation, apart. */
export const madeId = (where: string, count: number): string => `gemini-${where}-${count}`;

/** Whether an id was made here, and means nothing to the vendor. */
export const isMade = (id: string): boolean => MADE.test(id);

interface OpenCall {
  readonly id: string;
  readonly name: string;
}

/** The calls of a conversation as it is read: gives ids to those without, and says which call an answer belongs to. */
export class CallLedger {
  #open: OpenCall[] = [];
  #calls = 0;

  /** The id of the next call. */
  call(id: string | undefined, name: string): string {
    this.#calls++;
    const known = id === undefined || id === '' ? madeId('call', this.#calls) : id;
    this.#open.push({ id: known, name });
    return known;
  }

  /** The id of the call that is answered, and whether it was found: by its id, else the first open one of the name, else the first open one. */
  answer(id: string | undefined, name: string): { readonly id: string; readonly isKnown: boolean } {
    const byId = this.#open.filter((call) => call.id === id);
    const found = byId.find((call) => call.name === name) ?? byId[0] ?? this.#open.find((call) => call.name === name) ?? this.#open[0];
    if (found === undefined) return { id: id ?? madeId('answer', ++this.#calls), isKnown: false };
    this.#open = this.#open.filter((call) => call !== found);
    return { id: found.id, isKnown: found.name === name };
  }
}
