import { ByteReader } from '../reader.ts';
import { joinBytes } from '../sse.ts';

const READ = 64 * 1024;

/** What passed, up to a limit. */
export class Copy {
  readonly #most: number;
  #pieces: Uint8Array[] | undefined = [];
  #bytes = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(piece: Uint8Array): void {
    this.#bytes += piece.length;
    if (this.#bytes > this.#most) this.#pieces = undefined;
    // A piece is a small part of the buffer that it was read into.
    this.#pieces?.push(piece.slice());
  }

  /** All of it; `undefined` where that was more than the limit. */
  whole(): Uint8Array | undefined {
    return this.#pieces === undefined ? undefined : joinBytes(...this.#pieces);
  }
}

/**
 * Carries a stream on, each piece as soon as it is there, and copies what passes. Whether it came to its end: for a
 * reader who leaves before, it is given up, unless it is `wanted` all the same. Never rejects.
 */
export async function carryCopied(
  from: ReadableStream<Uint8Array>,
  to: WritableStream<Uint8Array>,
  copy: Copy,
  wanted: () => boolean = () => false,
): Promise<boolean> {
  const reader = new ByteReader(from);
  const writer = to.getWriter();
  let left = false;
  try {
    for (let piece = await reader.read(READ); piece !== undefined; piece = await reader.read(READ)) {
      copy.add(piece);
      if (!left) {
        left = await writer.write(piece).then(
          () => false,
          () => true,
        );
      }
      if (left && !wanted()) throw new TypeError('nobody reads it');
    }
  } catch (thrown) {
    await Promise.all([reader.cancel(thrown), writer.abort(thrown).catch(() => undefined)]);
    return false;
  }
  await writer.close().catch(() => undefined);
  return true;
}
