import type { ChangedMeter, Ending, Hold, LedgerStore, Mark } from './holds.ts';
import type { Meter } from './meters.ts';
import type { UsageRow } from './usage.ts';

// Instruments for tests. Production code must not import this file.

/** A store in memory. What it holds is text, as on a disk: nothing of it is shared with who wrote it. */
export class MemoryStore implements LedgerStore {
  readonly #meters = new Map<string, string>();
  readonly #holds = new Map<string, string>();
  readonly #ended = new Map<string, Ending>();
  readonly #marks = new Map<string, Mark>();
  #generation = 0;
  /** The rows that went out, in order. */
  readonly rows: UsageRow[] = [];

  meters(keys: readonly string[]): ReadonlyMap<string, Meter> {
    return new Map(
      keys.flatMap((key) => {
        const text = this.#meters.get(key);
        return text === undefined ? [] : [[key, JSON.parse(text) as Meter] as const];
      }),
    );
  }

  putMeters(changed: readonly ChangedMeter[]): void {
    for (const { key, start, spent, reserved } of changed) this.#meters.set(key, JSON.stringify({ start, spent, reserved }));
  }

  hold(id: string): Hold | undefined {
    const text = this.#holds.get(id);
    return text === undefined ? undefined : (JSON.parse(text) as Hold);
  }

  putHold(hold: Hold): void {
    this.#holds.set(hold.id, JSON.stringify(hold));
  }

  dropHold(id: string): void {
    this.#holds.delete(id);
  }

  expired(now: number, most: number): readonly Hold[] {
    return [...this.#holds.values()]
      .map((text) => JSON.parse(text) as Hold)
      .filter(({ expiresAt }) => expiresAt <= now)
      .sort((left, right) => left.expiresAt - right.expiresAt)
      .slice(0, most);
  }

  ended(id: string): Ending | undefined {
    return this.#ended.get(id);
  }

  end(id: string, ending: Ending, _now: number, usage: UsageRow | undefined): void {
    this.#ended.set(id, ending);
    if (usage !== undefined) this.rows.push(usage);
  }

  generation(): number {
    return this.#generation;
  }

  marks(subjects: readonly string[]): readonly Mark[] {
    return subjects.flatMap((subject) => this.#marks.get(subject) ?? []);
  }

  mark(mark: Mark): void {
    this.#generation = mark.generation;
    this.#marks.set(mark.subject, mark);
  }

  get openHolds(): number {
    return this.#holds.size;
  }
}
