import type { ServerResponse } from 'node:http';
import type { Seen } from './journal.ts';

/** The vendor's side of one answer: writes that can be waited for, and every way to end badly. */
export class ResponseLine {
  readonly #response: ServerResponse;
  readonly #seen: Seen;

  constructor(response: ServerResponse, seen: Seen) {
    this.#response = response;
    this.#seen = seen;
    response.on('close', () => {
      if (!response.writableFinished && !this.#cut) seen.closedByPeerAt = Date.now();
    });
    response.on('finish', () => {
      seen.endedAt = Date.now();
    });
    response.on('error', () => undefined);
  }

  #cut = false;

  get gone(): boolean {
    return this.#response.destroyed || this.#response.socket?.destroyed !== false;
  }

  head(status: number, headers: { readonly [name: string]: string }): void {
    this.#response.writeHead(status, headers);
    this.#response.flushHeaders();
  }

  /** Resolves when the kernel has the bytes, or the other side is gone. */
  write(bytes: Uint8Array | string): Promise<void> {
    const buffer = Buffer.from(bytes);
    return new Promise((resolve) => {
      if (this.gone) return resolve();
      const done = () => {
        this.#response.off('close', done);
        resolve();
      };
      this.#response.once('close', done);
      this.#response.write(buffer, (error) => {
        if (!error) this.#seen.accepted += buffer.length;
        done();
      });
    });
  }

  end(bytes?: Uint8Array | string): void {
    if (bytes !== undefined) this.#seen.accepted += Buffer.from(bytes).length;
    this.#response.end(bytes);
  }

  /** A reset: the peer's reads fail. What was written before is given a moment to arrive. */
  async reset(): Promise<void> {
    await sleep(15);
    this.#cut = true;
    this.#response.socket?.resetAndDestroy();
  }

  /** Until the other side closes, or so many milliseconds. */
  closed(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.gone) return resolve();
      const timer = setTimeout(resolve, ms);
      this.#response.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
