/** Told of a match: its number in the matcher, and where it stands in UTF-16 units from the start of the text. */
export type Found = (match: number, start: number, end: number) => void;

/** Reads one text, piece by piece. */
export interface Scan {
  /** Reads on, telling each match when it ends, in the order of their ends. A piece never splits a surrogate pair. */
  read(piece: string, found: Found): void;
  /** The text is over: tells the matches that needed to know it. */
  end(found: Found): void;
  /** No match told from now on begins before this offset. Never decreases. */
  readonly safe: number;
}

/** Finds matches in time linear in the text, whatever the text. */
export interface Matcher {
  scan(): Scan;
}

/** Rewrites one text that arrives in pieces; what comes out, joined, does not depend on the pieces. */
export interface TextRewriter {
  /** What may leave now. */
  push(piece: string): string;
  /** The rest. Nothing may be pushed afterwards. */
  end(): string;
}

/** Matches that overlap, as one stretch of text: all of it is replaced, so that no remnant of any of them is left. */
interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
  /** Whether its replacement has left; what is still to come of it is only dropped. */
  readonly told: boolean;
}

/**
 * Replaces matches in a text that is still arriving, holding back only a suffix that may be the beginning of one.
 * Overlapping matches are replaced together, by the replacement of the one that begins first (the longest of those).
 * Memory is bounded by the longest match, also where matches run on into each other without end.
 */
export class Rewriter implements TextRewriter {
  readonly #scan: Scan;
  readonly #found: Found;
  /** In order, disjoint; only the first may be told. */
  #stretches: Stretch[] = [];
  #held = '';
  /** Where `#held` begins in the whole text. */
  #heldFrom = 0;
  /** A high surrogate whose other half may be in the next piece. */
  #half = '';

  /** `replacement` is asked once for each match, as soon as it is found; it may throw to stop. */
  constructor(matcher: Matcher, replacement: (match: number) => string) {
    this.#scan = matcher.scan();
    this.#found = (match, start, end) => this.#add({ start, end, replacement: replacement(match), told: false });
  }

  push(piece: string): string {
    const whole = this.#half + piece;
    const cut = isHighSurrogate(whole.charCodeAt(whole.length - 1)) ? whole.length - 1 : whole.length;
    this.#half = whole.slice(cut);
    this.#read(whole.slice(0, cut));
    return this.#release(this.#scan.safe);
  }

  end(): string {
    this.#read(this.#half);
    this.#half = '';
    this.#scan.end(this.#found);
    return this.#release(Number.POSITIVE_INFINITY);
  }

  #read(text: string): void {
    this.#held += text;
    this.#scan.read(text, this.#found);
  }

  #add(match: Stretch): void {
    let merged = match;
    for (let last = this.#stretches.at(-1); last !== undefined && last.end > merged.start; last = this.#stretches.at(-1)) {
      if (last.start < merged.start) merged = { ...last, end: merged.end };
      this.#stretches.pop();
    }
    this.#stretches.push(merged);
  }

  #release(safe: number): string {
    let out = '';
    let done = 0;
    for (const stretch of this.#stretches) {
      // One that begins here may still turn out to be longer, with another replacement.
      if (stretch.start >= safe) break;
      if (!stretch.told) out += this.#take(stretch.start) + stretch.replacement;
      this.#take(Math.min(stretch.end, safe));
      if (stretch.end > safe) {
        this.#stretches[done] = { ...stretch, told: true };
        break;
      }
      done++;
    }
    if (done > 0) this.#stretches = this.#stretches.slice(done);
    return out + this.#take(Math.min(safe, this.#stretches[0]?.start ?? safe));
  }

  /** Takes the held text up to an offset of the whole text. */
  #take(until: number): string {
    const length = Math.max(0, Math.min(until - this.#heldFrom, this.#held.length));
    const taken = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    this.#heldFrom += length;
    return taken;
  }
}

/** A whole text rewritten at once. */
export function rewriteText(text: string, matcher: Matcher, replacement: (match: number) => string): string {
  const rewriter = new Rewriter(matcher, replacement);
  return rewriter.push(text) + rewriter.end();
}

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
