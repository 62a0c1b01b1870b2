import type { ChatChunk, Usage } from '../chat.ts';
import type { NanoUsd } from '../money.ts';

/** A whole answer, as it is kept for calls that ask for the same. */
export interface StoredAnswer {
  /** What of the call can be named when entries are thrown away. */
  readonly of: AnswerLabels;
  /** Milliseconds since the epoch: when its provider was asked, and when the answer was whole. */
  readonly askedAt: number;
  readonly at: number;
  /** Milliseconds since the epoch after which nobody may be given it. */
  readonly until: number;
  readonly chunks: readonly ChatChunk[];
  /** As chunks weigh in memory, about. */
  readonly bytes: number;
  /** `provider/model` that gave it. */
  readonly servedModel: string;
  readonly usage?: Usage;
  /** What it cost, which those who are given it save; absent where no price is known. */
  readonly cost?: NanoUsd;
  /** What its translation could not carry. */
  readonly loss: readonly string[];
  /** The only dialect that it can be written in without losing something; absent: any. */
  readonly dialect?: string;
}

export interface AnswerLabels {
  readonly org: string;
  readonly app: string;
  /** As it was asked for. */
  readonly model: string;
  readonly tags: readonly string[];
}
