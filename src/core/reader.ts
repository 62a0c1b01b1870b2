/** One read of a byte stream: bytes, or `undefined` at its end. */
export type Sip = Uint8Array | undefined;

/** What the platform hands over in one piece when it is not told how much. */
const USUAL_PIECE = 4096;
/** Bytes the platform draws in by itself before it says so, and how far it may run ahead of who reads. */
const DRAWN_PIECE = 16 * 1024;
const MAX_AHEAD = 16 * 1024;

/**
 * Reads a byte stream piece by piece. A stream that comes over HTTP hands over one chunk of its transfer coding at a
 * time, however many have arrived, and every piece wakes JavaScript: `gather` mends that where pieces come fast.
 */
export class ByteReader {
  #stream: ReadableStream<Uint8Array>;
  #plain: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #byob: ReadableStreamBYOBReader | undefined;
  #drawn: Drawn | undefined;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#stream = stream;
  }

  /** At most `size` bytes, or a little more where the platform chooses; whatever has arrived, at least one. */
  async read(size: number): Promise<Sip> {
    if (size <= USUAL_PIECE || !this.#takeBytes()) return (await this.#usual().read()).value;
    const { done, value } = await (this.#byob as ReadableStreamBYOBReader).read(new Uint8Array(size));
    if (done) return undefined;
    this.#drawn?.taken(value.length);
    return value;
  }

  /**
   * From now on the platform draws in by itself what arrives, so that the next read finds all of it together. False
   * for a stream that is not the platform's own. No read may be under way.
   */
  gather(): boolean {
    if (this.#drawn !== undefined) return true;
    if (!this.#takeBytes()) return false;
    this.#drawn = new Drawn(this.fork());
    return true;
  }

  /** A second branch with every byte that has not been read yet. No read may be under way. */
  fork(): ReadableStream<Uint8Array> {
    this.leave();
    const [branch, own] = this.#stream.tee();
    this.#stream = own;
    return branch;
  }

  /** Gives the stream up. Never rejects: a stream that failed already has nothing left to cancel. */
  async cancel(reason: unknown): Promise<void> {
    const cancelled = this.#byob?.cancel(reason) ?? this.#usual().cancel(reason);
    await Promise.all([cancelled, this.#drawn?.cancel(reason)]).catch(() => undefined);
  }

  /** Reads no more and leaves what follows to others. No read may be under way. */
  leave(): void {
    this.#plain?.releaseLock();
    this.#byob?.releaseLock();
    this.#plain = this.#byob = undefined;
  }

  #usual(): ReadableStreamDefaultReader<Uint8Array> {
    if (this.#plain === undefined) {
      this.#byob?.releaseLock();
      this.#byob = undefined;
      this.#plain = this.#stream.getReader();
    }
    return this.#plain;
  }

  /** Whether reads can say how much they want: not in a stream made in JavaScript that is not a byte stream. */
  #takeBytes(): boolean {
    if (this.#byob !== undefined) return true;
    this.#plain?.releaseLock();
    this.#plain = undefined;
    try {
      this.#byob = this.#stream.getReader({ mode: 'byob' });
      return true;
    } catch {
      return false;
    }
  }
}

/** The second branch of a gathered stream: read in large pieces only so that the platform keeps drawing. */
class Drawn {
  readonly #reader: ReadableStreamBYOBReader;
  #ahead = 0;
  #caughtUp: (() => void) | undefined;

  constructor(branch: ReadableStream<Uint8Array>) {
    this.#reader = branch.getReader({ mode: 'byob' });
    // A stream that fails says so to who reads it.
    this.#draw().catch(() => undefined);
  }

  /** What the reader has taken no longer waits for it. */
  taken(bytes: number): void {
    this.#ahead -= bytes;
    if (this.#ahead < MAX_AHEAD) this.#caughtUp?.();
  }

  cancel(reason: unknown): Promise<void> {
    return this.#reader.cancel(reason);
  }

  async #draw(): Promise<void> {
    let piece = new Uint8Array(DRAWN_PIECE);
    for (;;) {
      const { done, value } = await this.#reader.readAtLeast(DRAWN_PIECE, piece);
      if (done || value === undefined) return;
      this.#ahead += value.length;
      piece = new Uint8Array(value.buffer);
      if (this.#ahead < MAX_AHEAD) continue;
      await new Promise<void>((resolve) => {
        this.#caughtUp = resolve;
      });
    }
  }
}

/**
 * A whole body as text, at most `limit` bytes; `undefined` when it is larger, found out while reading, so that a
 * body without a length (or with a false one) never fills memory. Throws a `TypeError` where a request's body is
 * not UTF-8; in a response such bytes read as U+FFFD.
 */
export async function readText(source: Request | Response, limit: number): Promise<string | undefined> {
  const declared = source.headers.get('content-length');
  const fatal = source instanceof Request;
  // The platform holds a body to its declared length, so a declared one needs no counting.
  if (declared !== null) {
    if (Number(declared) > limit) return undefined;
    const text = await source.text();
    if (fatal && text.includes('\uFFFD') && !isUtf8(text, Number(declared))) throw new TypeError('not UTF-8');
    return text;
  }
  return source.body === null ? '' : readCounted(source, new ByteReader(source.body), limit);
}

/** A whole body, at most `limit` bytes; `undefined` when it is larger, found out while reading. */
export async function readBytes(source: Request | Response, limit: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const { headers, body } = source;
  if (Number(headers.get('content-length') ?? 0) > limit) return undefined;
  const pieces: Uint8Array[] = [];
  let length = 0;
  const reader = body === null ? undefined : new ByteReader(body);
  for (let piece = await reader?.read(READ_PIECE); piece !== undefined; piece = await reader?.read(READ_PIECE)) {
    length += piece.length;
    if (length > limit) {
      await stop(reader, source);
      return undefined;
    }
    pieces.push(piece);
  }
  const whole = new Uint8Array(length);
  for (const piece of pieces.toReversed()) {
    length -= piece.length;
    whole.set(piece, length);
  }
  return whole;
}

async function readCounted(source: Request | Response, reader: ByteReader, limit: number): Promise<string | undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: source instanceof Request, ignoreBOM: false });
  let text = '';
  let length = 0;
  for (let piece = await reader.read(READ_PIECE); piece !== undefined; piece = await reader.read(READ_PIECE)) {
    length += piece.length;
    if (length > limit) {
      await stop(reader, source);
      return undefined;
    }
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}

/** The rest of a request is read behind its answer, so that its sender hears why; nobody wants the rest of a response. */
async function stop(reader: ByteReader | undefined, source: Request | Response): Promise<void> {
  if (source instanceof Request) reader?.leave();
  else await reader?.cancel('too large');
}

/** Whether every U+FFFD of a text stood in the body itself: one that replaced a bad byte makes the text longer than it was. */
const isUtf8 = (text: string, bytes: number) => new TextEncoder().encode(text).length === bytes;

const READ_PIECE = 64 * 1024;
