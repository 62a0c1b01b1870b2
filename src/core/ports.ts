import type { Usage } from './chat.ts';
import type { Json } from './json.ts';

/** The kernel's instruments. Implemented in `state/` on Cloudflare, and by fakes in the law suites. */
export interface Ports {
  readonly clock: Clock;
  readonly egress: Egress;
  readonly journal: Journal;
  readonly secrets: Secrets;
  /** A native byte pipe without a buffer: what is written is read, and a write is done when it was read. */
  pipe(): { readonly readable: ReadableStream<Uint8Array>; readonly writable: WritableStream<Uint8Array> };
  /** Keeps the exchange alive until the promise is done, after the response has gone. */
  after(work: Promise<unknown>): void;
}

export interface Clock {
  /** Milliseconds since the epoch. On Workers it moves only with I/O. */
  now(): number;
}

export interface Secrets {
  /** The secret's value, or `undefined` where it is not set. */
  get(name: string): string | undefined;
}

export interface EgressRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST' | 'HEAD';
  /** Exactly what leaves, names in lower case: nothing of the caller's is added. */
  readonly headers: { readonly [name: string]: string };
  readonly body?: Uint8Array | string;
  readonly signal: AbortSignal;
}

export interface Egress {
  /**
   * The one way out. Never follows a redirect, refuses addresses the environment does not allow.
   * Throws `address_refused`, `upstream_unreachable`, `loop_detected`; an abort rejects with the signal's reason.
   */
  send(request: EgressRequest): Promise<Response>;
}

export type OutcomeStatus =
  /** The answer reached its own end. */
  | 'complete'
  /** The upstream broke off after content had been sent. */
  | 'partial'
  /** The caller left. */
  | 'aborted'
  /** No content was sent: refused here, or every target failed. */
  | 'failed';

/** What one exchange came to: exactly one a request. Written once, as one row of `requests`. */
export interface RequestRecord {
  readonly id: string;
  readonly startedAt: number;
  readonly durationMs: number;
  /** To the first content event; absent when none came. */
  readonly firstTokenMs?: number;
  readonly keyId?: string;
  readonly run?: string;
  readonly route: string;
  readonly dialect?: string;
  readonly askedModel?: string;
  /** `provider/model` that served. */
  readonly servedModel?: string;
  readonly status: OutcomeStatus;
  readonly httpStatus: number;
  readonly errorCode?: string;
  readonly stream: boolean;
  readonly lane?: string;
  readonly attempts: number;
  readonly usage?: Usage;
  readonly metadata?: Json;
  readonly facts?: { readonly [fact: string]: Json };
}

export interface Journal {
  /** Takes a row; never throws and never makes the exchange wait. */
  record(row: RequestRecord): void;
}
