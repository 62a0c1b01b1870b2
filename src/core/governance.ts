import type { JsonObject } from './json.ts';

/** Whose tools are pinned together. */
export interface PinPlace {
  /** Absent: one approval is good for every organisation. */
  readonly org?: string | undefined;
  readonly route: string;
  readonly source: string;
}

/**
 * `approved`: may be used as it was then. `pending`: was never approved. `changed`: is not any more what was approved.
 * `rejected`: may not be used, whatever becomes of it, until somebody approves it.
 */
export const pinStatuses = ['approved', 'pending', 'changed', 'rejected'] as const;
export type PinStatus = (typeof pinStatuses)[number];

/** A text in a definition that people do not see and models read. */
export interface HiddenText {
  /** Where, as a JSON pointer (RFC 6901) into the definition. */
  readonly at: string;
  readonly kind: HiddenKind;
  readonly count: number;
}

export const hiddenKinds = ['tags', 'zero-width', 'bidi', 'control', 'variation', 'comment', 'whitespace'] as const;
export type HiddenKind = (typeof hiddenKinds)[number];

/** A tool as its server describes it now. */
export interface SeenTool {
  readonly name: string;
  /** SHA-256 of the canonical definition, in lower-case hex. */
  readonly digest: string;
  readonly definition: JsonObject;
  readonly flags: readonly HiddenText[];
}

/** What is known of a tool. */
export interface Pin {
  readonly status: PinStatus;
  readonly approved?: string | undefined;
  /** The digest of what was seen last. */
  readonly seen: string;
}

/** By the source's own names of its tools. */
export type PinBook = ReadonlyMap<string, Pin>;

/** Which unknown tools are good at once: none; those of the very first reading of their source; all. */
export type PinTrust = 'none' | 'first' | 'all';

export interface Seen {
  readonly tools: readonly SeenTool[];
  /** Whether these are all tools that the source has: only then is it a first reading. */
  readonly isWhole: boolean;
  readonly trust: PinTrust;
  /** Whether a tool with hidden text is never good at once. */
  readonly holdsHidden: boolean;
  /** Whose caller has seen them: the organisation that hears of what may not be used. */
  readonly by: string;
}

/** What was approved of the tools of servers. Both throw `overloaded` where it cannot be asked. */
export interface ToolPins {
  /** Some seconds old at most; `undefined` where the source was never read. */
  read(place: PinPlace): Promise<PinBook | undefined>;
  /** Notes tools that are new or have changed: nothing that was approved becomes another thing by it. */
  see(place: PinPlace, seen: Seen): Promise<PinBook>;
}

/** A call that waits for an operator. */
export interface ApprovalAsk {
  readonly org: string;
  readonly team: string;
  readonly app: string;
  readonly keyId: string;
  readonly user?: string | undefined;
  readonly route: string;
  readonly source: string;
  /** As clients see it. */
  readonly tool: string;
  /** SHA-256 of who calls, where, which tool and with what: an approval is good for the same call alone. */
  readonly call: string;
  /** SHA-256 of the arguments. */
  readonly digest: string;
  /** Of the arguments, redacted. */
  readonly preview: string;
  /** Milliseconds. */
  readonly ttl: number;
}

/** Where an approval stands. `granted`: it was, and this very request has used it up: nobody else gets it. */
export interface ApprovalState {
  readonly id: string;
  readonly status: 'granted' | 'pending' | 'denied' | 'expired' | 'used';
  readonly reason?: string | undefined;
  /** Of what was granted: by which a call that its server has interrupted goes on, once. */
  readonly claim?: string | undefined;
}

/** Calls that wait for operators. All throw `overloaded` where nobody can be asked. */
export interface Approvals {
  /** Uses up an approval of this very call, or gives the one that waits, or makes one. Throws `rate_limited` where too many wait. */
  ask(ask: ApprovalAsk): Promise<ApprovalState>;
  /** Uses it up where it was granted. */
  look(id: string): Promise<ApprovalState>;
  /** Whether a call may go on that has used it up under this claim; then there is a new one for the next time. */
  goOn(id: string, claim: string): Promise<ApprovalState>;
}

/** A call of a tool, for the audit. */
export interface ToolCallEntry {
  readonly org: string;
  /** Who: the id of a key or identity. */
  readonly actor: string;
  /** The tool as clients see it. */
  readonly tool: string;
  readonly isDone: boolean;
  readonly detail: JsonObject;
}

/** The audit of calls, in the chain of their organisation. */
export interface CallAudit {
  /** Throws `overloaded` where an entry could not be written now: then nothing is called. */
  ready(org: string): Promise<void>;
  /** One entry for a call, once it is over. Never throws: what was done is done, and its loss is logged. */
  note(entry: ToolCallEntry): Promise<void>;
}

/** What must hold for tools of MCP routes beyond one isolate; each is absent where the deployment has no place for it. */
export interface Governance {
  readonly pins?: ToolPins | undefined;
  readonly approvals?: Approvals | undefined;
  readonly audit?: CallAudit | undefined;
}
