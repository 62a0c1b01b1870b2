import type { Socket } from 'node:net';
import type { Seen } from './journal.ts';
import { sleep } from './line.ts';

type Bytes = Uint8Array | string;

/** How long a bare answer is left to whoever asked before it is ended here. */
const HOLD = 30_000;

/**
 * A connection on which an answer is written byte by byte, with every lie that HTTP would not let pass: wrong lengths,
 * half heads, halves of chunks, resets. It is used for one answer and never again.
 */
export class BareLine {
  readonly #socket: Socket;
  readonly #seen: Seen;
  #chunked = true;
  /** Ended on this side: what the other side does then is no news. */
  #isCut = false;

  constructor(socket: Socket, seen: Seen) {
    this.#socket = socket;
    this.#seen = seen;
    socket.on('error', () => undefined);
    socket.once('close', () => {
      if (!this.#isCut) seen.closedByPeerAt = Date.now();
    });
  }

  get gone(): boolean {
    return this.#socket.destroyed;
  }

  /** Resolves when the kernel has them, or the other side is gone. */
  bytes(bytes: Bytes): Promise<void> {
    return new Promise((resolve) => {
      if (this.gone || this.#socket.writableEnded) return resolve();
      this.#socket.once('close', resolve);
      this.#socket.write(bytes, () => {
        this.#socket.off('close', resolve);
        this.#seen.accepted += bytes.length;
        resolve();
      });
    });
  }

  /** In chunks, unless another length is given. `connection`: what is said of it; it is closed behind the answer all the same. */
  head(
    status: number,
    headers: { readonly [name: string]: string },
    length?: number | 'until-closed',
    connection: 'close' | 'keep-alive' = 'close',
  ): Promise<void> {
    this.#chunked = length === undefined;
    const framing =
      length === undefined ? 'transfer-encoding: chunked\r\n' : length === 'until-closed' ? '' : `content-length: ${length}\r\n`;
    const lines = Object.entries({ ...headers, connection }).map(([name, value]) => `${name}: ${value}\r\n`);
    return this.bytes(`HTTP/1.1 ${status} Scripted\r\n${lines.join('')}${framing}\r\n`);
  }

  /** A piece of the body. */
  part(bytes: Bytes): Promise<void> {
    const buffer = Buffer.from(bytes);
    if (buffer.length === 0 || !this.#chunked) return this.bytes(buffer);
    return this.bytes(Buffer.concat([Buffer.from(`${buffer.length.toString(16)}\r\n`), buffer, Buffer.from('\r\n')]));
  }

  /** One byte each so many milliseconds. */
  async trickle(bytes: Bytes, ms: number, write: (piece: Bytes) => Promise<void> = (piece) => this.part(piece)): Promise<void> {
    for (const byte of Buffer.from(bytes)) {
      if (this.gone) return;
      await write(Uint8Array.of(byte));
      await sleep(ms);
    }
  }

  /** The proper end. */
  async finish(): Promise<void> {
    if (this.#chunked) await this.bytes('0\r\n\r\n');
    this.#seen.endedAt = Date.now();
    this.fin();
  }

  /** This side has no more to say, and listens on. */
  fin(): void {
    this.#isCut = true;
    this.#socket.end();
  }

  /** A reset: the other side's reads fail. What was written before is given a moment to arrive. */
  async reset(): Promise<void> {
    await sleep(25);
    this.#isCut = true;
    this.#socket.resetAndDestroy();
  }

  /** Until the other side closes. */
  closed(ms = HOLD): Promise<void> {
    return new Promise((resolve) => {
      if (this.gone) return resolve();
      const timer = setTimeout(resolve, ms);
      this.#socket.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
