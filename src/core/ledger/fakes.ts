import type { LedgerEvent } from './alerts.ts';
import type { ChangedMeter, EndedHold, Ending, Hold, KeptProgress, LedgerStore, LedgerTables } from './holds.ts';
import type { Meter } from './meters.ts';
import type { UsageRow } from './usage.ts';

// Instruments for tests. Production code must not import this file.

/** A store in memory. What it holds is text, as on a disk: nothing of it is shared with who wrote it. */
export class MemoryStore implements LedgerTables {
  readonly #meters = new Map<string, string>();
  readonly #holds = new Map<string, string>();
  readonly #progress = new Map<string, string[]>();
  readonly #ended = new Map<string, Ending>();
  readonly #stopped = new Set<string>();
  #generation = 0;
  /** The rows that went out, in order. */
  readonly rows: UsageRow[] = [];
  /** What operators were told, in order. */
  readonly told: LedgerEvent[] = [];

  meters(keys: readonly string[]): ReadonlyMap<string, Meter> {
    return new Map(
      keys.flatMap((key) => {
        const text = this.#meters.get(key);
        return text === undefined ? [] : [[key, JSON.parse(text) as Meter] as const];
      }),
    );
  }

  putMeters(changed: readonly ChangedMeter[]): void {
    for (const { key, start, spent, reserved, told } of changed) this.#meters.set(key, JSON.stringify({ start, spent, reserved, told }));
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

  putHolds(holds: readonly Hold[]): void {
    for (const hold of holds) this.putHold(hold);
  }

  dropHolds(ids: readonly string[]): void {
    for (const id of ids) this.dropHold(id);
  }

  expired(now: number, most: number): readonly Hold[] {
    return [...this.#holds.values()]
      .map((text) => JSON.parse(text) as Hold)
      .filter(({ expiresAt }) => expiresAt <= now)
      .sort((left, right) => left.expiresAt - right.expiresAt)
      .slice(0, most);
  }

  putProgress(lease: string, number: number, kept: KeptProgress): void {
    const texts = this.#progress.get(lease) ?? [];
    texts[number] = JSON.stringify(kept);
    this.#progress.set(lease, texts);
  }

  progressOf(lease: string): readonly KeptProgress[] {
    return Object.values(this.#progress.get(lease) ?? []).map((text) => JSON.parse(text) as KeptProgress);
  }

  dropProgress(lease: string): void {
    this.#progress.delete(lease);
  }

  ended(id: string): Ending | undefined {
    return this.#ended.get(id);
  }

  end(id: string, ending: Ending, _now: number, usage: UsageRow | undefined): void {
    this.#ended.set(id, ending);
    if (usage !== undefined) this.rows.push(usage);
  }

  putRow(usage: UsageRow): void {
    // As where rows go: the first of an id is kept.
    if (!this.rows.some(({ id }) => id === usage.id)) this.rows.push(usage);
  }

  putRows(rows: readonly UsageRow[]): void {
    for (const row of rows) this.putRow(row);
  }

  endings(ids: readonly string[]): ReadonlyMap<string, Ending> {
    return new Map([...this.#ended].filter(([id]) => ids.includes(id)));
  }

  putEnds(ends: readonly EndedHold[]): void {
    for (const { id, ending, at, usage } of ends) this.end(id, ending, at, usage);
  }

  generation(): number {
    return this.#generation;
  }

  setGeneration(generation: number): void {
    this.#generation = Math.max(this.#generation, generation);
  }

  isStopped(subject: string): boolean {
    return this.#stopped.has(subject);
  }

  stop(subject: string): void {
    this.#stopped.add(subject);
  }

  tell(event: LedgerEvent): void {
    this.told.push(event);
  }

  /** Another of the same content, whose writes fail once there were so many. */
  copy(writes: number): LedgerStore {
    const copied = new MemoryStore();
    copied.#generation = this.#generation;
    for (const [key, text] of this.#meters) copied.#meters.set(key, text);
    for (const [id, text] of this.#holds) copied.#holds.set(id, text);
    for (const [lease, texts] of this.#progress) copied.#progress.set(lease, [...texts]);
    for (const [id, ending] of this.#ended) copied.#ended.set(id, ending);
    for (const subject of this.#stopped) copied.#stopped.add(subject);
    let left = writes;
    return new Proxy<LedgerStore>(copied, {
      get(target, name) {
        if (/^(?:put|drop|end$|stop$|set|tell)/.test(String(name)) && left-- === 0) throw new Error('the object has ended');
        const found: unknown = Reflect.get(target, name);
        return typeof found === 'function' ? found.bind(target) : found;
      },
    });
  }

  get openHolds(): number {
    return this.#holds.size;
  }
}
