import type { JsonObject } from '../../../core/json.ts';

/** What a list is made of, in a text: two lists have the same one where they hold the very same objects in the same order. */
export interface Fingerprint {
  readonly text: string;
  /** Whether something of it was never seen before: what is listed anew each time always is. */
  readonly isNew: boolean;
}

/**
 * Numbers for things that are kept: each object has its own for as long as it is there, and no other ever has that again. So
 * a list is known by what is in it, whoever asked for it and whatever was taken out on the way: nothing has to be thought of
 * that may make one caller's list differ from another's.
 */
export class Numbers {
  readonly #numbers = new WeakMap<JsonObject, string>();
  readonly #lists = new WeakMap<readonly JsonObject[], string>();
  #last = 0;

  of(items: readonly JsonObject[]): Fingerprint {
    const known = this.#lists.get(items);
    if (known !== undefined) return { text: known, isNew: false };
    const before = this.#last;
    const text = items.map((item) => this.#numberOf(item)).join();
    this.#lists.set(items, text);
    return { text, isNew: this.#last !== before };
  }

  #numberOf(item: JsonObject): string {
    let number = this.#numbers.get(item);
    if (number === undefined) {
      this.#last += 1;
      number = this.#last.toString(36);
      this.#numbers.set(item, number);
    }
    return number;
  }
}
