import type { ChatChunk, FinishReason } from '../chat.ts';

/** What an answer may end with to be given to others too: what its model meant to say. */
const WHOLE: ReadonlySet<FinishReason> = new Set(['stop', 'stop-sequence', 'tool-calls']);
/** What a chunk weighs beside its texts, about: an object of five fields. */
const CHUNK_BYTES = 96;

/** Gathers the chunks of one answer as they pass, up to so many bytes, and says whether it is whole. */
export class Collector {
  readonly chunks: ChatChunk[] = [];
  bytes = 0;
  readonly #mostBytes: number;
  #begun = false;
  #ended = false;
  /** Two answers in one: a target that was asked beside or after another one has said something too. */
  #isSpoiled = false;
  readonly #open = new Set<number>();
  readonly #finished = new Map<number, FinishReason>();

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** Whether the answer is larger than may be kept. */
  get isTooLarge(): boolean {
    return this.bytes > this.#mostBytes;
  }

  add(chunk: ChatChunk): void {
    if (this.#ended || (chunk.type === 'start' && this.#begun)) this.#isSpoiled = true;
    this.#begun ||= chunk.type !== 'usage';
    if ('choice' in chunk) this.#note(chunk);
    if (chunk.type === 'error' || chunk.type === 'refusal') this.#isSpoiled = true;
    if (chunk.type === 'end') this.#ended = true;
    this.bytes += weightOf(chunk);
    // What was too large once is kept for nobody: it need not stay here either.
    if (this.isTooLarge) this.chunks.length = 0;
    else this.chunks.push(chunk);
  }

  #note(chunk: ChatChunk & { readonly choice: number }): void {
    if (this.#finished.has(chunk.choice)) this.#isSpoiled = true;
    if (chunk.type === 'finish') this.#finished.set(chunk.choice, chunk.reason);
    else this.#open.add(chunk.choice);
  }

  /** Whether all of one answer is here, and every alternative of it came to its own end. */
  get isWhole(): boolean {
    if (this.#isSpoiled || !this.#ended || this.isTooLarge || this.#finished.size === 0) return false;
    return [...this.#open].every((choice) => this.#finished.has(choice)) && [...this.#finished.values()].every((each) => WHOLE.has(each));
  }

  get isSpoiled(): boolean {
    return this.#isSpoiled;
  }

  /** Whether a limit cut it off. */
  get isCut(): boolean {
    return [...this.#finished.values()].includes('length');
  }

  /** Whether it holds what only its own dialect can be told: content of its own, and what its vendor wants back. */
  get isOfOneDialect(): boolean {
    return this.chunks.some(({ type }) => type === 'raw' || type === 'signature' || type === 'redacted-thinking');
  }
}

function weightOf(chunk: ChatChunk): number {
  if ('text' in chunk) return CHUNK_BYTES + 2 * chunk.text.length;
  return chunk.type === 'raw' || chunk.type === 'signature' || chunk.type === 'redacted-thinking'
    ? CHUNK_BYTES + 2 * JSON.stringify(chunk).length
    : CHUNK_BYTES;
}
