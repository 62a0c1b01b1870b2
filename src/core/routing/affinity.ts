import type { Place } from '../health.ts';

/** Subjects that one isolate remembers; the one that was used longest ago is forgotten first. */
const MOST = 5_000;

/** Where conversations and sessions were answered last. A hint: a place that fails or may not be asked is passed over. */
export class Affinities {
  readonly #places = new Map<string, { readonly place: Place; readonly until: number }>();

  of(subject: string, now: number): Place | undefined {
    const known = this.#places.get(subject);
    if (known === undefined || now < known.until) return known?.place;
    this.#places.delete(subject);
    return undefined;
  }

  /** Returns whether that is news: it was unknown or elsewhere, or half of its time is over. */
  note(subject: string, place: Place, now: number, lasts: number): boolean {
    const known = this.#places.get(subject);
    this.#places.delete(subject);
    const oldest = this.#places.size >= MOST ? this.#places.keys().next().value : undefined;
    if (oldest !== undefined) this.#places.delete(oldest);
    this.#places.set(subject, { place, until: now + lasts });
    return known === undefined || known.place !== place || known.until - now < lasts / 2;
  }
}
