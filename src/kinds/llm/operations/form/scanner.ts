import { joinBytes } from '../../../../core/sse.ts';
import { badForm, type PartHead, readPartHead } from './part-head.ts';

/** Bytes of the headers of one part. */
const MAX_HEAD = 16 * 1024;
/** Parts of one form: more than any operation has fields and files. */
const MAX_PARTS = 256;
const CR = 13;
const LF = 10;
const DASH = 45;

/**
 * A form in pieces, in order: together the `bytes` of all of them are the form as it came. `head` begins a part,
 * `body` goes on with it, `frame` is what belongs to no part.
 */
export type Piece =
  | { readonly type: 'frame' | 'body'; readonly bytes: Uint8Array }
  | { readonly type: 'head'; readonly bytes: Uint8Array; readonly head: PartHead };

type State = 'start' | 'after-boundary' | 'head' | 'body' | 'end';

const encoder = new TextEncoder();

/**
 * Cuts a multipart body (RFC 7578, RFC 2046 section 5.1) as it arrives. Stricter than most servers on purpose: what two
 * parsers could read differently is refused, so that no field is one thing here and another at the provider.
 */
export class FormScanner {
  readonly #mark: Uint8Array;
  #rest: Uint8Array = new Uint8Array(0);
  #state: State = 'start';
  #parts = 0;

  constructor(boundary: string) {
    this.#mark = encoder.encode(`\r\n--${boundary}`);
  }

  /** Whether the closing boundary has been seen. */
  get isComplete(): boolean {
    return this.#state === 'end';
  }

  /** The pieces that are certain now. Throws `invalid_request`. */
  push(bytes: Uint8Array): Piece[] {
    this.#rest = this.#rest.length === 0 ? bytes : joinBytes(this.#rest, bytes);
    const out: Piece[] = [];
    while (this.#step(out));
    return out;
  }

  /** The body has ended. Throws where the form has not. */
  finish(): void {
    if (!this.isComplete) throw badForm('it breaks off before its last boundary');
  }

  /** Takes one step; false where more bytes are needed for the next. */
  #step(out: Piece[]): boolean {
    switch (this.#state) {
      case 'start':
        return this.#open(out);
      case 'after-boundary':
        return this.#afterBoundary(out);
      case 'head':
        return this.#head(out);
      case 'body':
        return this.#body(out);
      default:
        return this.#epilogue(out);
    }
  }

  /** The first boundary stands at the very beginning: nobody sends a preamble, and it would be one more place to hide things. */
  #open(out: Piece[]): boolean {
    const first = this.#mark.subarray(2);
    if (this.#rest.length < first.length) return false;
    if (!startsWith(this.#rest, first)) throw badForm('it does not begin with the boundary that the content type names');
    this.#take(out, 'frame', first.length);
    this.#state = 'after-boundary';
    return true;
  }

  #afterBoundary(out: Piece[]): boolean {
    if (this.#rest.length < 2) return false;
    const [a, b] = this.#rest;
    if (a === DASH && b === DASH) this.#state = 'end';
    else if (a === CR && b === LF) {
      if (++this.#parts > MAX_PARTS) throw badForm(`it has more than ${MAX_PARTS} parts`);
      this.#state = 'head';
    } else throw badForm('something follows a boundary');
    this.#take(out, 'frame', 2);
    return true;
  }

  #head(out: Piece[]): boolean {
    const end = indexOf(this.#rest, HEAD_END, 0);
    if (end < 0 || end + 4 > MAX_HEAD) {
      if (this.#rest.length > MAX_HEAD) throw badForm('the headers of a part are too large');
      return false;
    }
    const bytes = this.#rest.subarray(0, end + 4);
    out.push({ type: 'head', bytes, head: readPartHead(bytes) });
    this.#rest = this.#rest.subarray(end + 4);
    this.#state = 'body';
    return true;
  }

  #body(out: Piece[]): boolean {
    const at = indexOf(this.#rest, this.#mark, 0);
    if (at >= 0) {
      if (at > 0) this.#take(out, 'body', at);
      this.#take(out, 'frame', this.#mark.length);
      this.#state = 'after-boundary';
      return true;
    }
    // The boundary may have begun in the last bytes.
    const certain = this.#rest.length - this.#mark.length + 1;
    if (certain > 0) this.#take(out, 'body', certain);
    return false;
  }

  /** After the last boundary only line ends may come. */
  #epilogue(out: Piece[]): boolean {
    if (this.#rest.some((byte) => byte !== CR && byte !== LF)) throw badForm('something follows the last boundary');
    if (this.#rest.length > 0) this.#take(out, 'frame', this.#rest.length);
    return false;
  }

  #take(out: Piece[], type: 'frame' | 'body', length: number): void {
    out.push({ type, bytes: this.#rest.subarray(0, length) });
    this.#rest = this.#rest.subarray(length);
  }
}

const HEAD_END = Uint8Array.of(CR, LF, CR, LF);

const startsWith = (bytes: Uint8Array, mark: Uint8Array) => mark.every((byte, at) => bytes[at] === byte);

/** Where the mark, which begins with CR, stands; each candidate is found by the native search. */
function indexOf(bytes: Uint8Array, mark: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(CR, from); at >= 0 && at + mark.length <= bytes.length; at = bytes.indexOf(CR, at + 1)) {
    let same = 1;
    while (same < mark.length && bytes[at + same] === mark[same]) same++;
    if (same === mark.length) return at;
  }
  return -1;
}
