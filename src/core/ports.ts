import type { HitChecks } from './cache/checks.ts';
import type { AnswerCache } from './cache/port.ts';
import type { Usage } from './chat.ts';
import type { Credentials } from './credentials.ts';
import type { Governance } from './governance.ts';
import type { Health } from './health.ts';
import type { Json, JsonObject } from './json.ts';
import type { Pulse, ReservedCalls } from './ledger/holds.ts';
import type { RunSteps } from './ledger/runs.ts';
import type { Embedder } from './meaning/embedder.ts';
import type { VectorIndex } from './meaning/vectors.ts';
import type { NanoUsd } from './money.ts';
import type { AccessTokens } from './oauth.ts';
import type { Affinities } from './routing/affinity.ts';
import type { Sessions } from './session.ts';
import type { Tokenizers } from './tokens/encoding.ts';

/** The kernel's instruments. Implemented in `state/` on Cloudflare, and by fakes in the law suites. */
export interface Ports {
  readonly clock: Clock;
  readonly egress: Egress;
  readonly journal: Journal;
  readonly secrets: Secrets;
  readonly tokens: Tokenizers;
  /** How the places do that calls are sent to; absent where nobody watches them. */
  readonly health?: Health | undefined;
  /** Where conversations were answered last; absent where nobody remembers. */
  readonly affinities?: Affinities | undefined;
  /** How long answers usually are; absent where nobody learns it. */
  readonly usual?: UsualOutput | undefined;
  /** The ledger of an organisation, by way of what this isolate has borrowed where it `lends`; absent where the deployment has none. Throws `overloaded` where it cannot be asked. */
  readonly ledger?: ((org: string, lends: boolean) => ReservedCalls) | undefined;
  /** What has become of an organisation lately, a second old at most; absent where the deployment has no ledger. */
  readonly pulse?: ((org: string) => Pulse | Promise<Pulse>) | undefined;
  /** Counts how often a run has made the same step, this time included; absent where the deployment has no ledger. */
  readonly repeats?: ((org: string, run: string, step: string) => Promise<number>) | undefined;
  /** Absent where the deployment has no ledger. */
  readonly steps?: RunSteps | undefined;
  /** Absent where the deployment has no place or no secret to keep things with: then nothing is kept at all. */
  readonly continuity?: Continuity | undefined;
  /** Where things stay in memory between requests; absent where the deployment has no place or no secret for it. */
  readonly sessions?: Sessions | undefined;
  /** What is shown to servers and is no secret of the deployment; absent where the deployment keeps none. */
  readonly credentials?: Credentials | undefined;
  /** Answers that may be given again; absent where nobody keeps any. */
  readonly answers?: AnswerCache | undefined;
  /** What came of answers that were given by meaning; absent where nobody counts, and then none is given. */
  readonly checks?: HitChecks | undefined;
  /** The embedder that runs in the isolate and asks nobody; absent where its weights are not there. */
  readonly embedder?: Embedder | undefined;
  /** Vectors of texts; absent where nobody keeps any. */
  readonly vectors?: VectorIndex | undefined;
  /** What operators have approved of tools; absent where nobody keeps it. */
  readonly governance?: Governance | undefined;
  /** Tokens that the gateway's own authorization server gave out; absent where the deployment has no place or no secret for them. */
  readonly accessTokens?: AccessTokens | undefined;
  /** Absent where the deployment binds none. */
  readonly models?: PlatformModels | undefined;
  /** Reads what an organisation keeps under these names: `secrets.vault` has it from then on. Absent where nobody keeps anything. Never rejects. */
  unlock?(org: string, names: readonly string[]): Promise<void>;
  /** A native byte pipe without a buffer: what is written is read, and a write is done when it was read. `length`: the bytes it will carry, where they are known. */
  pipe(length?: number): { readonly readable: ReadableStream<Uint8Array>; readonly writable: WritableStream<Uint8Array> };
  /** Two ends of one WebSocket: what is sent into one comes out of the other. */
  sockets(): { readonly caller: WebSocket; readonly gateway: WebSocket };
  /** Keeps the exchange alive until the promise is done, after the response has gone. */
  after(work: Promise<unknown>): void;
}

export interface Clock {
  /** Milliseconds since the epoch. On Workers it moves only with I/O. */
  now(): number;
}

/** What is learnt of the length of answers, for what is held for them. A hint, and never a bound. */
export interface UsualOutput {
  /** Output tokens that 19 of 20 answers of a model stayed within for an app; `undefined` before enough have been seen. */
  of(app: string, model: string): number | undefined;
  note(app: string, model: string, output: number): void;
}

export interface Secrets {
  /** The secret's value, or `undefined` where it is not set. */
  get(name: string): string | undefined;
  /** What the caller's organisation keeps itself; absent where nothing was unlocked for it. */
  readonly vault?: UnlockedVault | undefined;
}

/** What one organisation keeps under the names that were asked for. */
export interface UnlockedVault {
  readonly org: string;
  /** `undefined` where it keeps nothing there. Throws what kept it from being read. */
  get(name: string): string | undefined;
}

export interface EgressRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'HEAD' | 'DELETE';
  /** Exactly what leaves, names in lower case: nothing of the caller's is added. */
  readonly headers: { readonly [name: string]: string };
  readonly body?: Uint8Array | string;
  /** Instead of `body`: bytes that are not here yet, and so can be sent once. */
  readonly stream?: ReadableStream<Uint8Array>;
  readonly signal: AbortSignal;
}

export interface Egress {
  /**
   * The one way out. Never follows a redirect, refuses addresses the environment does not allow.
   * Throws `address_refused`, `upstream_unreachable`, `loop_detected`; an abort rejects with the signal's reason.
   */
  send(request: EgressRequest): Promise<Response>;
  /** Opens a WebSocket, by the same rules. Throws what `send` throws, and gives the answer back where it is no WebSocket. */
  connect(request: EgressRequest): Promise<{ readonly socket: WebSocket } | { readonly refused: Response }>;
}

/** Models that the platform itself runs for the account of the deployment. */
export interface PlatformModels {
  /** Asks one: JSON, or server-sent events where `inputs` ask for a stream, in the model's own form; also its refusals. */
  run(model: string, inputs: JsonObject, signal: AbortSignal): Promise<Response>;
}

/** The place of one kept thing: its id is the caller's or a vendor's, and good within its kind. */
export interface KeptPlace {
  readonly kind: string;
  readonly id: string;
}

export interface KeptEntry extends KeptPlace {
  /** What it follows or belongs to. */
  readonly parent?: KeptPlace;
  readonly value: Json;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** What one owner may keep at most; beyond it the oldest entries go. */
export interface KeptRoom {
  readonly items: number;
  readonly bytes: number;
}

/**
 * What one owner's calls leave for the owner's later calls. Everything is sealed under the owner's own key: another
 * owner's entries cannot be found, and storage alone cannot be read. What has expired is gone.
 */
export interface Continuity {
  put(owner: string, entries: readonly KeptEntry[], room: KeptRoom): Promise<void>;
  /** The values that there are, by id. */
  get(owner: string, kind: string, ids: readonly string[]): Promise<ReadonlyMap<string, Json>>;
  /** A thing and all that it follows, oldest first, kept until `keepUntil` at least; `undefined` where any of them is gone. */
  chain(owner: string, place: KeptPlace, keepUntil: number): Promise<readonly Json[] | undefined>;
  /** What belongs to a thing, oldest first, kept until `keepUntil` at least, as the thing itself is. */
  children(owner: string, parent: KeptPlace, kind: string, keepUntil: number): Promise<readonly Json[]>;
  /** Whether there was one; with it go those of `children` that belong to it. */
  delete(owner: string, place: KeptPlace, children?: string): Promise<boolean>;
  /** The same for the same text: what this owner's calls were handed, and no other owner's. 43 characters of base64url. */
  sign(owner: string, text: string): Promise<string>;
  /** A text that only this owner's calls can open again, as base64; nothing is stored. */
  seal(owner: string, text: string): Promise<string>;
  open(owner: string, sealed: string): Promise<string | undefined>;
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
  /** Whose the call was: the ids of the organisation, its team, its app. */
  readonly org?: string;
  readonly team?: string;
  readonly app?: string;
  readonly keyId?: string;
  /** The end user whom the credential or the caller names; at most 256 characters. */
  readonly user?: string;
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
  /** Tool calls whose results the call brought; absent where no limit had them counted. */
  readonly toolCalls?: number;
  /** What the provider charges; absent where no price is known, which is not the same as nothing. */
  readonly cost?: NanoUsd;
  /** The price it was worked out by: `2026-09-23+359e32` of the catalogue, `config:7` of a configuration. */
  readonly priceVersion?: string;
  readonly metadata?: Json;
  readonly facts?: { readonly [fact: string]: Json };
}

export interface Journal {
  /** Takes a row; never throws and never makes the exchange wait. */
  record(row: RequestRecord): void;
}
