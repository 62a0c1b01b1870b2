import { COMPLETE, ENDED, endText } from './watch.ts';
import { eventText, KEEP_ALIVE, primingText } from './wire/events.ts';

/** Milliseconds an answer is waited for before it becomes a stream, which can be kept alive. */
const SOON = 250;
/** Milliseconds after which a stream that was lost may be asked for again. */
const RETRY = 1_000;
/** Milliseconds within which is noticed that the client of a request has left: only what is written tells. */
const NOTICED_WITHIN = 3_000;
/** Bytes that wait for a client who does not read, before what is only told is left out. */
const MOST_WAITING = 4 * 1024 * 1024;

/** What is kept of a stream for who comes back for it. */
export interface StreamLog {
  readonly name: string;
  append(text: string): number;
  after(seq: number): readonly { readonly seq: number; readonly data: string }[];
}

export interface OutletOptions {
  /** Milliseconds between two signs of life. */
  readonly ping: number;
  /** The client has left, or has stopped reading for good. */
  readonly left?: () => void;
  readonly log?: StreamLog;
  /** Begins as a stream at once. */
  readonly stream?: true;
  /** What a stream begins with, as it goes over the wire. */
  readonly opening?: string;
  readonly headers?: { readonly [name: string]: string };
}

/** Milliseconds between two signs of life of a stream whose end is the request's: who leaves it has cancelled. */
export const pingOfRequest = (ping: number): number => Math.min(ping, NOTICED_WITHIN);

/** Where the messages that answer one POST come out. */
export interface AnswerStream {
  readonly response: Promise<Response>;
  readonly isOver: boolean;
  /** One message before the last. `isNews`: it may be left out where the client does not keep up. */
  tell(text: string, isNews?: boolean): void;
  /** The last message; `status` counts where nothing has been told before. */
  finish(text: string, status?: number): void;
  /** Ends without a last message. */
  end(): void;
}

/**
 * Where the messages that answer one request come out: one JSON document where the answer comes soon and alone, a stream of
 * events otherwise. With a log, a stream outlives its connection and can be taken up again.
 */
export class Outlet implements AnswerStream {
  readonly #options: OutletOptions;
  readonly #response = Promise.withResolvers<Response>();
  readonly #soon: ReturnType<typeof setTimeout> | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #ping: ReturnType<typeof setInterval> | undefined;
  #isStream = false;
  #isOver = false;

  constructor(options: OutletOptions) {
    this.#options = options;
    if (options.stream === true) this.#open();
    else this.#soon = setTimeout(() => this.#open(), SOON);
  }

  get response(): Promise<Response> {
    return this.#response.promise;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether it has become a stream of events. */
  get isStream(): boolean {
    return this.#isStream;
  }

  /** Whether anybody reads. */
  get isHeard(): boolean {
    return this.#controller !== undefined || !this.#isStream;
  }

  /** One message before the last. `isNews`: it may be left out where the client does not keep up. */
  tell(text: string, isNews = false): void {
    if (this.#isOver) return;
    this.#open();
    if (isNews && (this.#controller?.desiredSize ?? 0) < -MOST_WAITING) return;
    this.#write(text);
  }

  /** The last message; in pieces where it is long, and a result that is complete. `status` counts where nothing has been told before. */
  finish(message: string | readonly Uint8Array[], status = 200): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#soon);
    if (this.#isStream) {
      this.#write(typeof message === 'string' ? message : textOf(message));
      this.#close();
      return;
    }
    const isText = typeof message === 'string';
    const headers = { ...this.#options.headers, 'content-type': 'application/json', [ENDED]: isText ? endText(message) : COMPLETE };
    this.#response.resolve(new Response(isText ? message : streamOf(message), { status, headers }));
  }

  /** Ends without a last message. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#soon);
    if (this.#isStream) this.#close();
    else this.#response.resolve(new Response(null, { status: 202, headers: this.#options.headers ?? {} }));
  }

  /** The stream again, from behind a place on it. Who read it before reads no more. */
  resume(after: number): Response {
    this.#close();
    const missed = this.#options.log?.after(after) ?? [];
    const response = this.#stream();
    for (const { seq, data } of missed) this.#enqueue(eventText(data, this.#place(seq)));
    if (this.#isOver) this.#close();
    return response;
  }

  #open(): void {
    if (this.#isStream || this.#isOver) return;
    this.#isStream = true;
    clearTimeout(this.#soon);
    this.#response.resolve(this.#stream());
    const { log, opening } = this.#options;
    if (opening !== undefined) this.#enqueue(opening);
    if (log !== undefined) this.#enqueue(primingText(this.#place(log.append('')), RETRY));
  }

  #stream(): Response {
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        cancel: () => {
          this.#controller = undefined;
          clearInterval(this.#ping);
          if (!this.#isOver) this.#options.left?.();
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: 0 }),
    );
    this.#ping = setInterval(() => this.#enqueue(KEEP_ALIVE), this.#options.ping);
    const headers = {
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
      ...this.#options.headers,
    };
    return new Response(body, { headers });
  }

  #write(text: string): void {
    const { log } = this.#options;
    this.#enqueue(eventText(text, log === undefined ? undefined : this.#place(log.append(text))));
  }

  #place(seq: number): string {
    return `${this.#options.log?.name ?? ''}-${seq}`;
  }

  #enqueue(text: string): void {
    try {
      this.#controller?.enqueue(encoder.encode(text));
    } catch {
      this.#controller = undefined;
    }
  }

  #close(): void {
    clearInterval(this.#ping);
    const controller = this.#controller;
    this.#controller = undefined;
    try {
      controller?.close();
    } catch {
      // It was closed from the other side.
    }
  }
}

const encoder = new TextEncoder();

/** Pieces that end where letters do. */
const textOf = (pieces: readonly Uint8Array[]) => pieces.map((piece) => new TextDecoder().decode(piece)).join('');

const streamOf = (pieces: readonly Uint8Array[]) =>
  new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });

/** The stream and the place on it that `Last-Event-ID` names. */
export function readPlace(eventId: string): { readonly stream: string; readonly seq: number } | undefined {
  const match = /^([\w.]{1,64})-(\d{1,15})$/.exec(eventId);
  return match === null ? undefined : { stream: match[1] ?? '', seq: Number(match[2]) };
}
