import { DurableObject } from 'cloudflare:workers';
import type { KeptRoom } from '../../core/ports.ts';
import { systemClock } from '../ports.ts';
import { Claims, type SealedVerdict } from './claims.ts';

/** Milliseconds between two sweeps at least. */
const SWEEP_EVERY = 60_000;

/** The idempotency keys of one owner: one object for each, so that nobody meets those of another. */
export class Idempotency extends DurableObject<object> {
  #claims: Claims | undefined;
  /** Who waits for the call that holds a key, by the key's name. */
  readonly #waiting = new Map<string, Set<() => void>>();
  /** Whether the storage has an alarm; `undefined` before it was asked. */
  #isAlarmSet: boolean | undefined;

  /** What the key is, in one turn. */
  async claim(name: string, fingerprint: string, holder: string, lease: number): Promise<SealedVerdict> {
    const verdict = this.ctx.storage.transactionSync(() => this.#open().claim(name, fingerprint, holder, lease));
    if (verdict.state === 'new') await this.#sweepLater();
    return verdict;
  }

  /** Until the call that holds the key has ended or its lease has, `most` milliseconds at the latest. */
  wait(name: string, most: number): Promise<void> {
    const left = Math.min(most, this.#open().leaseLeft(name));
    if (left <= 0) return Promise.resolve();
    const waiting = this.#waiting.get(name) ?? new Set();
    this.#waiting.set(name, waiting);
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        waiting.delete(wake);
        if (waiting.size === 0) this.#waiting.delete(name);
        resolve();
      };
      const timer = setTimeout(wake, left);
      waiting.add(wake);
    });
  }

  renew(name: string, holder: string, lease: number): boolean {
    return this.#open().renew(name, holder, lease);
  }

  keep(name: string, holder: string, sealed: Uint8Array | undefined, keepFor: number, room: KeptRoom): void {
    if (this.ctx.storage.transactionSync(() => this.#open().keep(name, holder, sealed, keepFor, room))) this.#wake(name);
  }

  release(name: string, holder: string): void {
    if (this.ctx.storage.transactionSync(() => this.#open().release(name, holder))) this.#wake(name);
  }

  /** What is there, in numbers. */
  size(): { readonly items: number; readonly bytes: number } {
    return this.#open().size();
  }

  override async alarm(): Promise<void> {
    this.#isAlarmSet = false;
    this.ctx.storage.transactionSync(() => this.#open().sweep());
    if (this.#open().nextEnd() !== undefined) return this.#sweepLater();
    // An object without storage costs nothing and is forgotten.
    this.#claims = undefined;
    await this.ctx.storage.deleteAll();
  }

  /** The tables are gone where everything was deleted. */
  #open(): Claims {
    this.#claims ??= new Claims(this.ctx.storage.sql, systemClock);
    return this.#claims;
  }

  #wake(name: string): void {
    for (const wake of this.#waiting.get(name) ?? []) wake();
  }

  async #sweepLater(): Promise<void> {
    this.#isAlarmSet ??= (await this.ctx.storage.getAlarm()) !== null;
    if (this.#isAlarmSet) return;
    this.#isAlarmSet = true;
    const now = systemClock.now();
    await this.ctx.storage.setAlarm(Math.max(this.#open().nextEnd() ?? now, now + SWEEP_EVERY));
  }
}
