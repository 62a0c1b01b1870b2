import { AskedDigests } from '../../core/cache/digests.ts';
import { Flights } from '../../core/cache/flight.ts';
import type { AnswerCache } from '../../core/cache/port.ts';
import type { StoredAnswer } from '../../core/cache/stored-answer.ts';
import type { Clock } from '../../core/ports.ts';

/** Bytes that the answers of an isolate may take: an eighth of what it has. */
const MOST_BYTES = 16 * 1024 * 1024;

/** Answers in the memory of one isolate: the one that was given longest ago goes first. */
export class AnswerMemory implements AnswerCache {
  readonly flights: Flights;
  readonly digests = new AskedDigests();
  readonly #clock: Clock;
  readonly #mostBytes: number;
  readonly #kept = new Map<string, StoredAnswer>();
  #bytes = 0;

  constructor(clock: Clock, mostBytes = MOST_BYTES) {
    this.#clock = clock;
    this.#mostBytes = mostBytes;
    this.flights = new Flights(() => clock.now());
  }

  get(key: string): StoredAnswer | undefined {
    const answer = this.#kept.get(key);
    if (answer === undefined) return undefined;
    this.#kept.delete(key);
    if (answer.until <= this.#clock.now()) {
      this.#bytes -= answer.bytes;
      return undefined;
    }
    this.#kept.set(key, answer);
    return answer;
  }

  put(key: string, answer: StoredAnswer): void {
    this.delete(key);
    if (answer.bytes > this.#mostBytes) return;
    this.#kept.set(key, answer);
    this.#bytes += answer.bytes;
    for (const [oldest] of this.#kept) {
      if (this.#bytes <= this.#mostBytes) return;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const answer = this.#kept.get(key);
    if (answer === undefined) return;
    this.#kept.delete(key);
    this.#bytes -= answer.bytes;
  }
}
