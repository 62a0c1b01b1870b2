/** Milliseconds after which a slow answer counts for a third of what it did. */
const FORGETS = 10_000;
/** How much one answer moves what is usual. */
const STEP = 0.1;
/** Answers of which the slowest twentieth is known. */
const SAMPLES = 100;
/** Answers before which a twentieth of them is none. */
const ENOUGH = 20;
/** Milliseconds that an answer must have flowed for its pace to be measured by that. */
const FLOWED = 100;

/**
 * How fast a place answers. The time to the first content is a peak-sensitive moving average (as in Finagle's Peak EWMA):
 * it jumps to a slower answer at once, and comes back over seconds, with answers or without, to what is usual.
 */
export class Latency {
  #peak: number | undefined;
  #usual = 0;
  #at = 0;
  #pace: number | undefined;
  readonly #begun = new Slowest();
  readonly #answered = new Slowest();

  /** Whether anything was ever noted. */
  get isKnown(): boolean {
    return this.#begun.seen + this.#answered.seen > 0;
  }

  /** Milliseconds to the first content of a stream. */
  note(milliseconds: number, now: number): void {
    if (!isTime(milliseconds)) return;
    // Whole answers stood for the beginnings of streams as long as there were none.
    if (this.#begun.seen === 0) this.#peak = undefined;
    this.#begun.note(milliseconds);
    this.#average(milliseconds, now);
  }

  /** Milliseconds that a whole answer of so many tokens took: how much of that came before the first of them is not known. */
  noteWhole(milliseconds: number, tokens: number | undefined, now: number): void {
    if (!isTime(milliseconds)) return;
    this.#answered.note(milliseconds);
    if (this.#begun.seen === 0) this.#average(milliseconds, now);
    else if (tokens !== undefined) {
      const flowed = milliseconds - (this.firstTokenMs(now) ?? 0);
      if (flowed >= FLOWED) this.notePace(tokens, milliseconds, flowed);
    }
  }

  #average(milliseconds: number, now: number): void {
    const before = this.#peak ?? milliseconds;
    this.#usual = this.#peak === undefined ? milliseconds : this.#usual + (milliseconds - this.#usual) * STEP;
    const kept = Math.exp(-Math.max(0, now - this.#at) / FORGETS);
    this.#peak = Math.max(milliseconds, milliseconds + (before - milliseconds) * kept);
    this.#at = now;
  }

  /** Output tokens of a whole answer, and the milliseconds it took: all of it, and since the first content. */
  notePace(tokens: number, whole: number, flowed: number): void {
    const milliseconds = flowed >= FLOWED ? flowed : whole;
    if (!(tokens >= 1 && tokens < Number.POSITIVE_INFINITY) || milliseconds <= 0) return;
    const pace = (tokens * 1000) / milliseconds;
    this.#pace = this.#pace === undefined ? pace : this.#pace + (pace - this.#pace) * 2 * STEP;
  }

  firstTokenMs(now: number): number | undefined {
    if (this.#peak === undefined || this.#peak <= this.#usual || now <= this.#at) return this.#peak;
    return this.#usual + (this.#peak - this.#usual) * Math.exp((this.#at - now) / FORGETS);
  }

  /** Milliseconds within which 19 of 20 streams began. */
  get p95(): number | undefined {
    return this.#begun.p95;
  }

  /** Milliseconds within which 19 of 20 whole answers came. */
  get answerP95(): number | undefined {
    return this.#answered.p95;
  }

  get tokensPerSecond(): number | undefined {
    return this.#pace;
  }
}

const isTime = (milliseconds: number) => milliseconds >= 0 && milliseconds < Number.POSITIVE_INFINITY;

/** The last times, and what 19 of 20 of them stayed within. */
class Slowest {
  #samples: Float32Array | undefined;
  #p95: { readonly seen: number; readonly value: number } | undefined;
  seen = 0;

  note(milliseconds: number): void {
    this.#samples ??= new Float32Array(SAMPLES);
    this.#samples[this.seen % SAMPLES] = milliseconds;
    this.seen += 1;
  }

  /** Absent before there were as many. */
  get p95(): number | undefined {
    if (this.#samples === undefined || this.seen < ENOUGH) return undefined;
    if (this.#p95?.seen !== this.seen) {
      const sorted = this.#samples.slice(0, Math.min(this.seen, SAMPLES)).sort();
      this.#p95 = { seen: this.seen, value: sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0 };
    }
    return this.#p95?.value;
  }
}
