import type { ErrorCode, GatewayError } from './errors.ts';

/** What is left of a vendor's limits, as it was last told, without what has been sent since. */
export interface Headroom {
  readonly requests?: number;
  readonly tokens?: number;
}

/** `open`: not asked. `half-open`: one call finds out whether it may be asked again. */
export type BreakerState = 'closed' | 'open' | 'half-open';

/** How a place has done lately, as this isolate knows it. What is absent has not been seen. */
export interface TargetHealth {
  readonly state: BreakerState;
  /** Milliseconds to the first content, or to the whole answer where none was streamed yet: rises at once with a slow answer and falls slowly. */
  readonly firstTokenMs?: number;
  /** Milliseconds to the first content that 19 of 20 streams stayed within. */
  readonly firstTokenP95?: number;
  /** Milliseconds that 19 of 20 answers took that were not streamed. */
  readonly answerP95?: number;
  readonly tokensPerSecond?: number;
  /** Calls under way from this isolate. */
  readonly inFlight: number;
}

/**
 * One place where a call may be sent: a provider's model with one of its credentials. Written `provider/model#credential`;
 * `#own` where callers bring theirs, `#key@org` where each organisation keeps its own.
 */
export type Place = string;

export const placeName = (provider: string, model: string, credential: string): Place => `${provider}/${model}#${credential}`;

/** `probe`: go, as the one that finds out; nobody else is let through until it has ended. */
export type Admission = 'go' | 'probe' | 'refused';

/** One try at a place. It ends by exactly one of `ended`, `failed` and `left`; what comes after the first of them counts for nothing. */
export interface Try {
  /** The head of the vendor's answer, whatever its status: it may tell what is left of limits. */
  heard(headers: Headers): void;
  /** The first content of a stream has come. */
  began(): void;
  /** The answer is whole. One that never began came at once, when all of it was there. */
  ended(outputTokens: number | undefined): void;
  /** Whether it says anything of the place is worked out from the error: what is the caller's fault does not. */
  failed(error: GatewayError): void;
  /** The caller left, or another answer came first: this says nothing of the place. */
  left(): void;
}

/** When a place is no longer asked, and when again. */
export interface BreakerSettings {
  /** Failures in a row after which it opens. */
  readonly failures: number;
  /** Part of the calls in the window that must fail for it to open, once there are `least` of them. */
  readonly rate: number;
  readonly least: number;
  /** Milliseconds that are looked back on. */
  readonly window: number;
  /** Milliseconds to the first content over which an answer counts as failed; absent: slow is not broken. */
  readonly slow?: number;
  /** Milliseconds for which it stays open before one call finds out; doubled each time that call fails, up to `mostCooldown`. */
  readonly cooldown: number;
  readonly mostCooldown: number;
}

export const DEFAULT_BREAKER: BreakerSettings = {
  failures: 5,
  rate: 0.5,
  least: 10,
  window: 10_000,
  cooldown: 5_000,
  mostCooldown: 60_000,
};

/**
 * How the places do that calls are sent to: known here first, and shared with other isolates within a second. It is a
 * hint for orderings and a gate for tries; nothing is charged by it. Asking it never waits, save for who may probe.
 */
export interface Health {
  of(place: Place): TargetHealth;
  /** What its vendor last said is left, less what has been sent since; with `capacity`, of what was bought. */
  headroom(place: Place, capacity?: { readonly tokens?: number; readonly requests?: number }): Headroom | undefined;
  /** Whether a call may be sent there now. Only where a place has been open and may be tried again is it a promise. */
  admit(place: Place, settings: BreakerSettings): Admission | Promise<Admission>;
  /** Begins a try. `tokens`: what it may take of the place's limits, by estimate; `output`: how much of that its answer may be. */
  begin(place: Place, settings: BreakerSettings, admission: Admission, tokens?: number, output?: number): Try;
  /** Milliseconds since the epoch when a place that is not asked may be tried again; `undefined` where it may be asked now. */
  retryAt(place: Place): number | undefined;
  /** Why a place is not asked: what it failed with last, `upstream_rate_limited` where it only rests. */
  lastError(place: Place): ErrorCode | undefined;
  /**
   * Takes one try beyond the first from what a model's calls have earned: a fifth of a try for each call, and some each
   * second besides. False: no further try, or a dead upstream would cost its callers' load many times over.
   */
  takeRetry(model: string): boolean;
  /** Counts a call, which earns a part of a try. */
  call(model: string): void;
}
