import type { AnswerStream, Outlet } from '../outlet.ts';
import { eventText } from '../wire/events.ts';

/**
 * Where the messages that answer one POST of a client of 2024-11-05 come out: on the one stream of its session. Who brought
 * the POST is told of the answers too, for the log.
 */
export class SharedStream implements AnswerStream {
  readonly #stream: Outlet;
  #told: ReadableStreamDefaultController<Uint8Array> | undefined;
  readonly response: Promise<Response>;
  #isOver = false;

  constructor(stream: Outlet) {
    this.#stream = stream;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#told = controller;
      },
      cancel: () => {
        this.#told = undefined;
      },
    });
    this.response = Promise.resolve(new Response(body, { status: 202, headers: { 'content-type': 'text/event-stream' } }));
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  tell(text: string, isNews = false): void {
    this.#stream.tell(text, isNews);
  }

  finish(text: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stream.tell(text);
    this.#told?.enqueue(encoder.encode(eventText(text)));
    this.#told?.close();
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#told?.close();
  }
}

const encoder = new TextEncoder();
