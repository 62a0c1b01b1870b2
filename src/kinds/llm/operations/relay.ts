import { callerLeft, type StreamEnd } from '../../../core/closing.ts';
import { GatewayError, outOfTime } from '../../../core/errors.ts';
import { isObject, type JsonObject, parseJson } from '../../../core/json.ts';
import type { Clock } from '../../../core/ports.ts';
import type { ByteReader } from '../../../core/reader.ts';
import { type Frame, FrameSplitter } from '../../../core/sse.ts';

const READ = 64 * 1024;
/** One event may hold a picture. */
const EVENT_BYTES = 32 * 1024 * 1024;

export interface RelayOptions {
  readonly clock: Clock;
  /** Milliseconds of silence after which the caller gets a ping (in event streams), and the provider is given up. */
  readonly ping: number;
  readonly idle: number;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  /** Aborted where the platform notices that the caller has left. */
  readonly caller: AbortSignal;
  /** Ends the upstream call. */
  abort(reason: GatewayError): void;
  /** Server-sent events: each is looked at, and the end is said in their own form. Absent for bytes. */
  readonly events?: {
    seen(event: JsonObject): void;
    errorFrame(error: GatewayError): string;
  };
}

const encoder = new TextEncoder();
const PING = encoder.encode(': ping\n\n');

/**
 * Carries an answer to the caller as it comes: bytes of audio or of a file, or server-sent events. Where the provider
 * breaks off, events end in one typed error; bytes have no way to say it, so the connection breaks too.
 */
export async function relay(
  source: ByteReader,
  first: Uint8Array | undefined,
  writable: WritableStream<Uint8Array>,
  options: RelayOptions,
): Promise<StreamEnd> {
  return new Relay(source, writable.getWriter(), options).run(first);
}

/** Whether an event is the last of an operation's answer: `speech.audio.done`, `transcript.text.done`, `image_edit.completed`. */
const isLast = (event: JsonObject) => typeof event.type === 'string' && /\.(?:done|completed)$/.test(event.type);

class Relay {
  readonly #source: ByteReader;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #options: RelayOptions;
  readonly #splitter = new FrameSplitter(EVENT_BYTES);
  #lastByteAt: number;
  #lastWriteAt: number;
  #writing = false;
  #left = false;
  #ended = false;
  #cause: GatewayError | undefined;

  constructor(source: ByteReader, writer: WritableStreamDefaultWriter<Uint8Array>, options: RelayOptions) {
    this.#source = source;
    this.#writer = writer;
    this.#options = options;
    this.#lastByteAt = this.#lastWriteAt = options.clock.now();
  }

  async run(first: Uint8Array | undefined): Promise<StreamEnd> {
    const { ping, idle, caller, abort } = this.#options;
    caller.addEventListener('abort', () => abort(callerLeft()));
    const timer = setInterval(() => this.#watch(), Math.max(10, Math.min(5_000, ping / 2, idle / 2)));
    let clean = false;
    try {
      for (let piece = first; piece !== undefined && !this.#left && this.#cause === undefined; ) {
        await this.#take(piece);
        piece = await this.#source.read(READ);
        this.#lastByteAt = this.#options.clock.now();
        clean = piece === undefined;
      }
      clean ||= first === undefined;
    } catch (thrown) {
      // A provider that dies rejects the read with a platform error; what this gateway threw names itself.
      if (thrown instanceof GatewayError && !this.#options.caller.aborted) this.#cause ??= thrown;
    } finally {
      clearInterval(timer);
    }
    return this.#close(clean && this.#cause === undefined);
  }

  async #take(piece: Uint8Array): Promise<void> {
    if (this.#options.events === undefined) return this.#write(piece);
    for (const frame of this.#splitter.push(piece)) {
      this.#look(frame);
      await this.#write(frame.bytes);
    }
  }

  #look({ data }: Frame): void {
    if (data === '[DONE]') this.#ended = true;
    // Most events hold a piece of audio or a picture and nothing to learn.
    if (data === undefined || !/"usage"|\.(?:done|completed)"|"error"/.test(data)) return;
    const event = parseJson(data);
    if (!isObject(event)) return;
    this.#ended ||= isLast(event);
    this.#options.events?.seen(event);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.#writing = true;
    try {
      await this.#writer.write(bytes);
      this.#lastWriteAt = this.#options.clock.now();
    } catch {
      this.#left = true;
    } finally {
      this.#writing = false;
    }
  }

  async #close(clean: boolean): Promise<StreamEnd> {
    const { events, abort } = this.#options;
    const complete = events === undefined ? clean : this.#ended;
    abort(this.#cause ?? callerLeft());
    if (this.#left || this.#options.caller.aborted) {
      await this.#writer.abort().catch(() => undefined);
      return { status: 'aborted' };
    }
    const error = complete ? undefined : (this.#cause ?? interrupted());
    try {
      if (error !== undefined && events === undefined) {
        await this.#writer.abort(error);
        return { status: 'partial', error };
      }
      if (error !== undefined && events !== undefined) await this.#writer.write(encoder.encode(events.errorFrame(error)));
      await this.#writer.close();
    } catch {
      // The caller left at the very end.
      return { status: complete ? 'complete' : 'aborted' };
    }
    return error === undefined ? { status: 'complete' } : { status: 'partial', error };
  }

  #watch(): void {
    const now = this.#options.clock.now();
    // While a write waits for a slow caller the provider is not being read: its silence is ours.
    if (this.#writing) this.#lastByteAt = now;
    else if (now - this.#lastByteAt >= this.#options.idle) {
      this.#give(`The provider was silent for ${this.#options.idle} ms in the middle of its answer.`);
    } else if (now >= this.#options.deadline) {
      this.#give('The provider did not finish within the total time limit.');
    } else if (this.#options.events !== undefined && now - this.#lastWriteAt >= this.#options.ping) {
      void this.#write(PING).then(() => {
        if (this.#left) this.#options.abort(callerLeft());
      });
    }
  }

  #give(message: string): void {
    this.#cause ??= outOfTime(message);
    this.#options.abort(this.#cause);
  }
}

const interrupted = () =>
  new GatewayError(
    'upstream_interrupted',
    'The provider broke off in the middle of its answer. What arrived is genuine and incomplete; ask again.',
  );
