import type { ChatChunk, FinishReason, Usage } from './chat.ts';
import type { Dialect, ReplyReader } from './dialect.ts';
import type { GatewayError } from './errors.ts';
import { estimateTokens } from './estimate.ts';
import { type Framing, type Splitter, sse } from './framing.ts';
import { Frame, holdsTerminator, joinBytes, MAX_EVENT_BYTES } from './sse.ts';

/** Bytes of a stream kept back for an estimate; beyond it the oldest are counted and let go. */
const KEEP_BYTES = 256 * 1024;
const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

/** What an answer came to. */
export interface Metered {
  readonly usage: Usage | undefined;
  readonly finish: FinishReason | undefined;
  /** Whether the dialect's own terminator came. */
  readonly ended: boolean;
  /** Ids of what the answer holds, where its vendor keeps it by them. */
  readonly items: readonly string[] | undefined;
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
  items: readonly string[] | undefined;
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
        this.items = chunk.items;
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
  #splitter: Splitter | undefined;
  readonly #framing: Framing;
  #estimatedOutput = 0;
  /** Text of chunks that were noted, not counted yet. */
  #said = '';
  #open = 0;
  /** Whether the terminator has been seen, be its frame complete or not. */
  #marked = false;
  readonly tally = new Tally();

  constructor(dialect: Dialect, framing: Framing = dialect.framing ?? sse) {
    this.#dialect = dialect;
    this.#framing = framing;
    // Only server-sent events can be skimmed as text; everything else is cut as it comes.
    if (framing !== sse) this.#splitter = framing.splitter(Number.POSITIVE_INFINITY);
    this.#reader = dialect.replyReader();
  }

  feed(bytes: Uint8Array): void {
    if (this.#framing !== sse) {
      this.#kept.push(bytes);
      this.#fold();
      return;
    }
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

  /**
   * Whether a whole frame with the terminator has come; asked while the stream runs, and cheap. The terminator alone is
   * not enough: some dialects put the whole answer into the frame that holds it.
   */
  sawTerminator(): boolean {
    const last = this.#kept[this.#kept.length - 1];
    this.#marked ||= last !== undefined && holdsTerminator(decoder.decode(last), this.#dialect.terminators);
    return this.#marked && !this.midFrame;
  }

  /** Takes chunks that somebody decoded anyway, instead of the bytes they came in. */
  note(chunks: readonly ChatChunk[]): void {
    for (const chunk of chunks) {
      this.tally.note(chunk);
      if (!('text' in chunk)) continue;
      this.#said += chunk.text;
      if (this.#said.length > KEEP_BYTES) this.#countSaid();
    }
  }

  /** `clean`: the upstream ended its stream itself, which is all that some dialects say of the end. */
  finish(clean: boolean): Metered {
    try {
      const reader = this.#splitter === undefined ? this.#skim() : this.#readRest(this.#splitter);
      if (clean && this.#dialect.terminators.length === 0) this.note(reader.close?.() ?? []);
    } catch {
      // Data that is not of the dialect at all: the answer is not complete, and the lane says so.
    }
    return {
      usage: this.tally.usage,
      finish: this.tally.finish,
      ended: this.tally.ended,
      items: this.tally.items,
      error: this.tally.error,
      missing: this.#missing(),
    };
  }

  #missing(): string {
    if (!this.midFrame) return '';
    const last = this.#kept[this.#kept.length - 1] ?? this.#splitter?.rest;
    return last?.[last.length - 1] === LF ? '\n' : '\n\n';
  }

  #readRest(splitter: Splitter): ReplyReader {
    this.#fold();
    this.#readLast(this.#reader, decoder.decode(splitter.rest));
    return this.#reader;
  }

  #countSaid(): void {
    this.#estimatedOutput += estimateTokens(this.#said);
    this.#said = '';
  }

  /** Output tokens by estimate, from all text that passed. */
  estimateOutput(): number {
    this.#fold();
    this.#countSaid();
    return this.#estimatedOutput;
  }

  /** Decodes only the frames that hold something notable; returns the reader that read them. */
  #skim(): ReplyReader {
    const text = decoder.decode(this.#kept.length === 1 ? this.#kept[0] : joinBytes(...this.#kept));
    const blank = blankLine(text);
    if (blank === undefined) {
      this.#fold();
      return this.#reader;
    }
    const reader = this.#dialect.replyReader();
    let from = 0;
    for (const { index } of text.matchAll(new RegExp(this.#dialect.notable, 'g'))) {
      if (index < from) continue;
      const before = text.lastIndexOf(blank, index);
      const start = before < 0 ? 0 : before + blank.length;
      const end = text.indexOf(blank, index);
      if (end < 0) {
        this.#readLast(reader, text.slice(start));
        return reader;
      }
      for (const chunk of reader.read(Frame.of(text.slice(start, end + blank.length)))) this.tally.note(chunk);
      from = end;
    }
    return reader;
  }

  /** A frame that was cut off says nothing, unless all that is missing is its line end. */
  #readLast(reader: ReplyReader, text: string): void {
    if (!holdsTerminator(text, this.#dialect.terminators)) return;
    for (const chunk of reader.read(Frame.of(`${text}\n\n`))) this.tally.note(chunk);
  }

  /** Decodes everything kept, counts its text and lets it go. */
  #fold(): void {
    // What is too large to pass is refused by the lanes; here it is only counted.
    this.#splitter ??= this.#framing.splitter(Number.POSITIVE_INFINITY);
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

/** The blank line that ends every frame of a text; `undefined` where line ends are mixed or none of the two usual ones. */
function blankLine(text: string): '\n\n' | '\r\n\r\n' | undefined {
  if (!text.includes('\r')) return '\n\n';
  return text.includes('\n\n') || !text.includes('\r\n\r\n') ? undefined : '\r\n\r\n';
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
