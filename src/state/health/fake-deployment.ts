import { GatewayError } from '../../core/errors.ts';
import { Board } from '../../core/health/board.ts';
import { Places } from '../../core/health/places.ts';
import { type Admission, type BreakerSettings, DEFAULT_BREAKER, placeName } from '../../core/health.ts';
import type { Clock } from '../../core/ports.ts';
import { systemClock } from '../ports.ts';
import { HealthDesk } from './desk.ts';
import { type BoardStub, SharedHealth } from './shared-health.ts';

// A deployment of several isolates, for tests. Production code must not import this file.

export const settings: BreakerSettings = { ...DEFAULT_BREAKER, failures: 4, cooldown: 5_000, mostCooldown: 20_000 };
export const place = placeName('mock', 'a', 'key');
export const dead = new GatewayError('upstream_unreachable', 'x');

/** A deployment whose time moves by hand, or by itself where `clock` is the real one. */
export class Deployment {
  now = 1_800_000_000_000;
  readonly clock: Clock;
  /** Messages that were sent, by what they ask. */
  readonly sent: string[] = [];
  board: BoardStub;
  #sleepers: { readonly until: number; readonly wake: () => void }[] = [];
  #names = 0;

  constructor({ board, clock }: { readonly board?: BoardStub; readonly clock?: Clock } = {}) {
    this.clock = clock ?? { now: () => this.now };
    this.board = board ?? this.newBoard();
  }

  newBoard(): BoardStub {
    const board = new Board({ id: crypto.randomUUID(), random: () => 0.5 });
    const { clock } = this;
    return {
      exchange: async ({ isolate, told, board: known, version }) => {
        board.hear(isolate, told, clock.now());
        return board.news(known, version, clock.now());
      },
      probe: async (isolate, at, standing) => board.probe(isolate, at, standing, clock.now()),
      reset: async (filter) => board.reset(filter, clock.now()),
      list: async () => board.list(clock.now()),
    };
  }

  isolate() {
    return new Isolate(this, `isolate-${this.#names++}`);
  }

  /** The board as isolates reach it, and what they sent. */
  reached(): BoardStub {
    const counted =
      <Args extends unknown[], T>(name: string, ask: (...args: Args) => Promise<T>) =>
      (...args: Args) => {
        this.sent.push(name);
        return ask(...args);
      };
    const { board } = this;
    return {
      exchange: counted('exchange', (message) => board.exchange(message)),
      probe: counted('probe', (isolate, at, standing) => board.probe(isolate, at, standing)),
      reset: counted('reset', (filter) => board.reset(filter)),
      list: counted('list', () => board.list()),
    };
  }

  sleep(milliseconds: number): Promise<void> {
    if (this.clock === systemClock) return new Promise((resolve) => setTimeout(resolve, milliseconds));
    return new Promise((wake) => this.#sleepers.push({ until: this.now + milliseconds, wake }));
  }

  /** Lets time pass, and all that waited for it be done. */
  async pass(milliseconds: number): Promise<void> {
    this.now += milliseconds;
    const woken = this.#sleepers.filter(({ until }) => until <= this.now);
    this.#sleepers = this.#sleepers.filter(({ until }) => until > this.now);
    for (const { wake } of woken) wake();
    await settled();
  }
}

/** Everything that can go on without time passing has gone on. */
export async function settled() {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

export class Isolate {
  readonly places: Places;
  readonly shared: SharedHealth;
  readonly desk: HealthDesk;
  readonly #behind: Promise<unknown>[] = [];

  constructor(deployment: Deployment, name: string) {
    const { clock } = deployment;
    this.places = new Places({ clock, random: () => 0.5 });
    this.shared = new SharedHealth({
      places: this.places,
      clock,
      isolate: name,
      board: () => deployment.reached(),
      sleep: (milliseconds) => deployment.sleep(milliseconds),
    });
    this.desk = new HealthDesk(this.places, clock, this.shared);
  }

  health() {
    return this.shared.for((work) => this.#behind.push(work));
  }

  /** What went behind the answers. */
  async done(): Promise<void> {
    for (let next = this.#behind.shift(); next !== undefined; next = this.#behind.shift()) await next;
  }

  async admit(at = place): Promise<Admission> {
    return this.health().admit(at, settings);
  }

  /** One call; returns whether it was let through. */
  async call(error?: GatewayError, at = place): Promise<Admission> {
    const health = this.health();
    const admission = await health.admit(at, settings);
    if (admission === 'refused') return admission;
    const trying = health.begin(at, settings, admission, 10, 5);
    if (error === undefined) trying.ended(5);
    else trying.failed(error);
    await settled();
    return admission;
  }
}

/** Two isolates, one of which has found that the place does not answer. */
export async function fallen(deployment = new Deployment()) {
  const [one, other] = [deployment.isolate(), deployment.isolate()];
  await other.call();
  for (let call = 0; call < 4; call++) await one.call(dead);
  return { deployment, one, other };
}
