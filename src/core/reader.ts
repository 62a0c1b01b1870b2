/** One read of a byte stream: bytes, or `undefined` at its end. */
export type Sip = Uint8Array | undefined;

/**
 * Reads a byte stream in pieces of at most a given size. Native streams hand over all that has arrived in one
 * piece, so frames that came together are handled in one wake-up.
 */
export class ByteReader {
  readonly #read: (size: number) => Promise<Sip>;
  readonly #cancel: (reason: unknown) => Promise<void>;

  constructor(stream: ReadableStream<Uint8Array>) {
    const reader = byobReader(stream);
    if (reader !== undefined) {
      this.#read = async (size) => {
        const { done, value } = await reader.read(new Uint8Array(size));
        return done ? undefined : value;
      };
      this.#cancel = (reason) => reader.cancel(reason);
      return;
    }
    const plain = stream.getReader();
    this.#read = async () => (await plain.read()).value;
    this.#cancel = (reason) => plain.cancel(reason);
  }

  read(size: number): Promise<Sip> {
    return this.#read(size);
  }

  /** Gives the stream up. Never rejects: a stream that failed already has nothing left to cancel. */
  cancel(reason: unknown): Promise<void> {
    return this.#cancel(reason).catch(() => undefined);
  }
}

/** `undefined` for a stream made in JavaScript that is not a byte stream. */
function byobReader(stream: ReadableStream<Uint8Array>): ReadableStreamBYOBReader | undefined {
  try {
    return stream.getReader({ mode: 'byob' });
  } catch {
    return undefined;
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
  return source.body === null ? '' : readCounted(source.body, limit, fatal);
}

async function readCounted(body: ReadableStream<Uint8Array>, limit: number, fatal: boolean): Promise<string | undefined> {
  const reader = new ByteReader(body);
  const decoder = new TextDecoder('utf-8', { fatal, ignoreBOM: false });
  let text = '';
  let length = 0;
  for (let piece = await reader.read(READ_PIECE); piece !== undefined; piece = await reader.read(READ_PIECE)) {
    length += piece.length;
    if (length > limit) {
      await reader.cancel('too large');
      return undefined;
    }
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}

/** Whether every U+FFFD of a text stood in the body itself: one that replaced a bad byte makes the text longer than it was. */
const isUtf8 = (text: string, bytes: number) => new TextEncoder().encode(text).length === bytes;

const READ_PIECE = 64 * 1024;
