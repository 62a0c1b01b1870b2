import type { ChatChunk, FinishReason, Usage } from './chat.ts';
import type { Dialect, ReplyReader } from './dialect.ts';
import type { GatewayError } from './errors.ts';
import { estimateTokens } from './estimate.ts';
import { Frame, FrameSplitter, holdsTerminator, joinBytes } from './sse.ts';

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
  /** Whether the bytes stop inside a line: what is appended must begin a new one. */
  readonly midFrame: boolean;
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
  readonly tally = new Tally();

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
    this.#reader = dialect.replyReader();
  }

  feed(bytes: Uint8Array): void {
    this.#kept.push(bytes);
    this.#keptBytes += bytes.length;
    if (this.#keptBytes > KEEP_BYTES) this.#fold();
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
    if (this.#splitter === undefined) this.#skim();
    else this.#fold();
    const midFrame = this.midFrame;
    return { usage: this.tally.usage, finish: this.tally.finish, ended: this.tally.ended, error: this.tally.error, midFrame };
  }

  /** Output tokens by estimate, from all text that passed. */
  estimateOutput(): number {
    this.#fold();
    return this.#estimatedOutput;
  }

  /** Decodes only the lines that hold a notable mark. */
  #skim(): void {
    const text = decoder.decode(this.#kept.length === 1 ? this.#kept[0] : joinBytes(...this.#kept));
    const lines = new Map<number, string>();
    const reader = this.#dialect.replyReader();
    for (const mark of this.#dialect.notable) {
      for (let at = text.indexOf(mark); at >= 0; ) {
        const start = text.lastIndexOf('\n', at) + 1;
        const newline = text.indexOf('\n', at);
        // A line that was cut off says nothing yet.
        if (newline < 0) break;
        lines.set(start, text.slice(start, newline));
        at = text.indexOf(mark, newline);
      }
    }
    for (const start of [...lines.keys()].sort((a, b) => a - b)) {
      const line = lines.get(start);
      if (!line?.startsWith('data')) continue;
      for (const chunk of reader.read(Frame.of(`${line}\n\n`))) this.tally.note(chunk);
    }
  }

  /** Decodes everything kept, counts its text and lets it go. */
  #fold(): void {
    this.#splitter ??= new FrameSplitter();
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

/** Whether the bytes end with a blank line, or there are none. */
function endsFrame(kept: readonly Uint8Array[]): boolean {
  let tail: Uint8Array = new Uint8Array(0);
  for (let at = kept.length - 1; at >= 0 && tail.length < 4; at--) {
    tail = joinBytes(kept[at]?.subarray(-4) ?? tail, tail).slice(-4);
  }
  return tail.length === 0 || /(\n\n|\r\r|\n\r\n)$/.test(decoder.decode(tail));
}
