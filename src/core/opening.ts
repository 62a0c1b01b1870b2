import { type ChatChunk, isContent } from './chat.ts';
import type { Dialect, ReplyReader } from './dialect.ts';
import { GatewayError } from './errors.ts';
import { type Framing, type Splitter, sse } from './framing.ts';
import { ByteReader } from './reader.ts';
import { type Frame, MAX_EVENT_BYTES } from './sse.ts';

/** Small, so that what follows the first content event stays in the native buffer and costs nothing here. */
const OPENING_READ = 2048;
/**
 * A stream that says so much without any content is taken as it is. More than one event of the largest size: some repeat
 * the whole call, instructions and tools, in their first one.
 */
const OPENING_LIMIT = 2 * MAX_EVENT_BYTES;

export interface ReadFrame {
  readonly frame: Frame;
  /** Absent where the frame has not been decoded yet. */
  readonly chunks?: readonly ChatChunk[];
}

/** An upstream's stream that has begun to answer: its first content event is here, so no other target may answer. */
export interface Opened {
  readonly dialect: Dialect;
  readonly framing: Framing;
  /** Whether its bytes may go to the caller as they come, with nobody looking at them on the way. */
  readonly native: boolean;
  readonly source: ByteReader;
  /** Everything read from `source` so far. */
  readonly seen: readonly Uint8Array[];
  readonly frames: readonly ReadFrame[];
  readonly splitter: Splitter;
  readonly reader: ReplyReader;
  /** Ends the upstream call. What had arrived still reaches both branches. */
  abort(reason: GatewayError): void;
}

/**
 * Reads until the first content event. An error event, an end or anything else before it fails the attempt, so
 * that another target can still answer.
 */
export async function openStream(
  body: ReadableStream<Uint8Array>,
  dialect: Dialect,
  native: boolean,
  abort: (reason: GatewayError) => void,
  framing: Framing = dialect.framing ?? sse,
  model?: string,
): Promise<Opened> {
  const source = new ByteReader(body);
  const splitter = framing.splitter();
  const reader = dialect.replyReader(model);
  const seen: Uint8Array[] = [];
  const frames: ReadFrame[] = [];
  let bytes = 0;
  for (let committed = false; !committed && bytes < OPENING_LIMIT; ) {
    const piece = await source.read(OPENING_READ);
    if (piece === undefined) {
      // An answer without a word is one, where the dialect says so with the end alone.
      if (reader.close?.().some(({ type }) => type === 'end') === true) break;
      throw new GatewayError('upstream_invalid', 'The provider ended its stream without an answer.');
    }
    seen.push(piece);
    bytes += piece.length;
    for (const frame of splitter.push(piece)) {
      if (committed) {
        frames.push({ frame });
        continue;
      }
      const chunks = readFrame(reader, frame);
      for (const chunk of chunks) if (chunk.type === 'error') throw chunk.error;
      committed = chunks.some(isContent);
      frames.push({ frame, chunks });
    }
  }
  return { dialect, framing, native, source, seen, frames, splitter, reader, abort };
}

/** Frames of an upstream, decoded; what is not of its dialect is the upstream's fault. */
export function readFrame(reader: ReplyReader, frame: Frame): readonly ChatChunk[] {
  try {
    return reader.read(frame);
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause;
    throw new GatewayError('upstream_invalid', 'The provider sent an event that is not of its own protocol.', { cause });
  }
}
