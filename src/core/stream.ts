import { callerLeft, type StreamEnd, type StreamOptions } from './closing.ts';
import { GatewayError } from './errors.ts';
import type { Opened } from './opening.ts';
import { pipeLane } from './pipe.ts';
import { pumpLane } from './pump.ts';

/**
 * Carries a stream to the caller. Where the upstream has not answered yet, the caller gets pings until it has:
 * they keep the connection alive and are the only way to notice that the caller has left.
 */
export async function carryStream(
  writable: WritableStream<Uint8Array>,
  upstream: Opened | Promise<Opened>,
  options: StreamOptions,
): Promise<StreamEnd> {
  let opened: Opened;
  let caller = writable;
  if (upstream instanceof Promise) {
    const waited = await waitWithPings(writable, upstream, options);
    if ('status' in waited) return waited;
    opened = waited.opened;
    if (waited.left) caller = nobody();
  } else opened = upstream;
  return opened.native ? pipeLane(caller, opened, options) : pumpLane(caller, opened, options);
}

/** In the place of a caller who has left: the platform does not give back a stream that has failed once. */
const nobody = () =>
  new WritableStream<Uint8Array>({
    write() {
      throw callerLeft();
    },
  });

async function waitWithPings(
  writable: WritableStream<Uint8Array>,
  upstream: Promise<Opened>,
  options: StreamOptions,
): Promise<{ readonly opened: Opened; readonly left: boolean } | StreamEnd> {
  const writer = writable.getWriter();
  let left = false;
  const pinging = setInterval(() => {
    const { ping } = options.framing;
    if (ping === undefined) return;
    writer.write(ping).catch(() => {
      left = true;
    });
  }, options.ping);
  const stopped = Promise.withResolvers<GatewayError>();
  const watching = setInterval(() => {
    const verdict = options.verdict?.();
    if (verdict !== undefined) stopped.resolve(verdict);
  }, WATCH);
  const leave = writer.closed.catch(() => undefined).then(() => 'left' as const);
  try {
    let first = await Promise.race([upstream, leave, stopped.promise]);
    left ||= first === 'left';
    if (left) options.left?.();
    const isGivenUp = left && options.isWanted?.() !== true;
    if (first === 'left' && !isGivenUp) first = await Promise.race([upstream, stopped.promise]);
    if (first === 'left' || isGivenUp) {
      giveUp(upstream, options, callerLeft());
      return { status: 'aborted' };
    }
    if (first instanceof GatewayError) {
      giveUp(upstream, options, first);
      throw first;
    }
    writer.releaseLock();
    return { opened: first, left };
  } catch (thrown) {
    const error = GatewayError.from(thrown);
    await writer.write(options.framing.encode(options.errorFrame(error))).catch(() => undefined);
    await writer.close().catch(() => undefined);
    return { status: 'failed', error };
  } finally {
    clearInterval(pinging);
    clearInterval(watching);
  }
}

/** Milliseconds between two looks whether the call may go on. */
const WATCH = 1_000;

function giveUp(upstream: Promise<Opened>, options: StreamOptions, reason: GatewayError): void {
  options.giveUp();
  void upstream.then(
    (opened) => opened.abort(reason),
    () => undefined,
  );
}
