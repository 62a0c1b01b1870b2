import { FrameSplitter } from './sse.ts';

/** Of an answer that is one JSON array, streamed element by element. */
export const JSON_ARRAY_TYPE = 'application/json; charset=utf-8';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Turns a stream of server-sent events into one JSON array of their data, element by element: what the Gemini API sends to
 * who does not ask for events (https://cloud.google.com/apis/docs/http, streaming). Events without data, pings among them,
 * are whitespace; an error is the last element. The array is always closed, also where nothing or only a part has come.
 */
export class JsonArrayWriter {
  readonly #splitter = new FrameSplitter(Number.POSITIVE_INFINITY);
  #elements = 0;

  push(bytes: Uint8Array): Uint8Array {
    let text = '';
    for (const { data } of this.#splitter.push(bytes)) {
      if (data === undefined || data === '') text += '\n';
      else text += `${this.#elements++ === 0 ? '[' : ',\n'}${data}`;
    }
    return encoder.encode(text);
  }

  end(): Uint8Array {
    return encoder.encode(this.#elements === 0 ? '[]' : '\n]');
  }
}

/** A stream of events as one JSON array. */
export function jsonArrayStream(): TransformStream<Uint8Array, Uint8Array> {
  const writer = new JsonArrayWriter();
  return new TransformStream({
    transform(bytes, controller) {
      const written = writer.push(bytes);
      if (written.length > 0) controller.enqueue(written);
    },
    flush: (controller) => controller.enqueue(writer.end()),
  });
}

/** Whole events as one JSON array. */
export function jsonArrayOf(events: Uint8Array): string {
  const writer = new JsonArrayWriter();
  return decoder.decode(writer.push(events)) + decoder.decode(writer.end());
}
