import { GatewayError } from './errors.ts';
import { Frame, FrameSplitter, joinBytes, MAX_EVENT_BYTES } from './sse.ts';

/** Cuts a byte stream into frames, whatever the split of the bytes. */
export interface Splitter {
  /** The bytes of a frame that has begun and not ended. */
  readonly rest: Uint8Array;
  /** The frames that are complete now. Throws `event_too_large` and `upstream_invalid`. */
  push(bytes: Uint8Array): Frame[];
}

/**
 * How the events of a stream stand in its bytes. Codecs know only frames with an event and data: they write them as
 * server-sent events, and a framing puts what they wrote into its own bytes.
 */
export interface Framing {
  readonly id: string;
  /** Of an answer that is written in it. */
  readonly contentType: string;
  /** Whether an upstream's answer with this content type is a stream in it. */
  accepts(contentType: string): boolean;
  splitter(limit?: number): Splitter;
  /** Whole server-sent events as bytes of this framing; comments are left out where it has none. */
  encode(events: string): Uint8Array;
  /** Bytes that mean nothing, for idle connections; absent where there are none. */
  readonly ping?: Uint8Array;
}

const encoder = new TextEncoder();

/** How the answer of a dialect is cut for its callers. */
export function callerFraming({ framing, ping }: { readonly framing?: Framing; readonly ping?: string }): Framing {
  return framing ?? (ping === undefined ? sse : { ...sse, ping: encoder.encode(ping) });
}

/** Server-sent events: WHATWG HTML, "Server-sent events". */
export const sse: Framing = {
  id: 'sse',
  contentType: 'text/event-stream; charset=utf-8',
  accepts: (contentType) => /^text\/event-stream\b/i.test(contentType),
  splitter: (limit) => new FrameSplitter(limit),
  encode: (events) => encoder.encode(events),
  ping: encoder.encode(': ping\n\n'),
};

/** One JSON text a line (https://github.com/ndjson/ndjson-spec): what Ollama streams. */
export const ndjson: Framing = {
  id: 'ndjson',
  contentType: 'application/x-ndjson',
  accepts: (contentType) => /^application\/(x-ndjson|jsonl|json)\b/i.test(contentType),
  splitter: (limit) => new LineSplitter(limit),
  encode(events) {
    const lines = new FrameSplitter(Number.POSITIVE_INFINITY).push(encoder.encode(events)).flatMap(({ data }) => data ?? []);
    return encoder.encode(lines.map((line) => `${line}\n`).join(''));
  },
  // A blank line is passed over by every reader of the format that splits lines.
  ping: encoder.encode('\n'),
};

const LF = 10;

/** A line is a frame: its data is the line, its bytes hold the line end. */
class LineSplitter implements Splitter {
  #held: Uint8Array[] = [];
  #heldBytes = 0;

  constructor(readonly limit = MAX_EVENT_BYTES) {}

  get rest(): Uint8Array {
    return joinBytes(...this.#held);
  }

  push(bytes: Uint8Array): Frame[] {
    const frames: Frame[] = [];
    let from = 0;
    for (let end = bytes.indexOf(LF); end >= 0; end = bytes.indexOf(LF, from)) {
      frames.push(lineFrame(joinBytes(...this.#held, bytes.subarray(from, end + 1))));
      this.#held = [];
      this.#heldBytes = 0;
      from = end + 1;
    }
    if (from < bytes.length) {
      this.#held.push(bytes.subarray(from));
      this.#heldBytes += bytes.length - from;
    }
    if (this.#heldBytes > this.limit) {
      throw new GatewayError('event_too_large', `The provider sent one event of more than ${this.limit} bytes.`);
    }
    return frames;
  }
}

const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

function lineFrame(bytes: Uint8Array): Frame {
  const line = decoder.decode(bytes).trim();
  return new Frame(bytes, { event: undefined, data: line === '' ? undefined : line });
}
