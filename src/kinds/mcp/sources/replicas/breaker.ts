import { GatewayError } from '../../../../core/errors.ts';
import type { Clock } from '../../../../core/ports.ts';

/** Refusals that say that nothing was done: the request never left, or was turned away at the door. */
const TURNED_AWAY: ReadonlySet<string> = new Set([
  'address_refused',
  'provider_key_missing',
  'upstream_credential',
  'upstream_rate_limited',
]);
/** Failures of who serves, after which nobody knows how far it got. */
const BROKEN: ReadonlySet<string> = new Set([
  ...['upstream_unreachable', 'upstream_error', 'upstream_overloaded', 'upstream_interrupted', 'upstream_invalid', 'upstream_timeout'],
]);

const codeOf = (thrown: unknown): string => (thrown instanceof GatewayError ? thrown.code : '');

/** Whether another may be asked the same: `isRepeatable` where asking twice does no more than asking once. */
export function mayGoOn(thrown: unknown, isRepeatable: boolean): boolean {
  const code = codeOf(thrown);
  // The time of the request is used up.
  if (code === 'upstream_timeout') return false;
  return TURNED_AWAY.has(code) || (isRepeatable && BROKEN.has(code));
}

/** Which replicas have failed lately, as one isolate or session has seen it. */
export class Breaker {
  readonly #clock: Clock;
  readonly #avoid: number;
  readonly #until = new Map<number, number>();
  readonly #goodAt = new Map<number, number>();

  /** `avoid`: milliseconds for which one that failed is asked last. */
  constructor(clock: Clock, avoid: number) {
    this.#clock = clock;
    this.#avoid = avoid;
  }

  isClosed(replica: number): boolean {
    return (this.#until.get(replica) ?? 0) <= this.#clock.now();
  }

  /** Those that do well as they are given, then the others, those first that failed longest ago. */
  order(replicas: readonly number[]): readonly number[] {
    const broken = replicas.filter((each) => !this.isClosed(each));
    return [
      ...replicas.filter((each) => this.isClosed(each)),
      ...broken.toSorted((a, b) => (this.#until.get(a) ?? 0) - (this.#until.get(b) ?? 0)),
    ];
  }

  /** Whether it has answered so lately, in milliseconds. */
  isFresh(replica: number, within: number): boolean {
    const at = this.#goodAt.get(replica);
    return at !== undefined && this.#clock.now() - at < within;
  }

  good(replica: number): void {
    this.#until.delete(replica);
    this.#goodAt.set(replica, this.#clock.now());
  }

  /** Takes note of a failure where it is one of who serves. */
  failed(replica: number, thrown: unknown): void {
    const code = codeOf(thrown);
    if (!BROKEN.has(code) && !TURNED_AWAY.has(code)) return;
    this.#goodAt.delete(replica);
    this.#until.set(replica, this.#clock.now() + this.#avoid);
  }
}
