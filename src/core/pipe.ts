import { ByHand, type Taken } from './by-hand.ts';
import { callerLeft, closeStream, LINGER, letGo, type StreamEnd, type StreamOptions } from './closing.ts';
import { GatewayError, outOfTime } from './errors.ts';
import { Meter } from './meter.ts';
import type { Opened } from './opening.ts';
import type { Sip } from './reader.ts';
import { joinBytes, MAX_EVENT_BYTES } from './sse.ts';

/** How often the metering branch is sipped, and how much at most each time. Together they bound what a stream can
 * hold natively: a caller who does not read costs at most 32 KiB a second of its slowness. */
const FIRST_SIP = 300;
const SIP_EVERY = 1_000;
const SIP_BYTES = 32 * 1024;
/** An event of this size is looked at more often, since it may be one that never ends; so is an upstream that stays after its terminator. */
const SUSPECT_BYTES = 24 * 1024;
const HURRY = 20;
const SUSPECT_SIP_BYTES = 256 * 1024;
const DRAIN_BYTES = 8 * 1024;
/** Milliseconds in which an upstream that broke a pipe shows that it did. */
const ALIVE = 50;
/** Milliseconds in which a caller who reads takes a ping. */
const PING_TAKEN = 250;

type Piping = 'flowing' | 'ended' | 'broken';

/**
 * The lane in which nobody looks at what passes, and bytes leave as they came. A stream at a model's pace flows from
 * the upstream to the caller without waking JavaScript, while a second branch keeps what passed; one that comes in a
 * burst is carried by hand, many events at a time, which costs less than the platform's own writes for each. Which it
 * is shows with the first pieces.
 */
export async function pipeLane(writable: WritableStream<Uint8Array>, opened: Opened, options: StreamOptions): Promise<StreamEnd> {
  const relay = new Relay(writable, opened, options);
  const pace = await relay.begin();
  return pace === 'over' ? relay.close() : flow(writable, relay, opened, options);
}

/** Bytes passed on by hand, and metered. */
class Relay {
  readonly meter: Meter;
  readonly hand: ByHand;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #opened: Opened;
  readonly #options: StreamOptions;

  constructor(
    writable: WritableStream<Uint8Array>,
    opened: Opened,
    options: StreamOptions,
    meter = new Meter(opened.dialect, opened.framing),
  ) {
    this.meter = meter;
    this.#writer = writable.getWriter();
    this.#opened = opened;
    this.#options = options;
    this.hand = new ByHand(this.#writer, opened.source, options, opened.abort, () => !meter.midFrame);
  }

  /** What was read to see whether the upstream answers, and what follows until its pace is known. */
  async begin(): Promise<'slow' | 'over'> {
    const { seen } = this.#opened;
    const [only] = seen;
    if (only === undefined || (await this.#take(seen.length === 1 ? only : joinBytes(...seen))) === 'over') return 'over';
    return this.run(true);
  }

  run(untilSlow: boolean, pending?: Promise<Sip>): Promise<'slow' | 'over'> {
    return this.hand.run((piece) => this.#take(piece), untilSlow, pending);
  }

  /** Lets go of the caller's side, for who goes on with it. */
  release(): void {
    this.#writer.releaseLock();
  }

  async close(): Promise<StreamEnd> {
    const { cause, left, clean } = this.hand;
    const isOver = this.meter.sawTerminator() || clean;
    if (cause !== undefined || !isOver) this.#opened.abort(cause ?? callerLeft());
    const end = await closeStream(this.#writer, this.meter, this.#options, { cause, left, clean: clean && cause === undefined });
    if (isOver && !clean) await letGo(this.#opened);
    return end;
  }

  async #take(piece: Uint8Array): Promise<Taken> {
    this.meter.feed(piece);
    await this.hand.write(piece);
    if (this.meter.openBytes > MAX_EVENT_BYTES) this.hand.end(tooLarge());
    return this.meter.sawTerminator() ? 'over' : 'more';
  }
}

const tooLarge = () => new GatewayError('event_too_large', `The provider sent one event of more than ${MAX_EVENT_BYTES} bytes.`);

/**
 * Native from here on: a second branch is sipped about once a second for usage, progress and the end. The end stays
 * ours: the pipe neither closes nor aborts the caller's side. Ending the upstream call flushes what had arrived to
 * both branches first, so nothing is lost when a stream is cut off here.
 */
async function flow(writable: WritableStream<Uint8Array>, begun: Relay, opened: Opened, options: StreamOptions): Promise<StreamEnd> {
  const { meter } = begun;
  begun.release();
  const stop = new AbortController();
  let state = 'flowing' as Piping;
  const passing = opened.source.fork();
  const piping = passing.pipeTo(writable, { preventClose: true, preventAbort: true, preventCancel: true, signal: stop.signal }).then(
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
  if (state === 'broken' && watch.cause === undefined && options.isWanted?.() === true && (await watch.goesOn())) {
    void passing.cancel().catch(() => undefined);
    return readOn(writable, opened, meter, watch, options);
  }
  // A broken pipe is a dead upstream or a caller who left. Either way the call is over, and the writer will tell.
  if (state === 'broken') opened.abort(watch.cause ?? callerLeft());
  await watch.drain();
  const clean = state === 'ended' && watch.cause === undefined;
  return closeStream(writable.getWriter(), meter, options, { cause: watch.cause, left: false, clean });
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
    const verdict = this.#options.verdict?.();
    if (verdict !== undefined) {
      this.cause = verdict;
      return { reason: verdict };
    }
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

  /** The same, with what it had brought already. */
  handOverAll(): Promise<Sip> | undefined {
    this.#take();
    return this.handOver();
  }

  /**
   * Whether the upstream goes on where the pipe has broken, and it was the caller who left: one that died says so to who
   * reads on. What comes meanwhile is metered.
   */
  async goesOn(): Promise<boolean> {
    this.#take();
    for (const end = this.#options.clock.now() + ALIVE; this.#options.clock.now() < end; ) {
      if (this.#pending === undefined) this.#sip();
      const read = this.#pending?.then(
        () => undefined,
        () => undefined,
      );
      if (read === undefined || !(await settledWithin(read, ALIVE))) return true;
      if (this.#failed || this.#arrived?.sip === undefined) return false;
      this.#take();
    }
    return true;
  }

  /** The read that is under way, for who goes on from here: no byte is read twice or lost. */
  handOver(): Promise<Sip> | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    this.#arrived = undefined;
    return pending;
  }

  #next(): Promise<Sip> {
    return this.handOver() ?? this.#opened.source.read(DRAIN_BYTES);
  }

  /** Reads what is left, to the end or the failure of the upstream. */
  async drain(): Promise<void> {
    try {
      if (this.#arrived !== undefined) this.#take();
      for (let piece = await this.#next(); piece !== undefined; piece = await this.#next()) {
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
    this.cause = outOfTime(message);
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
  const relay = new Relay(writable, opened, options, meter);
  const pinged = relay.hand.ping();
  if (await settledWithin(pinged, PING_TAKEN)) await relay.run(false, watch.handOver());
  else {
    relay.hand.left = true;
    if (relay.hand.isOver) opened.abort(callerLeft());
    else await relay.run(false, watch.handOver());
  }
  return relay.close();
}

/** An answer whose caller has left, read to its end: nobody hears it, and all the rest holds as before. */
async function readOn(
  writable: WritableStream<Uint8Array>,
  opened: Opened,
  meter: Meter,
  watch: Watch,
  options: StreamOptions,
): Promise<StreamEnd> {
  const relay = new Relay(writable, opened, options, meter);
  relay.hand.left = true;
  if (!meter.sawTerminator()) await relay.run(false, watch.handOverAll());
  return relay.close();
}

/** Waits for a promise, at most so many milliseconds, and leaves no timer behind; whether it came. */
async function settledWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const timeout = new Promise<typeof LATE>((resolve) => {
    timer = setTimeout(() => resolve(LATE), ms);
  });
  const first = await Promise.race([promise, timeout]);
  clearTimeout(timer);
  return first !== LATE;
}

const LATE = Symbol('late');
