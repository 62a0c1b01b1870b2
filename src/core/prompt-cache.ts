import type { Quirks } from './dialect.ts';
import { estimateTokens } from './estimate.ts';

// The prompt caches of vendors: the beginning of a call that was sent before is read from there for a part of the price.

/** How the beginning of a call is to be kept by the vendor that answers it. */
export interface PrefixMarks {
  /** The vendor's own name of the model. */
  readonly model: string;
  readonly quirks: Quirks;
  /** How long it is kept after it was last read, where the vendor lets one choose; its usual time when absent. */
  readonly ttl?: '1h';
  /** A name for calls that begin alike: the same for the same text of the same tenant, and another for any other. */
  keyFor(prefix: string): string;
}

/**
 * Tokens below which a prefix is not kept, as vendors say; what is too short is silently sent without.
 * https://platform.claude.com/docs/en/build-with-claude/prompt-caching, https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
 */
export function leastTokens(model: string): number {
  if (/opus-4[-.][567]|haiku-4[-.]5|mythos/.test(model)) return 4_096;
  return /haiku/.test(model) && !/haiku-[5-9]/.test(model) ? 2_048 : 1_024;
}

/** Vendors' tokenizers make up to so many times more of a text than is estimated here; a mark too many does no harm. */
const SLACK = 1.5;
/** A picture or a document, at the least. */
const OF_MEDIA = 500;

/** Adds up how long a beginning is, as far as that matters: once it is long enough nothing more is counted. */
export class PrefixLength {
  readonly #least: number;
  #tokens = 0;

  constructor(least: number) {
    this.#least = least / SLACK;
  }

  get isEnough(): boolean {
    return this.#tokens >= this.#least;
  }

  text(text: string): void {
    if (!this.isEnough) this.#tokens += estimateTokens(text);
  }

  /** What is sent as JSON. */
  value(value: unknown): void {
    if (!this.isEnough && value !== undefined) this.text(JSON.stringify(value));
  }

  media(): void {
    this.#tokens += OF_MEDIA;
  }
}

/**
 * Where the history ends: the place of the last message before the newest turn, which is all that came since the model
 * last spoke; −1 where it has not. `inLoop`: that turn brings results of tools, so that it will be history in a moment.
 */
export function historyEnd<Message>(
  messages: readonly Message[],
  is: { readonly assistant: (message: Message) => boolean; readonly results: (message: Message) => boolean },
): { readonly last: number; readonly inLoop: boolean } {
  // An answer that is to be gone on with is part of the newest turn.
  const newest = messages.findLastIndex((message) => !is.assistant(message));
  const last = messages.slice(0, Math.max(0, newest)).findLastIndex(is.assistant);
  return { last, inLoop: messages.slice(last + 1, newest + 1).some(is.results) };
}
