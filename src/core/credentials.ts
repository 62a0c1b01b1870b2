import type { JsonObject } from './json.ts';

/**
 * What the gateway shows the servers behind it, where it is not a secret of the deployment. Values leave it only for the
 * request that shows them: nobody can read them back.
 */
export interface Credentials {
  /** What an organisation keeps under a name; `undefined` where it keeps nothing there. Throws `overloaded` where that cannot be found out. */
  vault(org: string, name: string): Promise<string | undefined>;
  /** Where what one holder was granted at one account is kept: both are names of the caller's own. */
  connection(holder: string, account: string): Connection;
  /** A text that only this gateway opens again, as base64url. */
  seal(text: string): Promise<string>;
  open(sealed: string): Promise<string | undefined>;
}

/** What one holder was granted at one account, which is at most one thing at a time. All of it throws `overloaded` where it cannot be reached. */
export interface Connection {
  /** What may be shown now: renewed first where it is over. `undefined`: there is nothing, or it was taken back and must be granted anew. */
  use(ask: GrantAsk): Promise<JsonObject | undefined>;
  put(grant: JsonObject): Promise<void>;
  /** Forgets it, and has it taken back where it came from. Whether there was one. */
  drop(): Promise<boolean>;
  /** Keeps what somebody will come back for, until then (milliseconds since the epoch). */
  expect(id: string, value: JsonObject, until: number): Promise<void>;
  /** Gives it the first time it is asked for, and never again. */
  take(id: string): Promise<JsonObject | undefined>;
  /** `true` the first time, `false` ever after until then. */
  once(id: string, until: number): Promise<boolean>;
}

/** How a grant is asked for. */
export interface GrantAsk {
  /** What was shown last, where it was refused. */
  readonly refused?: string | undefined;
  /** How one is got where there is none, for those that nobody has to consent to; in the words of the keeper. */
  readonly obtain?: JsonObject | undefined;
  /** What is not kept with a grant and needed to renew it; in the words of the keeper. */
  readonly with?: JsonObject | undefined;
}

/** Knows what grants are made of: what keeps them does not. */
export interface GrantKeeper {
  /** Of a grant: whether it can be shown as it is, must be renewed, or is not one for what is asked. */
  standing(grant: JsonObject, ask: GrantAsk): 'good' | 'over' | 'foreign';
  /** Whether it may still be shown where it cannot be renewed now. */
  isUsable(grant: JsonObject, ask: GrantAsk): boolean;
  /** A new one in its place, or the first; `undefined` where there is none without somebody's consent. Throws where it may be tried again. */
  renewed(grant: JsonObject | undefined, ask: GrantAsk): Promise<JsonObject | undefined>;
  /** Tells where it came from that it is used no more. Never throws. */
  takenBack(grant: JsonObject): Promise<void>;
  /** What of it leaves its place. */
  shown(grant: JsonObject): JsonObject;
}
