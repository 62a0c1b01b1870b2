import type { ChatChunk, Usage } from './chat.ts';
import type { ReplyWriter } from './dialect.ts';
import { estimateTokens } from './estimate.ts';
import type { Framing } from './framing.ts';
import type { FrameHandler } from './pump.ts';
import type { PolicyChain } from './run.ts';
import type { Frame } from './sse.ts';

/** The output that is held for while an answer flows, where it may come to more. */
export interface OutputAllowance {
  /** Tokens held for at the beginning. */
  readonly tokens: number;
  /** Holds for more: how many tokens are held for then; `undefined` where there is no more to be had. */
  more(): Promise<number | undefined>;
}

export interface CutOffOptions {
  readonly allowance: OutputAllowance;
  /** Writes the caller's dialect: what closes the answer must fit what was sent before. */
  readonly writer: ReplyWriter;
  /** Whether the frames that are sent come from this very writer, which then knows what was said. */
  readonly isWritten: boolean;
  readonly chain: PolicyChain;
  readonly framing: Framing;
  /** What the answer came to with so many output tokens. */
  usage(output: number): Usage;
}

/** Of what is held for: from here on more is asked for, so that the answer need not wait. */
const EARLY = 0.75;

/**
 * Keeps an answer within what is held for it. Before a frame would pass that, more is asked for; where there is none the
 * frame is not sent: the answer ends there as one that reached its limit, in the caller's dialect, and so does the call.
 */
export function cutFrames(handler: FrameHandler, options: CutOffOptions): FrameHandler {
  return new CutOff(handler, options);
}

class CutOff implements FrameHandler {
  readonly decodes = true;
  readonly passesUnmarked = false;
  isOver = false;
  readonly #handler: FrameHandler;
  readonly #options: CutOffOptions;
  #held: number;
  #used = 0;
  #asking: Promise<void> | undefined;
  #isExhausted = false;
  readonly #choices = new Set<number>([0]);

  constructor(handler: FrameHandler, options: CutOffOptions) {
    this.#handler = handler;
    this.#options = options;
    this.#held = options.allowance.tokens;
  }

  frame(frame: Frame, chunks: readonly ChatChunk[] = []) {
    let tokens = 0;
    for (const chunk of chunks) {
      if ('choice' in chunk) this.#choices.add(chunk.choice);
      if ('text' in chunk) tokens += estimateTokens(chunk.text);
    }
    if (this.#used + tokens > this.#held * EARLY) this.#askForMore();
    if (this.#used + tokens <= this.#held) return this.#send(frame, chunks, tokens);
    return this.#sendIfHeld(frame, chunks, tokens);
  }

  #send(frame: Frame, chunks: readonly ChatChunk[], tokens: number) {
    this.#used += tokens;
    const { isWritten, writer } = this.#options;
    if (!isWritten) for (const chunk of chunks) writer.write(chunk);
    return this.#handler.frame(frame, chunks);
  }

  async #sendIfHeld(frame: Frame, chunks: readonly ChatChunk[], tokens: number) {
    while (this.#used + tokens > this.#held && !this.#isExhausted) {
      this.#askForMore();
      await this.#asking;
    }
    return this.#used + tokens <= this.#held ? this.#send(frame, chunks, tokens) : this.#close();
  }

  #askForMore(): void {
    if (this.#asking !== undefined || this.#isExhausted) return;
    this.#asking = this.#options.allowance.more().then(
      (held) => this.#answered(held),
      // A ledger that cannot be asked has nothing to give.
      () => this.#answered(undefined),
    );
  }

  #answered(held: number | undefined): void {
    this.#asking = undefined;
    if (held === undefined || held <= this.#held) this.#isExhausted = true;
    else this.#held = held;
  }

  async #close(): Promise<readonly Uint8Array[]> {
    this.isOver = true;
    const { chain, writer, framing, usage } = this.#options;
    const last: readonly ChatChunk[] = [
      ...[...this.#choices].map((choice) => ({ type: 'finish', choice, reason: 'length' }) as const),
      { type: 'usage', usage: usage(this.#used) },
      { type: 'end' },
    ];
    let text = '';
    for (const chunk of last) for (const each of await chain.chunk(chunk)) text += writer.write(each);
    return text === '' ? [] : [framing.encode(text)];
  }
}
