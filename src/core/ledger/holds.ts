import type { LedgerEvent } from './alerts.ts';
import type { Meter, Standing } from './meters.ts';
import type { Amounts, HeldTake, Level, Take, Unit } from './take.ts';
import type { UsageDraft, UsageReport, UsageRow } from './usage.ts';
import type { Window } from './windows.ts';

/** What a call asks for before it begins. */
export interface NewHold {
  /** The caller's: the same id asks for the same hold again and never for a second one. */
  readonly id: string;
  /** What may be stopped: the run it is of. */
  readonly subjects: readonly string[];
  /** The organisation's generation when the caller learnt what it knows of whoever asks. */
  readonly generation: number;
  readonly takes: readonly Take[];
  /** Milliseconds after which the hold counts as abandoned. */
  readonly ttl: number;
  readonly usage: UsageDraft;
  /** Units of which the caller asks for less where they are refused: that is no refusal of its call yet. */
  readonly yields?: readonly Unit[];
}

/** A hold as it is kept. */
export interface Hold {
  readonly id: string;
  readonly subjects: readonly string[];
  readonly generation: number;
  readonly takes: readonly HeldTake[];
  readonly expiresAt: number;
  readonly usage: UsageDraft;
  /** Lent to an isolate, rather than held for one call. */
  readonly lease?: true;
}

export type Refusal =
  /** The meter that keeps the call waiting longest. Without `freesAt`, time alone does not help. */
  | {
      readonly reason: 'limit';
      readonly level: Level;
      readonly subject: string;
      readonly unit: Unit;
      readonly window: Window;
      readonly limit: number;
      readonly used: number;
      readonly asked: number;
      readonly freesAt?: number;
    }
  /** What the caller knows of who asks is out of date: read it again, and ask with the generation of that. */
  | { readonly reason: 'outdated' }
  | { readonly reason: 'stopped'; readonly subject: string }
  /** The hold of this id is over. */
  | { readonly reason: 'ended' }
  /** There is no hold of this id to move. */
  | { readonly reason: 'unknown' };

export type Reserved =
  | { readonly allowed: true; readonly generation: number; readonly standings: readonly Standing[] }
  | { readonly allowed: false; readonly generation: number; readonly refusal: Refusal; readonly standings: readonly Standing[] };

export interface Settlement {
  /** By unit, for every meter of it; a unit that is absent counts as it was held. */
  readonly actual: Amounts;
  readonly usage: UsageReport;
}

export type Ending = 'settled' | 'released' | 'abandoned';

/** How a hold ended; `unknown` where there never was one, or its end is forgotten. */
export interface Ended {
  readonly ending: Ending | 'unknown';
  /** Whether this very call ended it. */
  readonly now: boolean;
  /** True where the numbers could not be true and the estimate was counted instead. */
  readonly rejected?: true;
}

/** Whether a hold is still good: what a long stream asks now and then. */
export interface Extended {
  readonly state: 'open' | 'ended';
  /** Set where the call must not go on. */
  readonly refusal?: Refusal;
}

/** What ends one call, however it is told. */
export interface ReservedCalls {
  /** `alike`: the same for calls that take from the same meters under the same limits, so that need not be found out of each. */
  reserve(hold: NewHold, alike?: object): Promise<Reserved>;
  /** Holds for another target instead: limits are those of the model that serves. On refusal everything stays as it was. */
  move(id: string, takes: readonly Take[], usage: UsageDraft): Promise<Reserved>;
  settle(id: string, settlement: Settlement): Promise<Ended>;
  /** Gives everything back: nothing was asked of any provider. */
  release(id: string): Promise<Ended>;
  extend(id: string, ttl: number): Promise<Extended>;
  /**
   * Until the ledger knows of a call that was let through without asking it; `undefined` where it does. An answer that
   * waits for this has its row, whatever ends without a word. Never rejects.
   */
  kept?(id: string): Promise<void> | undefined;
}

/** What all who keep calls going must know of an organisation. */
export interface Pulse {
  /** Counts the changes of everything in it. */
  readonly generation: number;
  /** What was stopped, the latest first. */
  readonly stopped: readonly string[];
}

/** A block that an isolate borrows; its `usage` is what a row says of it should it be lost. */
export type NewLease = NewHold;

/** The account of a lease. */
export interface Account {
  /** What the calls that have ended came to. */
  readonly used: Amounts;
  /** Rows of the calls that have ended. */
  readonly ended: readonly { readonly id: string; readonly usage: UsageReport }[];
  /** Calls that go on: from now on the ledger holds for them. Their takes are the lease's, with amounts of their own. */
  readonly open: readonly NewHold[];
}

/** What an isolate tells of a lease's calls while it lasts: what is known of them should the isolate end without a word. */
export interface Progress {
  readonly lease: string;
  /** Counts those of a lease: one that is told twice is kept once. */
  readonly number: number;
  readonly begun: readonly BegunCall[];
  readonly ended: readonly { readonly id: string; readonly usage: UsageReport }[];
  /** Calls that the lease does not hold for any more, though they were told as begun. */
  readonly left: readonly string[];
}

export interface BegunCall {
  readonly id: string;
  /** As it is estimated. */
  readonly usage: UsageDraft;
}

/** Progress as it is kept. The rows of ended calls are on their way already; what they came to is summed up. */
export interface KeptProgress {
  readonly begun: readonly BegunCall[];
  readonly over: readonly string[];
  /** Nano-USD. */
  readonly cost: number;
}

/** Where a ledger keeps what it knows. Every function is synchronous, and one operation's changes are kept together or not at all. */
export interface LedgerStore {
  /** Those that there are. */
  meters(keys: readonly string[]): ReadonlyMap<string, Meter>;
  putMeters(changed: readonly ChangedMeter[]): void;
  hold(id: string): Hold | undefined;
  putHold(hold: Hold): void;
  dropHold(id: string): void;
  /** Open holds that expired by then, oldest first, so many at most. */
  expired(now: number, most: number): readonly Hold[];
  /** Keeps one of an open lease; the same number again takes its place. */
  putProgress(lease: string, number: number, kept: KeptProgress): void;
  progressOf(lease: string): readonly KeptProgress[];
  dropProgress(lease: string): void;
  /** How some holds ended will be asked for one by one: a store that reads many at once does so now. */
  willAsk?(ids: readonly string[]): void;
  ended(id: string): Ending | undefined;
  /** Notes that a hold has ended. `usage` goes out as a row. */
  end(id: string, ending: Ending, now: number, usage: UsageRow | undefined): void;
  /** Takes the row of a call that a lease held for. One that is told twice may go out twice: where it goes, an id is kept once. */
  putRow(usage: UsageRow): void;
  generation(): number;
  /** Never lower than it was. */
  setGeneration(generation: number): void;
  isStopped(subject: string): boolean;
  stop(subject: string, now: number): void;
  /** Takes what operators are to hear. */
  tell(event: LedgerEvent): void;
}

/** A ledger's store that reads and writes many of a kind at once. */
export interface LedgerTables extends LedgerStore {
  putHolds(holds: readonly Hold[]): void;
  dropHolds(ids: readonly string[]): void;
  /** Of those that have ended. */
  endings(ids: readonly string[]): ReadonlyMap<string, Ending>;
  putEnds(ends: readonly EndedHold[]): void;
  putRows(rows: readonly UsageRow[]): void;
}

/** The end of a hold. */
export interface EndedHold {
  readonly id: string;
  readonly ending: Ending;
  readonly at: number;
  readonly usage: UsageRow | undefined;
}

export interface ChangedMeter extends Meter {
  readonly key: string;
  /** From when on it may be forgotten. */
  readonly idleAt: number | undefined;
}
