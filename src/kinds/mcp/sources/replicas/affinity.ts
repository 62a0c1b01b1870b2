import type { JsonObject } from '../../../../core/json.ts';
import { pointOf } from '../../../../core/stable-hash.ts';
import type { SourceHome, SourceStore } from '../source.ts';

/** Callers that are remembered at most; who is forgotten begins where every isolate would have it begin. */
const MOST = 10_000;
const KEPT = 'replica';

/** Which replica whom is served by: where it was served last. */
export class Affinity {
  readonly #count: number;
  readonly #last = new Map<string, number>();
  readonly #kept: SourceStore | undefined;

  constructor(count: number, { kept }: Pick<SourceHome, 'kept'>) {
    this.#count = count;
    this.#kept = kept;
  }

  /** All of them, the caller's own first, then in an order that is the same for it in every isolate. */
  order(principal: string): readonly number[] {
    const all = Array.from({ length: this.#count }, (_, at) => at);
    const points = all.map((at) => pointOf(`${at} ${principal}`));
    const order = all.toSorted((a, b) => (points[a] ?? 0) - (points[b] ?? 0));
    const last = this.#lastOf(principal);
    return last === undefined ? order : [last, ...order.filter((each) => each !== last)];
  }

  served(principal: string, replica: number): void {
    if (this.#lastOf(principal) === replica) return;
    this.#last.delete(principal);
    if (this.#last.size >= MOST) this.#last.delete(this.#last.keys().next().value ?? '');
    this.#last.set(principal, replica);
    // A session has one owner: it stays where it is though its object was forgotten.
    this.#kept?.put(KEPT, { replica });
  }

  #lastOf(principal: string): number | undefined {
    const known = this.#last.get(principal);
    if (known !== undefined) return known;
    const kept = this.#kept?.get(KEPT) as JsonObject | undefined;
    return typeof kept?.replica === 'number' && kept.replica < this.#count ? kept.replica : undefined;
  }
}

/** Of what a session keeps, one replica's own part. */
export const partOf = (kept: SourceStore, part: string): SourceStore => ({
  get: (name) => kept.get(`${part} ${name}`),
  put: (name, value) => kept.put(`${part} ${name}`, value),
  delete: (name) => kept.delete(`${part} ${name}`),
});
