import { crc32 } from './crc32.ts';
import { GatewayError } from './errors.ts';
import type { Framing, Splitter } from './framing.ts';
import { Frame, FrameSplitter, joinBytes, MAX_EVENT_BYTES } from './sse.ts';

/**
 * One message of an AWS event stream: its headers of text (others are passed over) and its payload.
 * Source: https://docs.aws.amazon.com/transcribe/latest/dg/event-stream-med.html, and Smithy's "Amazon Event Stream
 * specification" (https://smithy.io/2.0/aws/amazon-eventstream.html).
 */
export interface EventStreamMessage {
  readonly headers: ReadonlyMap<string, string>;
  readonly payload: Uint8Array;
}

/** Total length, headers' length, checksum of the two; the message's checksum stands at its end. */
const PRELUDE = 12;
const CHECKSUM = 4;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

const invalid = (what: string) => new GatewayError('upstream_invalid', `The provider sent a broken event stream: ${what}.`);

/** `application/vnd.amazon.eventstream`: binary messages with typed headers and two checksums each. It knows no ping. */
export const eventstream: Framing = {
  id: 'eventstream',
  contentType: 'application/vnd.amazon.eventstream',
  accepts: (contentType) => /^application\/vnd\.amazon\.eventstream\b/i.test(contentType),
  splitter: (limit) => new MessageSplitter(frameOf, limit),
  encode(events) {
    const frames = new FrameSplitter(Number.POSITIVE_INFINITY).push(encoder.encode(events));
    return joinBytes(...frames.flatMap(({ event, data }) => (data === undefined ? [] : encodeEvent(event ?? '', data))));
  },
};

/** What a message says, as the event of a dialect. Its text is the server-sent event that says the same. */
export class EventStreamFrame extends Frame {
  constructor(
    bytes: Uint8Array,
    readonly type: string,
    readonly payload: string,
  ) {
    super(bytes, { event: type, data: payload });
  }

  override get text(): string {
    return `event: ${this.type}\ndata: ${this.payload}\n\n`;
  }
}

const frameOf = (bytes: Uint8Array, message: EventStreamMessage) => new EventStreamFrame(bytes, ...eventOf(message));

/** Type and payload of a message. What is no event by its own account is named as an exception. */
export function eventOf({ headers, payload }: EventStreamMessage): readonly [type: string, data: string] {
  switch (headers.get(':message-type')) {
    case 'exception':
      return [headers.get(':exception-type') ?? 'exception', decoder.decode(payload)];
    case 'error': {
      const code = headers.get(':error-code') ?? 'error';
      return [isException(code) ? code : `${code}Exception`, JSON.stringify({ message: headers.get(':error-message') ?? code })];
    }
    default:
      return [headers.get(':event-type') ?? '', decoder.decode(payload)];
  }
}

/** How errors of AWS's services are named, in streams and elsewhere. */
export const isException = (type: string): boolean => /exception$/i.test(type);

/** One event as a message; a type that names an exception is sent as one. */
export function encodeEvent(type: string, data: string): Uint8Array {
  const exception = isException(type);
  return encodeMessage(
    [
      [exception ? ':exception-type' : ':event-type', type],
      [':content-type', 'application/json'],
      [':message-type', exception ? 'exception' : 'event'],
    ],
    encoder.encode(data),
  );
}

const TEXT = 7;

export function encodeMessage(headers: readonly (readonly [name: string, value: string])[], payload: Uint8Array): Uint8Array {
  const head = joinBytes(...headers.map(([name, value]) => encodeHeader(encoder.encode(name), encoder.encode(value))));
  const bytes = new Uint8Array(PRELUDE + head.length + payload.length + CHECKSUM);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length);
  view.setUint32(4, head.length);
  view.setUint32(8, crc32(bytes.subarray(0, 8)));
  bytes.set(head, PRELUDE);
  bytes.set(payload, PRELUDE + head.length);
  view.setUint32(bytes.length - CHECKSUM, crc32(bytes.subarray(0, bytes.length - CHECKSUM)));
  return bytes;
}

function encodeHeader(name: Uint8Array, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + name.length + 3 + value.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = name.length;
  bytes.set(name, 1);
  bytes[1 + name.length] = TEXT;
  view.setUint16(2 + name.length, value.length);
  bytes.set(value, 4 + name.length);
  return bytes;
}

/**
 * Cuts bytes into messages, whatever their split. A message that announces more than `limit` bytes is refused by its
 * first twelve, before any of it is held.
 */
export class MessageSplitter implements Splitter {
  #pieces: Uint8Array[] = [];
  #size = 0;
  /** Bytes that must be there before anything new can be told. */
  #needed = PRELUDE;

  constructor(
    readonly frame: (bytes: Uint8Array, message: EventStreamMessage) => Frame | undefined,
    readonly limit = MAX_EVENT_BYTES,
  ) {}

  get rest(): Uint8Array {
    return joinBytes(...this.#pieces);
  }

  push(bytes: Uint8Array): Frame[] {
    if (bytes.length > 0) this.#pieces.push(bytes);
    this.#size += bytes.length;
    const frames: Frame[] = [];
    while (this.#size >= this.#needed) {
      const held = this.rest;
      const length = lengthOf(held, this.limit);
      const whole = held.length >= length;
      if (whole) {
        const cut = held.subarray(0, length);
        const frame = this.frame(cut, decodeMessage(cut));
        if (frame !== undefined) frames.push(frame);
      }
      this.#keep(whole ? held.subarray(length) : held, whole ? PRELUDE : length);
    }
    return frames;
  }

  #keep(bytes: Uint8Array, needed: number): void {
    this.#pieces = bytes.length === 0 ? [] : [bytes];
    this.#size = bytes.length;
    this.#needed = needed;
  }
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The length of the message that begins here, by its prelude. */
function lengthOf(bytes: Uint8Array, limit: number): number {
  const view = viewOf(bytes);
  if (view.getUint32(8) !== crc32(bytes.subarray(0, 8))) throw invalid('the checksum of a prelude is wrong');
  const length = view.getUint32(0);
  if (length < PRELUDE + CHECKSUM + view.getUint32(4)) throw invalid('a message is shorter than its headers');
  if (length > limit) throw new GatewayError('event_too_large', `The provider sent one event of more than ${limit} bytes.`);
  return length;
}

/** A whole message whose prelude has been checked. */
function decodeMessage(bytes: Uint8Array): EventStreamMessage {
  const view = viewOf(bytes);
  const end = bytes.length - CHECKSUM;
  if (view.getUint32(end) !== crc32(bytes.subarray(0, end))) throw invalid('the checksum of a message is wrong');
  const payloadAt = PRELUDE + view.getUint32(4);
  return { headers: decodeHeaders(bytes.subarray(PRELUDE, payloadAt)), payload: bytes.subarray(payloadAt, end) };
}

/** Bytes of a header's value by its type; byte arrays and texts say their own. */
const SIZES: readonly (number | undefined)[] = [0, 0, 1, 2, 4, 8, undefined, undefined, 8, 16];

function decodeHeaders(bytes: Uint8Array): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  const view = viewOf(bytes);
  try {
    for (let at = 0; at < bytes.length; ) {
      const nameEnd = at + 1 + view.getUint8(at);
      const type = view.getUint8(nameEnd);
      if (type >= SIZES.length) throw invalid('a header is of no known type');
      const fixed = SIZES[type];
      const valueAt = nameEnd + (fixed === undefined ? 3 : 1);
      const valueEnd = valueAt + (fixed ?? view.getUint16(nameEnd + 1));
      if (valueEnd > bytes.length) throw invalid('a header is cut off');
      if (type === TEXT) headers.set(decoder.decode(bytes.subarray(at + 1, nameEnd)), decoder.decode(bytes.subarray(valueAt, valueEnd)));
      at = valueEnd;
    }
  } catch (cause) {
    // Reading past the end of the headers.
    throw cause instanceof RangeError ? invalid('a header is cut off') : cause;
  }
  return headers;
}
