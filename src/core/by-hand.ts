import { callerLeft, type StreamOptions } from './closing.ts';
import { GatewayError, outOfTime } from './errors.ts';
import type { ByteReader, Sip } from './reader.ts';

/** Most pieces are one event; a buffer is only large once a small one was filled. */
const SMALLEST_READ = 4096;
const LARGEST_READ = 64 * 1024;
/** So many reads in a row that waited so many milliseconds at most make a stream hot; one that waited longer does not. */
const HOT_AFTER = 3;
const HOT_MS = 4;
/** Milliseconds for which a hot stream's bytes are gathered: far below what a reader could notice, and many times cheaper. */
const GATHER_MS = 5;
/** Most of what a burst brings in that time. */
const GATHERED_READ = 16 * 1024;

/** What to do with the next piece: the read it comes from has ended, and the write it leads to may be awaited. */
export type Taken = 'more' | 'over';

/**
 * A stream whose pieces pass through JavaScript, each written before the next is read, so that a slow caller slows
 * the upstream. It watches over what both sides owe: the upstream its next piece, the caller a sign of life.
 */
export class ByHand {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #source: ByteReader;
  readonly #options: StreamOptions;
  readonly #abort: (reason: GatewayError) => void;
  /** Whether a ping would stand between two events. */
  readonly #mayPing: () => boolean;
  #writing = false;
  #lastByteAt: number;
  #lastWriteAt: number;
  #quick = 0;
  #gathers = false;
  /** Why the upstream was ended here, where it was. */
  cause: GatewayError | undefined;
  #left = false;
  /** Whether the upstream ended its stream itself. */
  clean = false;

  constructor(
    writer: WritableStreamDefaultWriter<Uint8Array>,
    source: ByteReader,
    options: StreamOptions,
    abort: (reason: GatewayError) => void,
    mayPing: () => boolean,
  ) {
    this.#writer = writer;
    this.#source = source;
    this.#options = options;
    this.#abort = abort;
    this.#mayPing = mayPing;
    this.#lastByteAt = this.#lastWriteAt = options.clock.now();
  }

  /**
   * Reads until the end, the caller's leaving, `take` saying that it is over, or, where `untilSlow`, until the stream
   * turns out to come at an unhurried pace. `pending` is a read that is under way already.
   */
  async run(take: (piece: Uint8Array) => Promise<Taken> | Taken, untilSlow: boolean, pending?: Promise<Sip>): Promise<'slow' | 'over'> {
    const { ping, idle, verdict } = this.#options;
    const usual = verdict === undefined ? 5_000 : 1_000;
    const timer = setInterval(() => this.#watch(), Math.max(10, Math.min(usual, ping / 2, idle / 2)));
    try {
      let room = SMALLEST_READ;
      let begun = pending;
      while (!this.isOver && this.cause === undefined) {
        const askedAt = this.#options.clock.now();
        const piece = await (begun ?? this.#source.read(this.#gathers ? GATHERED_READ : room));
        begun = undefined;
        if (piece === undefined) {
          this.clean = true;
          return 'over';
        }
        this.#lastByteAt = this.#options.clock.now();
        room = piece.length >= room ? Math.min(LARGEST_READ, room * 4) : SMALLEST_READ;
        const taken = take(piece);
        if ((taken instanceof Promise ? await taken : taken) === 'over') return 'over';
        const isQuick = this.#lastByteAt - askedAt <= (this.#gathers ? 1 : HOT_MS);
        this.#quick = isQuick ? this.#quick + 1 : 0;
        if (!isQuick && untilSlow) return 'slow';
        if (this.#quick >= HOT_AFTER && this.#source.gather()) {
          // A full buffer means that more is waiting already: gathering would only slow it down.
          if (!this.#gathers || piece.length < GATHERED_READ) await gather();
          this.#gathers = true;
        }
      }
    } catch (thrown) {
      // An upstream that dies rejects the read with a platform error; what this gateway threw names itself.
      if (thrown instanceof GatewayError) this.cause ??= thrown;
    } finally {
      clearInterval(timer);
    }
    return 'over';
  }

  /** Whether the caller is known to be gone. */
  get left(): boolean {
    return this.#left;
  }

  set left(isGone: boolean) {
    if (isGone && !this.#left) this.#options.left?.();
    this.#left = isGone;
  }

  /** Whether nobody wants what is still to come. */
  get isOver(): boolean {
    return this.left && this.#options.isWanted?.() !== true;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.left || bytes.length === 0) return;
    this.#writing = true;
    try {
      await this.#writer.write(bytes);
      this.#lastWriteAt = this.#options.clock.now();
    } catch {
      this.left = true;
    } finally {
      this.#writing = false;
    }
  }

  /** Says nothing to the caller, which keeps the connection alive and finds out whether anybody is there. */
  async ping(): Promise<void> {
    const { ping } = this.#options.framing;
    if (ping === undefined) return;
    await this.write(ping);
    if (this.isOver) this.#abort(callerLeft());
  }

  end(reason: GatewayError): void {
    this.cause ??= reason;
    this.#abort(this.cause);
  }

  #watch(): void {
    const now = this.#options.clock.now();
    const verdict = this.#options.verdict?.();
    if (verdict !== undefined) {
      this.end(verdict);
      return;
    }
    if (this.isOver) {
      this.#abort(callerLeft());
      return;
    }
    // While a write waits for a slow caller the upstream is not being read: its silence is ours.
    if (this.#writing) {
      this.#lastByteAt = now;
    } else if (now - this.#lastByteAt >= this.#options.idle) {
      this.end(outOfTime(`The provider was silent for ${this.#options.idle} ms in the middle of its answer.`));
    } else if (now >= this.#options.deadline) {
      this.end(outOfTime('The provider did not finish within the total time limit.'));
    } else if (now - this.#lastWriteAt >= this.#options.ping && this.#mayPing()) {
      void this.ping();
    }
  }
}

/** Lets the bytes of a hot stream come together; they are read in one piece then. */
const gather = () => new Promise((resolve) => setTimeout(resolve, GATHER_MS));
