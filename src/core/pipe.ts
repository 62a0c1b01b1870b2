import { callerLeft, closeStream, type StreamEnd, type StreamOptions } from './closing.ts';
import { GatewayError } from './errors.ts';
import { sse } from './framing.ts';
import { Meter } from './meter.ts';
import type { Opened } from './opening.ts';
import type { Sip } from './reader.ts';
import { MAX_EVENT_BYTES } from './sse.ts';

/** How often the metering branch is sipped, and how much at most each time. Together they bound what a stream can
 * hold natively: a caller who does not read costs at most 32 KiB a second of its slowness. */
const FIRST_SIP = 300;
const SIP_EVERY = 1_000;
const SIP_BYTES = 32 * 1024;
/** An event of this size is looked at more often, since it may be one that never ends; so is an upstream that stays after its terminator. */
const SUSPECT_BYTES = 24 * 1024;
const HURRY = 20;
/** Milliseconds an upstream has to close behind its terminator. */
const LINGER = 200;
const SUSPECT_SIP_BYTES = 256 * 1024;
const DRAIN_BYTES = 8 * 1024;
/** Milliseconds in which a caller who reads takes a ping. */
const PING_TAKEN = 250;

type Piping = 'flowing' | 'ended' | 'broken';

/**
 * The native lane: bytes flow from the upstream to the caller without waking JavaScript, while a second branch
 * keeps what passed and is sipped about once a second for usage, progress and the end. The end stays ours: the
 * pipe neither closes nor aborts the caller's side. Ending the upstream call flushes what had arrived to both
 * branches first, so nothing is lost when a stream is cut off here.
 */
export async function pipeLane(
  writable: WritableStream<Uint8Array>,
  opened: Opened,
  client: ReadableStream<Uint8Array>,
  options: StreamOptions,
): Promise<StreamEnd> {
  const meter = new Meter(opened.dialect);
  for (const bytes of opened.seen) meter.feed(bytes);
  const stop = new AbortController();
  let state = 'flowing' as Piping;
  const piping = client.pipeTo(writable, { preventClose: true, preventAbort: true, preventCancel: true, signal: stop.signal }).then(
    () => {
      state = 'ended';
    },
    () => {
      state = 'broken';
    },
  );
  const watch = new Watch(opened, meter, options);
  const usual = Math.min(SIP_EVERY, options.ping / 2, options.idle / 2);
  // The first look comes early: by then most answers are over, and one that goes wrong has shown it.
  let every = Math.min(FIRST_SIP, usual);
  while (state === 'flowing') {
    await settledWithin(piping, watch.isSuspect ? HURRY : every);
    every = usual;
    if (state !== 'flowing') break;
    const verdict = watch.look();
    if (verdict === 'silent') {
      stop.abort();
      await piping;
      return goOnByHand(writable, opened, meter, watch, options);
    }
    if (verdict !== undefined) {
      opened.abort(verdict.reason);
      await piping;
    }
  }
  // A broken pipe is a dead upstream or a caller who left. Either way the call is over, and the writer will tell.
  if (state === 'broken') opened.abort(watch.cause ?? callerLeft());
  await watch.drain();
  const writer = writable.getWriter();
  const clean = state === 'ended' && watch.cause === undefined;
  return closeStream(writer, meter, options, { cause: watch.cause, left: false, clean });
}

/** What is known of a flowing stream without touching it. */
class Watch {
  readonly #opened: Opened;
  readonly #meter: Meter;
  readonly #options: StreamOptions;
  #pending: Promise<Sip> | undefined;
  #arrived: { readonly sip: Sip } | undefined;
  #failed = false;
  #lastByteAt: number;
  #terminated = false;
  /** Why this lane ended the upstream, where it did. */
  cause: GatewayError | undefined;

  constructor(opened: Opened, meter: Meter, options: StreamOptions) {
    this.#opened = opened;
    this.#meter = meter;
    this.#options = options;
    this.#lastByteAt = options.clock.now();
    this.#terminated = meter.sawTerminator();
  }

  /** Whether something may be wrong that the next look will tell. */
  get isSuspect(): boolean {
    return this.#terminated || this.#meter.openBytes > SUSPECT_BYTES;
  }

  /** Sips once; says when the stream must be ended, or has been silent so long that the caller needs a ping. */
  look(): { readonly reason: GatewayError } | 'silent' | undefined {
    this.#take();
    const now = this.#options.clock.now();
    // A well-behaved upstream closes right behind its terminator, and keeps the connection for the next call.
    if (this.#terminated && now - this.#lastByteAt >= LINGER) return { reason: callerLeft() };
    if (this.#isTooLarge() && this.cause !== undefined) return { reason: this.cause };
    if (now >= this.#options.deadline) return this.#end('The provider did not finish within the total time limit.');
    if (this.#pending === undefined) {
      this.#sip();
      return undefined;
    }
    const silence = now - this.#lastByteAt;
    if (silence >= this.#options.idle)
      return this.#end(`The provider was silent for ${this.#options.idle} ms in the middle of its answer.`);
    return silence >= this.#options.ping && !this.#meter.midFrame ? 'silent' : undefined;
  }

  /** The read that is under way, or a new one: no byte is read twice or lost between the lanes. */
  next(size: number): Promise<Sip> {
    const pending = this.#pending;
    if (pending === undefined) return this.#opened.source.read(size);
    this.#pending = undefined;
    this.#arrived = undefined;
    return pending;
  }

  /** Reads what is left, to the end or the failure of the upstream. */
  async drain(): Promise<void> {
    try {
      if (this.#arrived !== undefined) this.#take();
      for (let piece = await this.next(DRAIN_BYTES); piece !== undefined; piece = await this.next(DRAIN_BYTES)) {
        this.#meter.feed(piece);
        if (this.#isTooLarge()) return await this.#opened.source.cancel(this.cause);
      }
    } catch {
      // The upstream failed: the meter has all that came before.
    }
  }

  #sip(): void {
    const pending = this.#opened.source.read(this.#meter.openBytes > SUSPECT_BYTES ? SUSPECT_SIP_BYTES : SIP_BYTES);
    this.#pending = pending;
    pending.then(
      (sip) => {
        this.#lastByteAt = this.#options.clock.now();
        if (this.#pending === pending) this.#arrived = { sip };
      },
      () => {
        this.#failed = true;
      },
    );
  }

  #take(): void {
    if (this.#failed || this.#arrived === undefined) return;
    const { sip } = this.#arrived;
    if (sip === undefined) return;
    this.#pending = undefined;
    this.#arrived = undefined;
    this.#meter.feed(sip);
    this.#terminated ||= this.#meter.sawTerminator();
  }

  #isTooLarge(): boolean {
    if (this.#meter.openBytes <= MAX_EVENT_BYTES) return false;
    this.cause ??= new GatewayError('event_too_large', `The provider sent one event of more than ${MAX_EVENT_BYTES} bytes.`);
    return true;
  }

  #end(message: string): { readonly reason: GatewayError } {
    this.cause = new GatewayError('upstream_timeout', message);
    return { reason: this.cause };
  }
}

/**
 * The stream goes on by hand after a silence: the pipe is stopped while nothing is in it, and the metering branch
 * takes its place. A caller who does not take a ping at once had stopped reading long before.
 */
async function goOnByHand(
  writable: WritableStream<Uint8Array>,
  opened: Opened,
  meter: Meter,
  watch: Watch,
  options: StreamOptions,
): Promise<StreamEnd> {
  const writer = writable.getWriter();
  const ping = sse.encode(': ping\n\n');
  let left = !(await taken(writer.write(ping)));
  let clean = false;
  let cause: GatewayError | undefined;
  let lastAt = options.clock.now();
  let silentSince = lastAt;
  const end = (reason: GatewayError) => {
    cause ??= reason;
    opened.abort(reason);
  };
  if (left) opened.abort(callerLeft());
  const timer = setInterval(
    () => {
      const now = options.clock.now();
      if (now - silentSince >= options.idle || now >= options.deadline) {
        end(new GatewayError('upstream_timeout', 'The provider did not go on with its answer within the time limit.'));
      } else if (now - lastAt >= options.ping && !meter.midFrame) {
        lastAt = now;
        writer.write(ping).catch(() => {
          left = true;
          opened.abort(callerLeft());
        });
      }
    },
    Math.min(SIP_EVERY, options.ping / 2),
  );
  try {
    for (let piece = await watch.next(DRAIN_BYTES); piece !== undefined; piece = await watch.next(DRAIN_BYTES)) {
      meter.feed(piece);
      silentSince = lastAt = options.clock.now();
      if (left) break;
      await writer.write(piece).catch(() => {
        left = true;
        opened.abort(callerLeft());
      });
      if (meter.sawTerminator()) break;
    }
    clean = true;
  } catch {
    // The upstream failed or was ended: what is appended now says so.
  } finally {
    clearInterval(timer);
  }
  if (!left) opened.abort(callerLeft());
  return closeStream(writer, meter, options, { cause, left, clean: clean && cause === undefined });
}

/** Whether a write is taken within the time in which a caller who reads would take it. */
async function taken(write: Promise<void>): Promise<boolean> {
  let done = false;
  const writing = write.then(
    () => {
      done = true;
    },
    () => undefined,
  );
  await settledWithin(writing, PING_TAKEN);
  return done;
}

/** Waits for a promise, at most so many milliseconds, and leaves no timer behind. */
async function settledWithin(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, timeout]);
  clearTimeout(timer);
}
