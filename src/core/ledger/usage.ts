import { isWhole } from './take.ts';

/** How a call ended, for its row: as in the request log, and two that only the ledger finds out. */
export type UsageStatus =
  | 'complete'
  | 'partial'
  | 'aborted'
  | 'failed'
  /** Nobody ended it in time: it counts as it was estimated. */
  | 'abandoned'
  /** What was lent to an isolate that never gave account of it: it counts as spent. */
  | 'lost';

/** Whom and what a call is charged to, known before it begins; numbers as they are estimated. */
export interface UsageDraft {
  readonly requestId: string;
  /** Milliseconds since the epoch, by the caller's clock. */
  readonly startedAt: number;
  readonly org: string;
  readonly team: string;
  readonly app: string;
  readonly keyId: string;
  readonly user?: string;
  readonly run?: string;
  readonly route?: string;
  /** `provider/model` that serves. */
  readonly model?: string;
  /** Tokens; cached ones included in `input`, reasoning in `output`. */
  readonly input?: number;
  readonly output?: number;
  readonly cacheRead?: number;
  readonly cacheWrite?: number;
  readonly reasoning?: number;
  readonly toolCalls?: number;
  readonly images?: number;
  readonly seconds?: number;
  /** Nano-USD; absent where no price is known, which is not the same as nothing. */
  readonly cost?: number;
  readonly priceVersion?: string;
}

/** What a call came to, as its caller tells it. */
export interface UsageReport extends UsageDraft {
  readonly status: 'complete' | 'partial' | 'aborted' | 'failed';
  /** True where the vendor gave no usage. */
  readonly estimated?: boolean;
}

/** One row of account: exactly one for each hold that was settled. */
export interface UsageRow extends UsageDraft {
  /** The hold's. */
  readonly id: string;
  /** By the ledger's clock. */
  readonly endedAt: number;
  readonly status: UsageStatus;
  readonly estimated: boolean;
}

const counted = ['input', 'output', 'cacheRead', 'cacheWrite', 'reasoning', 'toolCalls', 'images', 'seconds', 'cost'] as const;

/** Whether every number is a whole one, and the parts are no more than what they are part of. */
export function isSound(usage: UsageDraft): boolean {
  if (!Number.isFinite(usage.startedAt)) return false;
  if (counted.some((name) => usage[name] !== undefined && !isWhole(usage[name]))) return false;
  const cached = (usage.cacheRead ?? 0) + (usage.cacheWrite ?? 0);
  return cached <= (usage.input ?? Number.MAX_SAFE_INTEGER) && (usage.reasoning ?? 0) <= (usage.output ?? Number.MAX_SAFE_INTEGER);
}

export const rowOf = (id: string, usage: UsageReport, now: number): UsageRow => ({
  ...usage,
  id,
  endedAt: now,
  estimated: usage.estimated === true,
});

/** The row of a call of which nothing is known but what was estimated. */
export const estimateOf = (id: string, usage: UsageDraft, status: UsageStatus, now: number): UsageRow => ({
  ...usage,
  id,
  endedAt: now,
  status,
  estimated: true,
});
