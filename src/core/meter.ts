import type { ChatChunk, FinishReason, Usage } from './chat.ts';
import type { Dialect, ReplyReader } from './dialect.ts';
import type { GatewayError } from './errors.ts';
import { estimateTokens } from './estimate.ts';
import { Frame, FrameSplitter, holdsTerminator, joinBytes, MAX_EVENT_BYTES } from './sse.ts';

/** Bytes of a stream kept back for an estimate; beyond it the oldest are counted and let go. */
const KEEP_BYTES = 256 * 1024;
const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

/** What an answer came to. */
export interface Metered {
  readonly usage: Usage | undefined;
  readonly finish: FinishReason | undefined;
  /** Whether the dialect's own terminator came. */
  readonly ended: boolean;
  /** A typed error the provider sent inside its stream. */
  readonly error: GatewayError | undefined;
  /** What is missing of the last frame's end: the line ends that must come before anything else is said. */
  readonly missing: string;
}

/** Keeps the last word on usage, finish, error and end. Usage is never summed: the last one wins. */
export class Tally {
  usage: Usage | undefined;
  finish: FinishReason | undefined;
  ended = false;
  error: GatewayError | undefined;

  note(chunk: ChatChunk): void {
    switch (chunk.type) {
      case 'usage':
        this.usage = chunk.usage;
        break;
      case 'finish':
        this.finish = chunk.reason;
        break;
      case 'error':
        this.error = chunk.error;
        break;
      case 'end':
        this.ended = true;
        break;
      default:
    }
  }
}

/**
 * Learns what a stream came to from bytes that pass by untouched, with as little work as can be: only frames that
 * carry one of the dialect's notable marks are decoded. Text is looked at only when the vendor gave no usage.
 */
export class Meter {
  readonly #dialect: Dialect;
  readonly #reader: ReplyReader;
  #kept: Uint8Array[] = [];
  #keptBytes = 0;
  /** For what was let go: the frames of it that were cut off at its end. */
  #splitter: FrameSplitter | undefined;
  #estimatedOutput = 0;
  #open = 0;
  readonly tally = new Tally();

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
    this.#reader = dialect.replyReader();
  }

  feed(bytes: Uint8Array): void {
    const boundary = lastBoundary(bytes);
    this.#open = boundary < 0 ? this.#open + bytes.length : bytes.length - boundary;
    // The lane ends such a stream; until it has, there is nothing in it to learn.
    if (this.#open > MAX_EVENT_BYTES) return;
    this.#kept.push(bytes);
    this.#keptBytes += bytes.length;
    if (this.#keptBytes > KEEP_BYTES) this.#fold();
  }

  /** Bytes since the last blank line: the size of the event that has begun. */
  get openBytes(): number {
    return this.#open;
  }

  /** Whether the bytes so far stop inside a frame. */
  get midFrame(): boolean {
    if (this.#splitter !== undefined && this.#kept.length === 0) return this.#splitter.rest.length > 0;
    return !endsFrame(this.#kept);
  }

  /** Whether the terminator has been seen in what was fed last: cheap, asked while the stream runs. */
  sawTerminator(): boolean {
    const last = this.#kept[this.#kept.length - 1];
    return last !== undefined && holdsTerminator(decoder.decode(last), this.#dialect.terminator);
  }

  finish(): Metered {
    try {
      if (this.#splitter === undefined) this.#skim();
      else {
        this.#fold();
        this.#readLast(this.#reader, decoder.decode(this.#splitter.rest));
      }
    } catch {
      // Data that is not of the dialect at all: the answer is not complete, and the lane says so.
    }
    return {
      usage: this.tally.usage,
      finish: this.tally.finish,
      ended: this.tally.ended,
      error: this.tally.error,
      missing: this.#missing(),
    };
  }

  #missing(): string {
    if (!this.midFrame) return '';
    const last = this.#kept[this.#kept.length - 1] ?? this.#splitter?.rest;
    return last?.[last.length - 1] === LF ? '\n' : '\n\n';
  }

  /** Output tokens by estimate, from all text that passed. */
  estimateOutput(): number {
    this.#fold();
    return this.#estimatedOutput;
  }

  /** Decodes only the frames that hold something notable. */
  #skim(): void {
    const text = decoder.decode(this.#kept.length === 1 ? this.#kept[0] : joinBytes(...this.#kept));
    if (text.includes('\r')) {
      this.#fold();
      return;
    }
    const reader = this.#dialect.replyReader();
    let from = 0;
    for (const { index } of text.matchAll(new RegExp(this.#dialect.notable, 'g'))) {
      if (index < from) continue;
      const start = text.lastIndexOf('\n\n', index) + 2;
      const end = text.indexOf('\n\n', index);
      if (end < 0) {
        this.#readLast(reader, text.slice(start < 2 ? 0 : start));
        return;
      }
      for (const chunk of reader.read(Frame.of(text.slice(start < 2 ? 0 : start, end + 2)))) this.tally.note(chunk);
      from = end;
    }
  }

  /** A frame that was cut off says nothing, unless all that is missing is its line end. */
  #readLast(reader: ReplyReader, text: string): void {
    if (!holdsTerminator(text, this.#dialect.terminator)) return;
    for (const chunk of reader.read(Frame.of(`${text}\n\n`))) this.tally.note(chunk);
  }

  /** Decodes everything kept, counts its text and lets it go. */
  #fold(): void {
    // What is too large to pass is refused by the lanes; here it is only counted.
    this.#splitter ??= new FrameSplitter(Number.POSITIVE_INFINITY);
    for (const bytes of this.#kept) {
      for (const frame of this.#splitter.push(bytes)) {
        for (const chunk of this.#reader.read(frame)) {
          this.tally.note(chunk);
          if (chunk.type === 'text' || chunk.type === 'thinking' || chunk.type === 'tool-input' || chunk.type === 'refusal') {
            this.#estimatedOutput += estimateTokens(chunk.text);
          }
        }
      }
    }
    this.#kept = [];
    this.#keptBytes = 0;
  }
}

/** The index just past the last blank line of a piece, or -1. One that is cut between two pieces is missed: the next one tells. */
function lastBoundary(bytes: Uint8Array): number {
  for (let at = bytes.lastIndexOf(LF); at > 0; at = bytes.lastIndexOf(LF, at - 1)) {
    if (bytes[at - 1] === LF || (bytes[at - 1] === CR && bytes[at - 2] === LF)) return at + 1;
  }
  return -1;
}

const LF = 10;
const CR = 13;

/** Whether the bytes end with a blank line, or there are none. */
function endsFrame(kept: readonly Uint8Array[]): boolean {
  let tail: Uint8Array = new Uint8Array(0);
  for (let at = kept.length - 1; at >= 0 && tail.length < 4; at--) {
    tail = joinBytes(kept[at]?.subarray(-4) ?? tail, tail).slice(-4);
  }
  return tail.length === 0 || /(\n\n|\r\r|\n\r\n)$/.test(decoder.decode(tail));
}
