import { GatewayError } from '../errors.ts';
import type { Clock, KeptRoom, Ports } from '../ports.ts';
import { Copy, carryCopied } from './copy.ts';
import type { ClaimPlace, ClaimVerdict, Idempotency, KeptAnswer } from './port.ts';

/** Milliseconds after which a call that is not heard of has lost its key: its isolate is gone. */
export const LEASE = 20_000;
/** How often a lease is renewed before it ends: one renewal that is lost does no harm. */
const RENEWALS = 4;
/** Bytes of an answer that can be told again. */
export const MOST_KEPT = 8 * 1024 * 1024;
/** Milliseconds before who cannot be waited with is asked again. */
const PAUSE = 250;

/** Of one call alone: who it was, how it found its way, what it cost, what stood at its caller's limits, and who may read it. */
const OF_ONE_CALL =
  /^(?:(?:x-weir-|x-)?request-id|x-weir-(?:attempts|cache|cost|decision)|ratelimit.*|(?:x|anthropic)-ratelimit-.*|retry-after|access-control-.*|content-length|date|set-cookie)$/;

export interface ClaimOptions {
  readonly port: Idempotency;
  readonly place: ClaimPlace;
  readonly fingerprint: string;
  readonly clock: Clock;
  /** Aborted when the caller leaves. */
  readonly signal: AbortSignal;
  /** `LEASE`, where nothing is said. */
  readonly lease?: number;
  /** Milliseconds to wait for the answer of another call with the key. */
  readonly patience: number;
  /** Milliseconds for which the answer is kept. */
  readonly keepFor: number;
  readonly room: KeptRoom;
  /** Whether an answer is read on though its caller has left, which it is told by being asked. Absent: it is not. */
  readonly wanted?: (() => boolean) | undefined;
  readonly pipe: Ports['pipe'];
  readonly after: Ports['after'];
  log(message: string, cause: unknown): void;
}

/**
 * Takes the key for a call, or gives the answer that the key stands for already, waiting for it where another call is
 * at work on it. Throws `idempotency_mismatch`, `idempotency_conflict`, and `overloaded` where nobody can say.
 */
export async function claimKey(options: ClaimOptions): Promise<Claim | { readonly answer: KeptAnswer }> {
  const { clock, patience, signal, lease = LEASE } = options;
  const deadline = clock.now() + patience;
  for (;;) {
    const verdict = await asked(options);
    if (verdict.state === 'new') return new Claim(options);
    if (verdict.state === 'done') return { answer: verdict.answer };
    if (verdict.state !== 'running') throw refusal(verdict.state);
    const left = deadline - clock.now();
    if (left <= 0 || signal.aborted) throw stillRunning();
    await waited(options, Math.min(left, lease));
  }
}

async function asked({ port, place, fingerprint, lease = LEASE }: ClaimOptions): Promise<ClaimVerdict> {
  try {
    return await port.claim(place, fingerprint, lease);
  } catch (cause) {
    throw new GatewayError('overloaded', 'It cannot be found out now whether a call with this Idempotency-Key was answered before.', {
      cause,
      retryAfter: 1,
    });
  }
}

async function waited({ port, place, signal }: ClaimOptions, most: number): Promise<void> {
  const left = Promise.withResolvers<void>();
  const leave = () => left.resolve();
  signal.addEventListener('abort', leave, { once: true });
  const ended = port.wait(place, most).catch(() => new Promise<void>((resolve) => setTimeout(resolve, PAUSE)));
  await Promise.race([ended, left.promise]);
  signal.removeEventListener('abort', leave);
}

function refusal(state: 'mismatch' | 'unkept'): GatewayError {
  if (state === 'mismatch') {
    return new GatewayError('idempotency_mismatch', 'Another call had this Idempotency-Key and asked for something else. Use a new key.');
  }
  return new GatewayError(
    'idempotency_conflict',
    `The call with this Idempotency-Key was answered, and its answer is too large to be told again: more than ${MOST_KEPT} bytes.`,
    { retryable: false },
  );
}

const stillRunning = () =>
  new GatewayError('idempotency_conflict', 'A call with this Idempotency-Key is not done yet. Ask again with the same key.', {
    retryAfter: 1,
  });

/** A key that a call holds, until it is said what became of the call: the first word counts. */
export class Claim {
  readonly #options: ClaimOptions;
  readonly #renewing: ReturnType<typeof setInterval>;
  readonly #over = Promise.withResolvers<void>();
  #isOver = false;

  constructor(options: ClaimOptions) {
    this.#options = options;
    this.#renewing = setInterval(() => void this.#renew(), (options.lease ?? LEASE) / RENEWALS);
    // Where the platform ends a call whose caller has left, its key must still be given back.
    options.after(this.#over.promise);
  }

  /** Keeps an answer that is all here, behind its back. */
  async keepWhole(response: Response, isStream = false): Promise<Response> {
    const body = new Uint8Array(await response.arrayBuffer());
    this.#options.after(this.#keep(response, body, isStream));
    return new Response(body, response);
  }

  /** The same answer, whose body is copied as it passes, and kept where it is `good` when it has ended. */
  keepPassing(response: Response, good: Promise<boolean>, isStream: boolean): Response {
    const { body } = response;
    if (body === null) throw new TypeError('an answer without a body is all here');
    const { pipe, after, wanted } = this.#options;
    const { readable, writable } = pipe();
    const copy = new Copy(MOST_KEPT);
    const passed = carryCopied(body, writable, copy, wanted);
    const kept = async () => {
      const [isWhole, isGood] = await Promise.all([passed, good.catch(() => false)]);
      await (isWhole && isGood ? this.#keep(response, copy.whole(), isStream) : this.release());
    };
    after(kept());
    return new Response(readable, response);
  }

  /** Gives the key back: the next call with it is a new one. */
  release(): Promise<void> {
    const { port, place } = this.#options;
    return this.#end(() => port.release(place));
  }

  #keep({ status, headers }: Response, body: Uint8Array | undefined, stream: boolean): Promise<void> {
    const { port, place, keepFor, room } = this.#options;
    const told = Object.fromEntries([...headers].filter(([name]) => !OF_ONE_CALL.test(name)));
    const answer =
      body === undefined || body.length > MOST_KEPT ? undefined : { requestId: place.holder, status, headers: told, stream, body };
    return this.#end(() => port.keep(place, answer, keepFor, room));
  }

  async #end(say: () => Promise<void>): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#renewing);
    try {
      await say();
    } catch (cause) {
      // The lease runs out by itself.
      this.#options.log('An idempotency key was not heard of', cause);
    } finally {
      this.#over.resolve();
    }
  }

  async #renew(): Promise<void> {
    const { port, place, log, lease = LEASE } = this.#options;
    const isHeld = await port.renew(place, lease).catch((cause: unknown) => {
      log('The lease of an idempotency key was not renewed', cause);
      return true;
    });
    if (!isHeld) clearInterval(this.#renewing);
  }
}
