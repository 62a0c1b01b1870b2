/**
 * What goes on behind one answer, gathered: every promise that the platform is told of by itself costs as much as several
 * headers, and most answers have two or three.
 */
export class Behind {
  readonly #over = Promise.withResolvers<void>();
  readonly #after: (work: Promise<unknown>) => void;
  /** What is under way, and the answer itself. */
  #open = 1;

  /** `after`: keeps a request's work alive behind its answer, and the answer's own work when its reader leaves. */
  constructor(after: (work: Promise<unknown>) => void) {
    this.#after = after;
    after(this.#over.promise);
  }

  readonly add = (work: Promise<unknown>): void => {
    if (this.#open === 0) {
      this.#after(work);
      return;
    }
    this.#open++;
    work.then(this.#close, (cause: unknown) => {
      console.error('work behind an answer failed', cause);
      this.#close();
    });
  };

  /** The answer has been given: from now on the last of the work is the end. Called once. */
  answered(): void {
    this.#close();
  }

  readonly #close = (): void => {
    this.#open--;
    if (this.#open === 0) this.#over.resolve();
  };
}
