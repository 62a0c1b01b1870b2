import type { Usage } from './chat.ts';
import { GatewayError } from './errors.ts';
import type { Framing } from './framing.ts';
import type { Meter, Metered } from './meter.ts';
import type { Opened } from './opening.ts';
import type { Clock, OutcomeStatus } from './ports.ts';
import type { FrameHandler } from './pump.ts';

/** How a stream came out. */
export interface StreamEnd {
  readonly status: OutcomeStatus;
  readonly usage?: Usage;
  readonly error?: GatewayError;
}

export interface StreamOptions {
  readonly clock: Clock;
  /** How the caller's stream is cut into events. */
  readonly framing: Framing;
  /** Milliseconds of silence after which the caller gets a `: ping`. */
  readonly ping: number;
  /** Milliseconds of silence after which the upstream is given up. */
  readonly idle: number;
  /** Milliseconds since the epoch after which the upstream is given up. */
  readonly deadline: number;
  /** Why the answer must not go on, as far as is known; asked about once a second. */
  verdict?(): GatewayError | undefined;
  /** Told, once or more often, that the caller has left. */
  left?(): void;
  /** Whether the answer is read to its end though the caller has left; absent: it is not. */
  isWanted?(): boolean;
  /** The caller has left while no upstream had answered yet: stops asking. */
  giveUp(): void;
  /** The typed error as the last event, in the caller's dialect. */
  errorFrame(error: GatewayError): string;
  /** What each frame becomes; unused in the `pipe` lane. */
  handler(opened: Opened): FrameHandler;
  /** Completes usage where the vendor gave none, from what passed. */
  settle(meter: Meter, metered: Metered): Usage | undefined;
  /** Another upstream that goes on where one broke off; asked only in lanes that decode. `undefined`: nobody does, and the answer ends with an error. */
  resume?(broken: Broken): Promise<Resumed | undefined>;
  /** A comment frame after a complete answer, when the caller asked for one. */
  trailer?(end: StreamEnd): string;
}

/** An answer that its upstream did not finish. */
export interface Broken {
  readonly meter: Meter;
  readonly error: GatewayError;
}

/** An upstream that goes on with another's answer. */
export interface Resumed {
  readonly opened: Opened;
  /** What its frames become: the same answer's. */
  readonly handler: FrameHandler;
  /** Stands before them; whole server-sent events or comments. */
  readonly mark: string;
}

/** The one fault that is nobody's: the caller left. Never shown, since nobody is there to see it. */
export const callerLeft = (cause?: unknown) => new GatewayError('internal', 'The caller left.', { cause });

/** Milliseconds an upstream has to close behind its terminator. */
export const LINGER = 200;

/**
 * Takes leave of an upstream that has said all: one that closes behind its terminator keeps its connection for the
 * next call, one that stays is hung up on.
 */
export async function letGo(opened: Opened): Promise<void> {
  let waited = false;
  const timer = setTimeout(() => {
    waited = true;
    opened.abort(callerLeft());
  }, LINGER);
  try {
    while (!waited && (await opened.source.read(4096)) !== undefined);
  } catch {
    // It failed after its last word: nothing is missing.
  } finally {
    clearTimeout(timer);
  }
}

export interface ClosingFacts {
  /** Why the upstream was ended early, where this gateway did it. */
  readonly cause?: GatewayError | undefined;
  /** Whether the caller is known to be gone. */
  readonly left: boolean;
  /** Whether the upstream ended its stream itself. */
  readonly clean: boolean;
  /** Whether the answer is complete; absent where the bytes that passed tell. */
  readonly complete?: boolean;
  /** Whether the caller got whole frames only, whatever the upstream sent. */
  readonly wholeFrames?: boolean;
}

/**
 * The last word of every stream, whatever lane it took: settles usage, and where the answer is not complete appends
 * one typed error and no success terminator. `cause` is why the upstream ended early, where that is known.
 */
export async function closeStream(
  writer: WritableStreamDefaultWriter<Uint8Array>,
  meter: Meter,
  options: StreamOptions,
  facts: ClosingFacts,
): Promise<StreamEnd> {
  const metered = meter.finish(facts.clean);
  const complete = facts.complete ?? metered.ended;
  const usage = options.settle(meter, metered);
  const withUsage = usage === undefined ? {} : { usage };
  if (facts.left) {
    await writer.abort().catch(() => undefined);
    return { status: complete ? 'complete' : 'aborted', ...withUsage };
  }
  const known = complete ? undefined : (facts.cause ?? metered.error);
  const error = complete ? undefined : (known ?? brokenOff());
  const end: StreamEnd = error === undefined ? { status: 'complete', ...withUsage } : { status: 'partial', error, ...withUsage };
  try {
    // A line that was cut off is closed first, so that what follows begins one of its own.
    let last = facts.wholeFrames ? '' : metered.missing;
    // An error the provider wrote itself has been handed on already.
    if (error !== undefined && error !== metered.error) last += options.errorFrame(error);
    else if (error === undefined) last += options.trailer?.(end) ?? '';
    if (last !== '') await writer.write(options.framing.encode(last));
    await writer.close();
    return end;
  } catch {
    if (complete) return end;
    // Where nobody knows better, the answer broke off because the caller left: it says nothing of the upstream.
    return { status: 'aborted', ...withUsage, ...(known === undefined ? {} : { error: known }) };
  }
}

export const brokenOff = () =>
  new GatewayError(
    'upstream_interrupted',
    'The provider broke off in the middle of its answer. What arrived is genuine and incomplete; ask again.',
  );
