import { ByHand, type Taken } from './by-hand.ts';
import type { ChatChunk } from './chat.ts';
import { brokenOff, callerLeft, closeStream, letGo, type Resumed, type StreamEnd, type StreamOptions } from './closing.ts';
import { GatewayError } from './errors.ts';
import { sse } from './framing.ts';
import { Meter } from './meter.ts';
import { type Opened, readFrame } from './opening.ts';
import type { Awaitable } from './policy.ts';
import { Frame, holdsTerminator, joinBytes } from './sse.ts';

/** What a frame becomes on its way to the caller. */
export interface FrameHandler {
  /** Whether every frame's chunks are wanted. Where not, `chunks` is passed only for frames that were decoded anyway. */
  readonly decodes: boolean;
  /** The bytes to send, none where the frame is held back or hidden. Throwing ends the stream with a typed error. */
  frame(frame: Frame, chunks: readonly ChatChunk[] | undefined): Awaitable<readonly Uint8Array[]>;
  /** Whether whole frames that hold none of the dialect's notable words leave as they came, unseen. */
  readonly passesUnmarked: boolean;
  /** Whether what was sent last has ended the answer, whatever else the upstream would say. */
  readonly isOver?: boolean;
  /** What the upstream said is wrong, where that was held back: the answer has broken off with it. */
  readonly broken?: GatewayError | undefined;
}

const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

/**
 * The lanes in which every frame is seen (`tap`, `rewrite`). Only whole frames leave, all that came together in
 * one write; a frame that was cut off is not sent, so a typed error always begins a line of its own.
 */
export async function pumpLane(writable: WritableStream<Uint8Array>, opened: Opened, options: StreamOptions): Promise<StreamEnd> {
  return new Pump(writable.getWriter(), opened, options).run();
}

interface Seen {
  readonly frame: Frame;
  readonly chunks?: readonly ChatChunk[];
}

class Pump {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #options: StreamOptions;
  /** The upstream that answers, and what is known of its part of the answer. */
  #opened: Opened;
  #meter: Meter;
  #handler: FrameHandler;
  #hand: ByHand;
  /** The answer's own end was seen. */
  #terminated = false;

  constructor(writer: WritableStreamDefaultWriter<Uint8Array>, opened: Opened, options: StreamOptions) {
    this.#writer = writer;
    this.#opened = opened;
    this.#options = options;
    this.#meter = new Meter(opened.dialect, opened.framing);
    this.#handler = options.handler(opened);
    this.#hand = new ByHand(writer, opened.source, options, opened.abort, () => true);
  }

  async run(): Promise<StreamEnd> {
    await this.#carry();
    for (let next = await this.#resumed(); next !== undefined; next = await this.#resumed()) {
      this.#goOn(next);
      await this.#hand.write(this.#options.framing.encode(next.mark));
      await this.#carry();
    }
    return this.#close();
  }

  async #carry(): Promise<void> {
    const hand = this.#hand;
    try {
      for (const bytes of this.#opened.seen) this.#feed(bytes);
      await this.#send(this.#opened.frames);
      if (!this.#terminated && !hand.isOver) await hand.run((piece) => this.#take(piece), false);
      if (hand.clean) await this.#sendRest();
    } catch (thrown) {
      hand.cause ??= GatewayError.from(thrown);
    }
  }

  /** Who goes on with an answer that its upstream, and nobody else, has broken off. The caller gets pings meanwhile. */
  async #resumed(): Promise<Resumed | undefined> {
    const { resume, ping, giveUp } = this.#options;
    const hand = this.#hand;
    const error = hand.cause ?? brokenOff();
    const isWhole = this.#terminated || this.#meter.tally.ended || this.#handler.isOver === true;
    if (resume === undefined || isWhole || hand.left || error.fault !== 'upstream') return undefined;
    this.#opened.abort(error);
    const pinging = setInterval(() => void hand.ping().then(() => hand.left && giveUp()), ping);
    try {
      return await resume({ meter: this.#meter, error });
    } finally {
      clearInterval(pinging);
    }
  }

  #goOn({ opened, handler }: Resumed): void {
    const { left } = this.#hand;
    this.#opened = opened;
    this.#handler = handler;
    this.#meter = new Meter(opened.dialect, opened.framing);
    this.#hand = new ByHand(this.#writer, opened.source, this.#options, opened.abort, () => true);
    this.#hand.left = left;
  }

  async #close(): Promise<StreamEnd> {
    const hand = this.#hand;
    const { cause, left } = hand;
    const { isOver = false } = this.#handler;
    if (cause !== undefined || isOver || !this.#terminated) this.#opened.abort(cause ?? callerLeft());
    const told = isOver || this.#opened.dialect.terminators.length > 0 ? { complete: this.#terminated && cause === undefined } : {};
    const clean = hand.clean && cause === undefined;
    const end = await closeStream(this.#writer, this.#meter, this.#options, { cause, left, clean, ...told, wholeFrames: true });
    if (this.#terminated && !isOver) await letGo(this.#opened);
    return end;
  }

  /** What is decoded for the caller's sake is metered as chunks, all else as the bytes it came in. */
  #feed(bytes: Uint8Array): void {
    if (!this.#handler.decodes) this.#meter.feed(bytes);
  }

  async #take(piece: Uint8Array): Promise<Taken> {
    this.#feed(piece);
    if (this.#passes(piece)) await this.#hand.write(piece);
    else await this.#send(this.#opened.splitter.push(piece).map((frame) => ({ frame })));
    return this.#terminated ? 'over' : 'more';
  }

  async #send(frames: readonly Seen[]): Promise<void> {
    const out: Uint8Array[] = [];
    try {
      for (const { frame, chunks } of frames) {
        const decoded = chunks ?? (this.#handler.decodes ? readFrame(this.#opened.reader, frame) : undefined);
        if (this.#handler.decodes && decoded !== undefined) this.#meter.note(decoded);
        const bytes = this.#handler.frame(frame, decoded);
        out.push(...(bytes instanceof Promise ? await bytes : bytes));
        if (this.#handler.broken !== undefined) throw this.#handler.broken;
        if (this.#handler.isOver === true || this.#endsWith(frame)) {
          this.#terminated = true;
          break;
        }
      }
    } finally {
      const [only] = out;
      if (only !== undefined) await this.#hand.write(out.length === 1 ? only : joinBytes(...out));
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

  /** Whether a piece is whole frames of which none is of any concern: then nothing need be cut or decoded. */
  #passes(piece: Uint8Array): boolean {
    const { splitter, dialect, framing } = this.#opened;
    if (!this.#handler.passesUnmarked || framing !== sse || splitter.rest.length > 0) return false;
    const { length } = piece;
    if (piece[length - 1] !== LF || piece[length - 2] !== LF) return false;
    return !dialect.notable.test(decoder.decode(piece));
  }
}

const LF = 10;
const FRAME_END = Uint8Array.of(LF, LF);
const NO_FRAME = new Frame(new Uint8Array(0));
