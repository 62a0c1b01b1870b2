import { GatewayError, outOfTime } from '../../../../core/errors.ts';
import type { OutcomeStatus, Ports } from '../../../../core/ports.ts';
import type { Vigil } from '../../../../core/vigil.ts';
import type { SessionMeter } from './usage.ts';

/** Characters or bytes of one frame; OpenAI's own limit on a piece of audio is 15 MB. */
const MAX_FRAME = 16 * 1024 * 1024;

/** What may wait to pass, of the same measure. */
const MAX_QUEUE = 2 * MAX_FRAME;

export interface RelayLimits {
  /** Milliseconds in which neither side says anything. */
  readonly idle: number;
  /** Milliseconds that a session may last. */
  readonly total: number;
  /** Whether its caller may still be served. */
  readonly vigil?: Vigil | undefined;
}

export interface SessionEnd {
  readonly status: OutcomeStatus;
  readonly error?: GatewayError;
}

/** Who decides whether a session may go on. A promise that rejects ends it, with its reason. */
export interface SessionGuard {
  /** Before a frame of the caller's passes: once the promise says so, or at once where there is none. */
  asked(frame: string | ArrayBuffer): Promise<void> | undefined;
  /** After a frame of the provider's was metered. */
  heard(frame: string): Promise<void> | undefined;
  /** Every few seconds. */
  watch(): Promise<void> | undefined;
}

/** Milliseconds between two looks at whether the caller may still be served. */
const LOOK_EVERY = 1_000;

/** How a side said goodbye. */
interface Farewell {
  readonly code: number;
  readonly reason: string;
}

/** RFC 6455 section 7.4.1: these stand for what happened and must not be sent. */
const UNSENDABLE = new Set([1005, 1006, 1015]);

/** Carries frames both ways until one side closes, as it closed, or a limit is reached. Never rejects. */
export function relaySockets(
  caller: WebSocket,
  provider: WebSocket,
  meter: SessionMeter,
  limits: RelayLimits,
  ports: Ports,
  guard?: SessionGuard,
): Promise<SessionEnd> {
  const session = new Session(caller, provider, meter, limits, ports, guard);
  return session.ended;
}

class Session {
  readonly #caller: WebSocket;
  readonly #provider: WebSocket;
  readonly #limits: RelayLimits;
  readonly #ports: Ports;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #looks: ReturnType<typeof setInterval> | undefined;
  readonly #startedAt: number;
  readonly #guard: SessionGuard | undefined;
  /** The caller's frames that wait for leave to pass, in their order. */
  #queue: Promise<void> | undefined;
  #queuedSize = 0;
  #lastFrameAt: number;
  #finish: (end: SessionEnd) => void = () => undefined;
  #isOver = false;
  readonly ended: Promise<SessionEnd>;

  constructor(
    caller: WebSocket,
    provider: WebSocket,
    meter: SessionMeter,
    limits: RelayLimits,
    ports: Ports,
    guard: SessionGuard | undefined,
  ) {
    this.#guard = guard;
    this.#caller = caller;
    this.#provider = provider;
    this.#limits = limits;
    this.#ports = ports;
    this.#startedAt = this.#lastFrameAt = ports.clock.now();
    this.ended = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.#carry(caller, (frame) => this.#ask(frame));
    this.#carry(provider, (frame) => {
      if (typeof frame === 'string') meter.see(frame);
      this.#send(caller, frame);
      if (typeof frame === 'string') this.#guarded(guard?.heard(frame));
    });
    caller.addEventListener('close', ({ code, reason }) => this.#callerLeft({ code, reason }));
    caller.addEventListener('error', () => this.#callerLeft({ code: 1006, reason: '' }));
    provider.addEventListener('close', ({ code, reason }) => this.#providerLeft({ code, reason }));
    provider.addEventListener('error', () => this.#providerLeft({ code: 1006, reason: '' }));
    this.#timer = setInterval(() => this.#watch(), Math.max(10, Math.min(5_000, limits.idle / 4)));
    const { vigil } = limits;
    if (vigil !== undefined) this.#looks = setInterval(() => this.#look(vigil), LOOK_EVERY);
    for (const socket of [caller, provider]) {
      socket.binaryType = 'arraybuffer';
      socket.accept();
    }
  }

  #carry(from: WebSocket, pass: (frame: string | ArrayBuffer) => void): void {
    from.addEventListener('message', ({ data }) => {
      if (this.#isOver) return;
      this.#lastFrameAt = this.#ports.clock.now();
      const size = typeof data === 'string' ? data.length : data.byteLength;
      if (size > MAX_FRAME) {
        const error = new GatewayError(
          from === this.#caller ? 'request_too_large' : 'event_too_large',
          `A frame is larger than ${MAX_FRAME} bytes.`,
        );
        this.#break(error, 1009);
        return;
      }
      pass(data);
    });
  }

  #send(to: WebSocket, frame: string | ArrayBuffer): void {
    try {
      to.send(frame);
    } catch {
      // It is closing: its own farewell ends the session.
    }
  }

  #ask(frame: string | ArrayBuffer): void {
    const wait = this.#queue === undefined ? this.#guard?.asked(frame) : this.#queue.then(() => this.#guard?.asked(frame));
    if (wait === undefined) {
      this.#send(this.#provider, frame);
      return;
    }
    const size = typeof frame === 'string' ? frame.length : frame.byteLength;
    this.#queuedSize += size;
    if (this.#queuedSize > MAX_QUEUE) this.#break(new GatewayError('overloaded', 'Too much was said while the limits were checked.'), 1013);
    const passed = wait.then(() => {
      this.#queuedSize -= size;
      if (!this.#isOver) this.#send(this.#provider, frame);
      if (this.#queue === passed) this.#queue = undefined;
    });
    this.#queue = passed;
    this.#guarded(passed);
  }

  #guarded(leave: Promise<void> | undefined): void {
    leave?.catch((thrown: unknown) => this.#break(GatewayError.from(thrown), 1008));
  }

  #callerLeft({ code, reason }: Farewell): void {
    close(this.#caller, code, reason);
    close(this.#provider, code, reason);
    this.#over({ status: code === 1006 ? 'aborted' : 'complete' });
  }

  #providerLeft({ code, reason }: Farewell): void {
    if (code === 1006 || code === 1015) {
      this.#break(new GatewayError('upstream_interrupted', 'The provider broke off the session. Connect again.'), 1011);
      return;
    }
    close(this.#provider, code, reason);
    close(this.#caller, code, reason);
    this.#over({ status: 'complete' });
  }

  #watch(): void {
    const now = this.#ports.clock.now();
    this.#guarded(this.#guard?.watch());
    if (now - this.#lastFrameAt >= this.#limits.idle) {
      this.#break(outOfTime(`Nobody said anything for ${this.#limits.idle} ms: the session is over.`), 1001);
    } else if (now - this.#startedAt >= this.#limits.total) {
      this.#break(outOfTime(`The session lasted ${this.#limits.total} ms, which is the most it may.`), 1001);
    }
  }

  #look(vigil: Vigil): void {
    const verdict = vigil.verdict();
    if (verdict !== undefined) this.#break(verdict, 1008);
  }

  /** Ends it from here: the caller is told why in an event of its own protocol, then by the code. */
  #break(error: GatewayError, code: number): void {
    if (this.#isOver) return;
    try {
      this.#caller.send(JSON.stringify(errorEvent(error)));
    } catch {
      // The caller is gone already.
    }
    close(this.#caller, code, error.code);
    close(this.#provider, 1000, '');
    this.#over({ status: 'partial', error });
  }

  #over(end: SessionEnd): void {
    this.#isOver = true;
    clearInterval(this.#timer);
    clearInterval(this.#looks);
    this.#finish(end);
  }
}

/** https://platform.openai.com/docs/api-reference/realtime-server-events/error */
const errorEvent = (error: GatewayError) => ({
  type: 'error',
  event_id: `event_${crypto.randomUUID().replaceAll('-', '')}`,
  error: {
    type: error.status < 500 ? 'invalid_request_error' : 'server_error',
    code: error.code,
    message: error.message,
    param: null,
    event_id: null,
  },
});

/** Both sides may have closed by then, which is what was wanted. */
function close(socket: WebSocket, code: number, reason: string): void {
  try {
    if (UNSENDABLE.has(code)) socket.close();
    else socket.close(code, reason);
  } catch {
    // It was closed.
  }
}
