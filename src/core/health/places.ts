import type { ErrorCode } from '../errors.ts';
import type { Admission, BreakerSettings, Headroom, Health, Place, TargetHealth, Try } from '../health.ts';
import type { Clock } from '../ports.ts';
import type { Capacity } from './headroom.ts';
import { PlaceRecord } from './place-record.ts';
import { PlaceTry } from './place-try.ts';
import { RetryBudgets } from './retry-budget.ts';

/** Places that are remembered; strangers may name models that do not exist. */
const MOST_PLACES = 2_000;
/** Of those, how many are forgotten at once: looking for them costs as much for one as for many. */
const FORGOTTEN = 200;

export interface PlacesOptions {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly most?: number;
}

/** Which places: absent parts stand for all. */
export interface PlaceFilter {
  readonly provider?: string | undefined;
  readonly model?: string | undefined;
  readonly credential?: string | undefined;
}

const UNKNOWN: TargetHealth = Object.freeze({ state: 'closed', inFlight: 0 });

/** How places do as far as this isolate has seen, and been told. */
export class Places implements Health {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #most: number;
  readonly #records = new Map<Place, PlaceRecord>();
  readonly #budgets = new RetryBudgets();

  constructor({ clock, random, most = MOST_PLACES }: PlacesOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#most = most;
  }

  of(place: Place): TargetHealth {
    const record = this.#records.get(place);
    if (record === undefined) return UNKNOWN;
    const now = this.#clock.now();
    const { breaker, latency, inFlight } = record;
    const firstTokenMs = latency.firstTokenMs(now);
    const { p95, answerP95, tokensPerSecond } = latency;
    return {
      state: breaker.state(now),
      inFlight,
      ...(firstTokenMs === undefined ? undefined : { firstTokenMs }),
      ...(p95 === undefined ? undefined : { firstTokenP95: p95 }),
      ...(answerP95 === undefined ? undefined : { answerP95 }),
      ...(tokensPerSecond === undefined ? undefined : { tokensPerSecond }),
    };
  }

  /** Before anything was sent all that was bought is left. */
  headroom(place: Place, capacity?: Capacity): Headroom | undefined {
    const record = this.#records.get(place);
    if (record !== undefined) return record.limits.left(this.#clock.now(), capacity);
    return capacity?.tokens === undefined && capacity?.requests === undefined ? undefined : capacity;
  }

  admit(place: Place, _settings?: BreakerSettings): Admission {
    return this.#records.get(place)?.breaker.admit(this.#clock.now()) ?? 'go';
  }

  /** `output`: how much of `tokens` is foreseen for the answer, which its true length takes the place of. */
  begin(place: Place, settings: BreakerSettings, admission: Admission, tokens = 0, output?: number, noted?: () => void): Try {
    const tools = { clock: this.#clock, random: this.#random, noted };
    return new PlaceTry(this.record(place), settings, admission, tools, tokens, output);
  }

  retryAt(place: Place): number | undefined {
    return this.#records.get(place)?.breaker.retryAt(this.#clock.now());
  }

  lastError(place: Place): ErrorCode | undefined {
    return this.#records.get(place)?.breaker.reason(this.#clock.now());
  }

  takeRetry(model: string): boolean {
    return this.#budgets.take(model, this.#clock.now());
  }

  call(model: string): void {
    this.#budgets.call(model, this.#clock.now());
  }

  /** All that is known of places. */
  get records(): IterableIterator<PlaceRecord> {
    return this.#records.values();
  }

  known(place: Place): PlaceRecord | undefined {
    return this.#records.get(place);
  }

  /** What is known of a place, from now on. */
  record(place: Place): PlaceRecord {
    const known = this.#records.get(place);
    if (known !== undefined) return known;
    if (this.#records.size >= this.#most) this.#forget();
    const record = new PlaceRecord(place, this.#clock.now());
    this.#records.set(place, record);
    return record;
  }

  /** Closes what is open, and ends rests. */
  reset(filter: PlaceFilter): void {
    const now = this.#clock.now();
    for (const record of this.#records.values()) {
      if (!isMeant(record.place, filter)) continue;
      record.breaker.reset(now);
      record.change = undefined;
      record.hasRested = false;
    }
  }

  /** The idlest go first, and of those that are open or under way only what must. */
  #forget(): void {
    const now = this.#clock.now();
    const rank = ({ breaker, inFlight }: PlaceRecord) => (inFlight === 0 && breaker.state(now) === 'closed' ? 0 : 1);
    const idlest = [...this.#records.values()].sort((one, other) => rank(one) - rank(other) || one.seenAt - other.seenAt);
    const some = Math.max(1, Math.min(FORGOTTEN, Math.floor(this.#most / 10)));
    for (const { place } of idlest.slice(0, some)) this.#records.delete(place);
  }
}

/** The parts of a place's name. A model's may hold slashes and hashes, a provider's and a credential's neither. */
export function partsOf(place: Place): { readonly provider: string; readonly model: string; readonly credential: string } {
  const slash = place.indexOf('/');
  const hash = place.lastIndexOf('#');
  return { provider: place.slice(0, slash), model: place.slice(slash + 1, hash), credential: place.slice(hash + 1) };
}

export function isMeant(place: Place, filter: PlaceFilter): boolean {
  const { provider, model, credential } = partsOf(place);
  return (
    (filter.provider === undefined || filter.provider === provider) &&
    (filter.model === undefined || filter.model === model) &&
    (filter.credential === undefined || filter.credential === credential)
  );
}
