import type { KeptRoom } from '../ports.ts';

/** An answer as it is told again. */
export interface KeptAnswer {
  /** Of the call that was answered. */
  readonly requestId: string;
  readonly status: number;
  /** Names in lower case; what belongs to one call alone is not among them. */
  readonly headers: { readonly [name: string]: string };
  readonly stream: boolean;
  readonly body: Uint8Array;
}

/** A key of a caller, and the call that asks for it. */
export interface ClaimPlace {
  /** Whose keys they are: nobody meets those of another owner. */
  readonly owner: string;
  readonly key: string;
  /** The id of the call. */
  readonly holder: string;
}

/** What a key is to a call that brings it. */
export type ClaimVerdict =
  /** Nobody has it: the call holds it from now on, and is the only one that does. */
  | { readonly state: 'new' }
  /** Another call holds it. */
  | { readonly state: 'running' }
  | { readonly state: 'done'; readonly answer: KeptAnswer }
  /** It was answered, and the answer cannot be told again. */
  | { readonly state: 'unkept' }
  /** It belongs to a call that asked for something else. */
  | { readonly state: 'mismatch' };

/** Keys that callers give their calls, each for one call: `Idempotency-Key`. Every duration is in milliseconds. */
export interface Idempotency {
  /** Takes the key, or says who has it, in one step. A call that holds it and is not heard of for `lease` has lost it. */
  claim(place: ClaimPlace, fingerprint: string, lease: number): Promise<ClaimVerdict>;
  /** Comes back when the call that holds the key has ended or lost it, after `most` at the latest. */
  wait(place: ClaimPlace, most: number): Promise<void>;
  /** The call that holds the key is still at work; false where it holds the key no more. */
  renew(place: ClaimPlace, lease: number): Promise<boolean>;
  /** The call has been answered; without `answer` that is all that is remembered. Nothing happens where it holds the key no more. */
  keep(place: ClaimPlace, answer: KeptAnswer | undefined, keepFor: number, room: KeptRoom): Promise<void>;
  /** The call has come to nothing that must be told again: the next one is a new one. */
  release(place: ClaimPlace): Promise<void>;
}
