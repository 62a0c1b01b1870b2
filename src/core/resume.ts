import type { ChatChunk, Usage } from './chat.ts';
import { addUsage } from './usage.ts';

/**
 * What has been said of an answer so far, where another model can go on from it: one text, and nothing that only who
 * began it could finish. Reasoning before it is left behind, unless its vendor has signed it: then it wants it back.
 */
export class Said {
  #text = '';
  #part: number | undefined;
  #last = -1;
  #isWhole = false;
  #isMore = false;

  note(chunk: ChatChunk): void {
    if ('part' in chunk) this.#last = Math.max(this.#last, chunk.part);
    switch (chunk.type) {
      case 'start':
      case 'usage':
      case 'error':
        return;
      case 'text':
        this.#noteText(chunk.part, chunk.choice, chunk.text);
        return;
      case 'thinking':
        // Between two texts it would be missing from what the next model is told.
        if (this.#text !== '') this.#isMore = true;
        return;
      case 'finish':
      case 'end':
        this.#isWhole = true;
        return;
      default:
        this.#isMore = true;
    }
  }

  #noteText(part: number, choice: number, text: string): void {
    if (text === '') return;
    this.#part ??= part;
    if (part === this.#part && choice === 0) this.#text += text;
    else this.#isMore = true;
  }

  /** The text and the part it stands in; `undefined` where nobody else can go on. */
  get open(): { readonly text: string; readonly part: number; readonly last: number } | undefined {
    if (this.#isMore || this.#isWhole || this.#part === undefined || this.#text.trim() === '') return undefined;
    return { text: this.#text, part: this.#part, last: this.#last };
  }
}

/**
 * Where two texts meet. Vendors refuse a beginning that ends in white space, so it is sent without: the model then says
 * the space itself, which the caller has already. Some vendors begin by repeating what they were sent.
 */
export class Seam {
  /** What was sent, as much of it as may still come back. */
  #echo: string;
  /** White space that the caller has and the model was not told of. */
  #space: string;
  #held = '';

  /** `said`: all that the caller has. */
  constructor(said: string, echoes: boolean) {
    const sent = said.trimEnd();
    this.#echo = echoes ? sent : '';
    this.#space = said.slice(sent.length);
  }

  /** What of the next piece the caller does not have yet. */
  take(text: string): string {
    if (this.#echo === '') return this.#withoutSpace(text);
    this.#held += text;
    if (this.#held.length < this.#echo.length && this.#echo.startsWith(this.#held)) return '';
    return this.#release();
  }

  /** What is held back where no more comes. */
  rest(): string {
    return this.#held === '' ? '' : this.#release();
  }

  #release(): string {
    const [held, echo] = [this.#held, this.#echo];
    this.#held = '';
    this.#echo = '';
    return this.#withoutSpace(held.startsWith(echo) ? held.slice(echo.length) : held);
  }

  #withoutSpace(text: string): string {
    let same = 0;
    while (same < text.length && same < this.#space.length && text[same] === this.#space[same]) same++;
    // What differs ends the comparison, be it space of another kind or a word.
    this.#space = same === text.length ? this.#space.slice(same) : '';
    return text.slice(same);
  }
}

export interface ContinuationOptions {
  /** The answer that it goes on with. */
  readonly open: { readonly text: string; readonly part: number; readonly last: number };
  /** Whether the vendor says again what it was sent. */
  readonly echoes: boolean;
  /** What the answer has come to before. */
  readonly before: Usage;
}

/**
 * Makes the chunks of a second answer those of the one that it goes on with: one beginning, its text in the part that was
 * open, its usage added. Reasoning of its own is left out, as nothing of it belongs before the text that is there.
 */
export class Continuation {
  readonly #options: ContinuationOptions;
  readonly #seam: Seam;
  readonly #parts = new Map<number, number>();
  #next: number;
  #hasText = false;
  readonly loss = new Set<string>();

  constructor(options: ContinuationOptions) {
    this.#options = options;
    this.#seam = new Seam(options.open.text, options.echoes);
    this.#next = options.open.last + 1;
  }

  map(chunk: ChatChunk): readonly ChatChunk[] {
    switch (chunk.type) {
      case 'start':
        return [];
      case 'thinking':
      case 'signature':
      case 'redacted-thinking':
        this.loss.add('thinking');
        return [];
      case 'raw':
        this.loss.add(chunk.name);
        return [];
      case 'text': {
        const part = this.#partOf(chunk);
        const text = part === this.#options.open.part ? this.#seam.take(chunk.text) : chunk.text;
        return text === '' ? [] : [{ ...chunk, part, text }];
      }
      case 'usage':
        return [{ type: 'usage', usage: addUsage(this.#options.before, chunk.usage) }];
      case 'finish':
      case 'end':
        return [...this.#rest(), chunk.type === 'end' ? { type: 'end' } : chunk];
      case 'error':
        return [chunk];
      default:
        return [...this.#rest(), { ...chunk, part: this.#partOf(chunk) }];
    }
  }

  #rest(): readonly ChatChunk[] {
    const text = this.#seam.rest();
    return text === '' ? [] : [{ type: 'text', part: this.#options.open.part, choice: 0, text }];
  }

  #partOf({ type, part }: { readonly type: string; readonly part: number }): number {
    const known = this.#parts.get(part);
    if (known !== undefined) return known;
    const isOpen = type === 'text' && !this.#hasText;
    if (isOpen) this.#hasText = true;
    const own = isOpen ? this.#options.open.part : this.#next++;
    this.#parts.set(part, own);
    return own;
  }
}
