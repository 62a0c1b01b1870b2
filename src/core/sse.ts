import { GatewayError } from './errors.ts';

/** One event of the stream larger than this is refused: nothing that a model says in one step comes near it. */
export const MAX_EVENT_BYTES = 1024 * 1024;

const LF = 10;
const CR = 13;
const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

/**
 * One server-sent event with the very bytes it came in, its blank line included, so that a frame nobody edits
 * leaves as it arrived. Fields are read when asked for.
 * Source: WHATWG HTML, "Server-sent events", parsing an event stream.
 */
export class Frame {
  #fields: { readonly event: string | undefined; readonly data: string | undefined } | undefined;
  #text: string | undefined;

  /** `fields` where another framing than server-sent events says what they are (`core/framing.ts`). */
  constructor(
    readonly bytes: Uint8Array,
    fields?: { readonly event: string | undefined; readonly data: string | undefined },
  ) {
    this.#fields = fields;
  }

  /** The frame as text, line ends included. */
  get text(): string {
    this.#text ??= decoder.decode(this.bytes);
    return this.#text;
  }

  get event(): string | undefined {
    return this.#read().event;
  }

  /** The data lines joined by newlines; `undefined` for a frame without data (comments, `retry`). */
  get data(): string | undefined {
    return this.#read().data;
  }

  #read() {
    this.#fields ??= readFields(this.text);
    return this.#fields;
  }

  static of(text: string): Frame {
    return new Frame(encoder.encode(text));
  }
}

const encoder = new TextEncoder();

/** The frame with other data in the place of its first data line; its other lines and line ends stay. */
export function frameWithData(frame: Frame, data: string): Frame {
  // Lines and line ends by turns: a line end in JSON text may also be U+2028, which is none here.
  const pieces = frame.text.split(/(\r\n|\n|\r)/);
  const first = pieces.findIndex(isData);
  const kept = pieces
    .map((piece, at) => (at === first ? `data: ${data}` : piece))
    .filter((piece, at) => at <= first + 1 || !(isData(piece) || isData(pieces[at - 1] ?? '')));
  return Frame.of(kept.join(''));
}

const isData = (line: string) => line === 'data' || line.startsWith('data:');

/** Whether one of the lines of a text is data that begins with, or is a JSON object that holds, one of a dialect's terminators. */
export function holdsTerminator(text: string, terminators: readonly string[]): boolean {
  return terminators.some((terminator) => holdsOne(text, terminator));
}

function holdsOne(text: string, terminator: string): boolean {
  for (let at = text.indexOf(terminator); at >= 0; at = text.indexOf(terminator, at + 1)) {
    const line = text.slice(Math.max(text.lastIndexOf('\n', at), text.lastIndexOf('\r', at)) + 1, at);
    // A quoted terminator cannot be forged by what a model says: quotes inside a JSON text are escaped.
    if (terminator.startsWith('"') ? line.startsWith('data') : /^data: ?$/.test(line)) return true;
  }
  return false;
}

function readFields(text: string) {
  let event: string | undefined;
  let data: string | undefined;
  for (const line of text.split(/\r\n|\n|\r/)) {
    if (line === '' || line.startsWith(':')) continue;
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? '' : line.slice(colon + 1);
    if (value.startsWith(' ')) value = value.slice(1);
    if (name === 'data') data = data === undefined ? value : `${data}\n${value}`;
    else if (name === 'event') event = value;
  }
  return { event, data };
}

/**
 * Cuts a byte stream into frames at blank lines (LF, CRLF or CR, mixed as they come), whatever the split of the
 * bytes: the frames joined are the bytes that came, save a leading byte-order mark. Bytes of an unfinished frame
 * are held, at most `limit`. Blank lines that follow no field come out as frames without fields.
 */
export class FrameSplitter {
  #held: Uint8Array = EMPTY;
  #store: Uint8Array = EMPTY;
  /** Where the search goes on in `#held`: everything before has been searched. */
  #at = 0;
  /** Whether the line that `#at` stands in is empty so far. */
  #lineEmpty = true;
  /** Whether the byte before `#at` is a CR: an LF now belongs to the same line end. */
  #afterCr = false;
  #atStart = true;
  readonly #limit: number;

  constructor(limit = MAX_EVENT_BYTES) {
    this.#limit = limit;
  }

  /** The bytes of a frame that has begun and not ended. */
  get rest(): Uint8Array {
    return this.#held;
  }

  push(bytes: Uint8Array): Frame[] {
    this.#hold(bytes);
    if (this.#atStart && !this.#passMark()) return [];
    const frames: Frame[] = [];
    for (let end = this.#nextEnd(); end >= 0; end = this.#nextEnd()) {
      frames.push(new Frame(this.#held.subarray(0, end)));
      this.#held = this.#held.subarray(end);
      this.#at = 0;
    }
    if (this.#held.length > this.#limit) {
      throw new GatewayError('event_too_large', `The provider sent one event of more than ${this.#limit} bytes.`);
    }
    return frames;
  }

  /** Appends to what is held, in a store that doubles: an event that comes byte by byte is not copied anew for each. */
  #hold(bytes: Uint8Array): void {
    const held = this.#held;
    if (held.length === 0) {
      this.#held = bytes;
      return;
    }
    const length = held.length + bytes.length;
    const start = held.buffer === this.#store.buffer ? held.byteOffset - this.#store.byteOffset : -1;
    if (start >= 0 && start + length <= this.#store.length) {
      this.#store.set(bytes, start + held.length);
      this.#held = this.#store.subarray(start, start + length);
      return;
    }
    // A new store: frames that were cut from the old one keep their bytes.
    this.#store = new Uint8Array(Math.max(1024, 2 * length));
    this.#store.set(held);
    this.#store.set(bytes, held.length);
    this.#held = this.#store.subarray(0, length);
  }

  /** Drops a byte-order mark at the very start; false while it cannot be told yet. */
  #passMark(): boolean {
    const held = this.#held;
    const seen = Math.min(BYTE_ORDER_MARK.length, held.length);
    for (let i = 0; i < seen; i++) {
      if (held[i] !== BYTE_ORDER_MARK[i]) {
        this.#atStart = false;
        return true;
      }
    }
    if (seen < BYTE_ORDER_MARK.length) return false;
    this.#held = held.subarray(seen);
    this.#atStart = false;
    return true;
  }

  /** The index just past the next blank line, or -1. */
  #nextEnd(): number {
    const held = this.#held;
    while (this.#at < held.length) {
      if (!this.#lineEmpty) {
        this.#at = nextLineEnd(held, this.#at);
        if (this.#at === held.length) return -1;
      }
      const byte = held[this.#at++];
      const completesCrLf = byte === LF && this.#afterCr;
      this.#afterCr = byte === CR;
      if (completesCrLf) continue;
      if (byte !== LF && byte !== CR) {
        this.#lineEmpty = false;
        continue;
      }
      if (!this.#lineEmpty) {
        this.#lineEmpty = true;
        continue;
      }
      // A CR may be the first half of CRLF: its LF belongs to this frame if it is here already. If it comes
      // later it is a frame of its own, without fields, rather than a reason to hold this one back.
      if (byte === CR && held[this.#at] === LF) this.#at++;
      this.#afterCr = false;
      return this.#at;
    }
    return -1;
  }
}

const EMPTY = new Uint8Array(0);
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

export function joinBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** The index of the next CR or LF, or the length. */
function nextLineEnd(bytes: Uint8Array, from: number): number {
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === LF || byte === CR) return at;
  }
  return bytes.length;
}
