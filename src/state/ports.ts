import type { HitChecks } from '../core/cache/checks.ts';
import type { AnswerCache } from '../core/cache/port.ts';
import type { Credentials } from '../core/credentials.ts';
import type { Governance } from '../core/governance.ts';
import type { Health } from '../core/health.ts';
import type { ReservedCalls } from '../core/ledger/holds.ts';
import type { Embedder } from '../core/meaning/embedder.ts';
import type { VectorIndex } from '../core/meaning/vectors.ts';
import type { AccessTokens } from '../core/oauth.ts';
import type { Clock, Continuity, Egress, Journal, PlatformModels, Ports, Secrets, UsualOutput } from '../core/ports.ts';
import type { Affinities } from '../core/routing/affinity.ts';
import type { Sessions } from '../core/session.ts';
import type { Tokenizers } from '../core/tokens/encoding.ts';
import { unlocked } from './credentials/unlocked.ts';

/** What all requests of an isolate share. */
export interface SharedPorts {
  readonly clock: Clock;
  readonly egress: Egress;
  readonly secrets: Secrets;
  readonly tokens: Tokenizers;
  journal(after: After): Journal;
  /** How places do: what it has to tell and to ask goes behind the request's answer. */
  health(after: After): Health;
  readonly ledger?: LedgerOf | undefined;
  /** Absent where nothing can be kept. */
  readonly continuity?: (() => Continuity) | undefined;
  readonly sessions?: Sessions | undefined;
  readonly credentials?: Credentials | undefined;
  readonly accessTokens?: AccessTokens | undefined;
  readonly governance?: Governance | undefined;
  readonly models?: PlatformModels | undefined;
  readonly embedder?: Embedder | undefined;
  /** Absent where nothing can be kept. */
  readonly vectors?: (() => VectorIndex) | undefined;
  answers(after: After): AnswerCache;
  /** What came of answers that were given by meaning; absent where nobody counts. */
  readonly checks?: ((after: After) => HitChecks) | undefined;
  readonly usual: UsualOutput;
  readonly affinities: Affinities;
  readonly pulse?: Ports['pulse'];
  readonly repeats?: Ports['repeats'];
  readonly steps?: Ports['steps'];
}

/** The kernel's instruments for one request on Cloudflare. Those that not every call needs are made when one does. */
export class RequestPorts implements Ports {
  readonly clock: Clock;
  readonly egress: Egress;
  secrets: Secrets;
  readonly tokens: Tokenizers;
  readonly usual: UsualOutput;
  readonly affinities: Affinities;
  readonly pulse: Ports['pulse'];
  readonly repeats: Ports['repeats'];
  readonly steps: Ports['steps'];
  readonly models: PlatformModels | undefined;
  readonly embedder: Embedder | undefined;
  readonly sessions: Sessions | undefined;
  readonly credentials: Credentials | undefined;
  readonly accessTokens: AccessTokens | undefined;
  readonly governance: Governance | undefined;
  readonly after: After;
  readonly #shared: SharedPorts;
  #health: Health | undefined;
  #journal: Journal | undefined;
  #continuity: Continuity | undefined;
  #answers: AnswerCache | undefined;
  #checks: HitChecks | undefined;
  #vectors: VectorIndex | undefined;

  constructor(shared: SharedPorts, after: After) {
    this.#shared = shared;
    this.after = after;
    this.clock = shared.clock;
    this.egress = shared.egress;
    this.secrets = shared.secrets;
    this.tokens = shared.tokens;
    this.usual = shared.usual;
    this.affinities = shared.affinities;
    this.pulse = shared.pulse;
    this.repeats = shared.repeats;
    this.steps = shared.steps;
    this.models = shared.models;
    this.embedder = shared.embedder;
    this.sessions = shared.sessions;
    this.credentials = shared.credentials;
    this.accessTokens = shared.accessTokens;
    this.governance = shared.governance;
  }

  get health(): Health {
    this.#health ??= this.#shared.health(this.after);
    return this.#health;
  }

  get journal(): Journal {
    this.#journal ??= this.#shared.journal(this.after);
    return this.#journal;
  }

  get continuity(): Continuity | undefined {
    this.#continuity ??= this.#shared.continuity?.();
    return this.#continuity;
  }

  get checks(): HitChecks | undefined {
    this.#checks ??= this.#shared.checks?.(this.after);
    return this.#checks;
  }

  get answers(): AnswerCache {
    this.#answers ??= this.#shared.answers(this.after);
    return this.#answers;
  }

  get vectors(): VectorIndex | undefined {
    this.#vectors ??= this.#shared.vectors?.();
    return this.#vectors;
  }

  get ledger(): Ports['ledger'] {
    const { ledger } = this.#shared;
    return ledger && ((org, lends) => ledger(org, lends, this.after));
  }

  async unlock(org: string, names: readonly string[]): Promise<void> {
    const { credentials, secrets } = this.#shared;
    if (credentials === undefined) return;
    const vault = await unlocked(credentials, org, names);
    this.secrets = { get: (name) => secrets.get(name), vault };
  }

  pipe(length?: number): ReturnType<Ports['pipe']> {
    return length === undefined ? new IdentityTransformStream() : new FixedLengthStream(length);
  }

  sockets(): ReturnType<Ports['sockets']> {
    const { 0: caller, 1: gateway } = new WebSocketPair();
    return { caller, gateway };
  }
}

type After = (work: Promise<unknown>) => void;
type LedgerOf = (org: string, lends: boolean, after: After) => ReservedCalls;

export const systemClock: Clock = { now: () => Date.now() };

/** Secrets are string bindings of the Worker. */
export const envSecrets = (env: object): Secrets => ({
  get(name) {
    const value: unknown = Object.hasOwn(env, name) ? Reflect.get(env, name) : undefined;
    return typeof value === 'string' && value !== '' ? value : undefined;
  },
});
