import type { ChatChunk } from './chat.ts';
import { callerLeft, closeStream, type StreamEnd, type StreamOptions } from './closing.ts';
import { GatewayError } from './errors.ts';
import { sse } from './framing.ts';
import { Meter } from './meter.ts';
import { type Opened, readFrame } from './opening.ts';
import type { Awaitable } from './policy.ts';
import { Frame, holdsTerminator, joinBytes } from './sse.ts';

/** Most pieces are one event; a buffer is only large once a small one was filled. */
const SMALLEST_READ = 2048;
const LARGEST_READ = 64 * 1024;
/** So many reads in a row, each so many milliseconds at most after the one before, make a stream hot. */
const HOT_AFTER = 4;
const HOT_MS = 3;
/** Milliseconds for which a hot stream's frames are gathered: far below what a reader could notice, and many times cheaper. */
const GATHER_MS = 5;

/** What a frame becomes on its way to the caller. */
export interface FrameHandler {
  /** Whether every frame's chunks are wanted. Where not, `chunks` is passed only for frames that were decoded anyway. */
  readonly decodes: boolean;
  /** The bytes to send, none where the frame is held back or hidden. Throwing ends the stream with a typed error. */
  frame(frame: Frame, chunks: readonly ChatChunk[] | undefined): Awaitable<readonly Uint8Array[]>;
  /** Whether whole frames that hold none of the dialect's notable words leave as they came, unseen. */
  readonly passesUnmarked: boolean;
}

const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

/**
 * The lanes in which every frame is seen (`tap`, `rewrite`). Only whole frames leave, all that came together in
 * one write; a frame that was cut off is not sent, so a typed error always begins a line of its own.
 */
export async function pumpLane(writable: WritableStream<Uint8Array>, opened: Opened, options: StreamOptions): Promise<StreamEnd> {
  const pump = new Pump(writable.getWriter(), opened, options);
  return pump.run();
}

class Pump {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #opened: Opened;
  readonly #options: StreamOptions;
  readonly #meter: Meter;
  readonly #handler: FrameHandler;
  #cause: GatewayError | undefined;
  #left = false;
  #writing = false;
  #lastByteAt: number;
  #lastWriteAt: number;
  /** The answer's own end was seen. */
  #terminated = false;
  /** The upstream ended its stream itself. */
  #clean = false;
  #quickReads = 0;

  constructor(writer: WritableStreamDefaultWriter<Uint8Array>, opened: Opened, options: StreamOptions) {
    this.#writer = writer;
    this.#opened = opened;
    this.#options = options;
    this.#meter = new Meter(opened.dialect, opened.framing);
    this.#handler = options.handler(opened);
    this.#lastByteAt = this.#lastWriteAt = options.clock.now();
  }

  async run(): Promise<StreamEnd> {
    const every = Math.max(10, Math.min(5_000, this.#options.ping / 2, this.#options.idle / 2));
    const timer = setInterval(() => this.#watch(), every);
    try {
      for (const bytes of this.#opened.seen) this.#feed(bytes);
      await this.#send(this.#opened.frames);
      let room = SMALLEST_READ;
      while (!this.#left && !this.#terminated && this.#cause === undefined) {
        const piece = await this.#opened.source.read(room);
        if (piece === undefined) {
          this.#clean = true;
          await this.#sendRest();
          break;
        }
        room = piece.length === room ? Math.min(LARGEST_READ, room * 4) : SMALLEST_READ;
        this.#feed(piece);
        if (this.#passes(piece)) await this.#write([piece]);
        else await this.#send(this.#opened.splitter.push(piece).map((frame) => ({ frame })));
        if (this.#isHot()) await gather();
      }
    } catch (thrown) {
      // An upstream that dies rejects the read with a platform error; what this gateway threw names itself.
      if (thrown instanceof GatewayError) this.#cause ??= thrown;
    } finally {
      clearInterval(timer);
    }
    this.#opened.abort(this.#cause ?? callerLeft());
    const clean = this.#clean && this.#cause === undefined;
    const told = this.#opened.dialect.terminators.length > 0 ? { complete: this.#terminated && this.#cause === undefined } : {};
    return closeStream(this.#writer, this.#meter, this.#options, {
      cause: this.#cause,
      left: this.#left,
      clean,
      ...told,
      wholeFrames: true,
    });
  }

  /** What is decoded for the caller's sake is metered as chunks, all else as the bytes it came in. */
  #feed(bytes: Uint8Array): void {
    if (!this.#handler.decodes) this.#meter.feed(bytes);
  }

  async #send(frames: readonly { readonly frame: Frame; readonly chunks?: readonly ChatChunk[] }[]): Promise<void> {
    const out: Uint8Array[] = [];
    try {
      for (const { frame, chunks } of frames) {
        const decoded = chunks ?? (this.#handler.decodes ? readFrame(this.#opened.reader, frame) : undefined);
        if (this.#handler.decodes && decoded !== undefined) this.#meter.note(decoded);
        const bytes = this.#handler.frame(frame, decoded);
        out.push(...(bytes instanceof Promise ? await bytes : bytes));
        if (this.#endsWith(frame)) {
          this.#terminated = true;
          break;
        }
      }
    } finally {
      await this.#write(out);
    }
  }

  #endsWith(frame: Frame): boolean {
    const { dialect, framing } = this.#opened;
    if (framing === sse) return holdsTerminator(frame.text, dialect.terminators);
    return dialect.terminators.some((terminator) => frame.data?.includes(terminator) === true);
  }

  /**
   * What the end of the stream says. One that was closed right behind its terminator is complete, even where its last
   * line end is missing.
   */
  async #sendRest(): Promise<void> {
    const { splitter, dialect, reader, framing } = this.#opened;
    if (dialect.terminators.length === 0) {
      if (this.#handler.decodes && splitter.rest.length === 0) await this.#send([{ frame: NO_FRAME, chunks: reader.close?.() ?? [] }]);
      return;
    }
    if (framing !== sse) return;
    const { rest } = splitter;
    const frame = new Frame(joinBytes(rest, rest[rest.length - 1] === LF ? FRAME_END.subarray(1) : FRAME_END));
    if (holdsTerminator(frame.text, dialect.terminators) && reader.read(frame).length > 0) await this.#send([{ frame }]);
  }

  async #write(pieces: readonly Uint8Array[]): Promise<void> {
    const [only] = pieces;
    if (only === undefined || this.#left) return;
    this.#writing = true;
    try {
      await this.#writer.write(pieces.length === 1 ? only : joinBytes(...pieces));
      this.#lastWriteAt = this.#options.clock.now();
    } catch {
      this.#left = true;
    } finally {
      this.#writing = false;
    }
  }

  /** Whether a piece is whole frames of which none is of any concern: then nothing need be cut or decoded. */
  #passes(piece: Uint8Array): boolean {
    const { splitter, dialect, framing } = this.#opened;
    if (!this.#handler.passesUnmarked || framing !== sse || splitter.rest.length > 0) return false;
    const { length } = piece;
    if (piece[length - 1] !== LF || piece[length - 2] !== LF) return false;
    return !dialect.notable.test(decoder.decode(piece));
  }

  /** Whether frames come so fast that waking up for each is a waste. A stream at a model's pace never is. */
  #isHot(): boolean {
    const now = this.#options.clock.now();
    this.#quickReads = now - this.#lastByteAt <= HOT_MS ? this.#quickReads + 1 : 0;
    this.#lastByteAt = now;
    return this.#quickReads >= HOT_AFTER;
  }

  #watch(): void {
    // While a write waits for a slow caller the upstream is not being read: its silence is ours.
    if (this.#writing) {
      this.#lastByteAt = this.#options.clock.now();
      return;
    }
    const now = this.#options.clock.now();
    if (now - this.#lastByteAt >= this.#options.idle) {
      this.#end(`The provider was silent for ${this.#options.idle} ms in the middle of its answer.`);
    } else if (now >= this.#options.deadline) {
      this.#end('The provider did not finish within the total time limit.');
    } else if (now - this.#lastWriteAt >= this.#options.ping) {
      const { ping } = this.#options.framing;
      if (ping === undefined) return;
      void this.#write([ping]).then(() => {
        if (this.#left) this.#opened.abort(callerLeft());
      });
    }
  }

  #end(message: string): void {
    this.#cause ??= new GatewayError('upstream_timeout', message);
    this.#opened.abort(this.#cause);
  }
}

const LF = 10;
const FRAME_END = Uint8Array.of(LF, LF);
const NO_FRAME = new Frame(new Uint8Array(0));

/** Lets the frames of a hot stream come together; they are read in one piece then. */
const gather = () => new Promise((resolve) => setTimeout(resolve, GATHER_MS));
