import type { UsualOutput } from './ports.ts';

/** Answers after which their length says something. */
const ENOUGH = 20;
/** Answers after which older ones count half. */
const HALVED_AT = 200;
/** Bounds of lengths grow by a quarter: 64 of them reach beyond a million tokens. */
const GROWTH = 1.25;
const FIRST = 16;
const BUCKETS = 64;
/** Pairs of app and model that are remembered. */
const REMEMBERED = 1_000;

/** Learns the 95th percentile of output lengths from counts by size: constant work and memory for each answer. */
export class LearnedOutput implements UsualOutput {
  readonly #known = new Map<string, { readonly counts: Uint32Array; total: number }>();

  of(app: string, model: string): number | undefined {
    const seen = this.#known.get(nameOf(app, model));
    if (seen === undefined || seen.total < ENOUGH) return undefined;
    let above = seen.total * 0.05;
    for (let bucket = BUCKETS - 1; bucket >= 0; bucket--) {
      above -= seen.counts[bucket] ?? 0;
      if (above < 0) return Math.ceil(FIRST * GROWTH ** bucket);
    }
    return undefined;
  }

  note(app: string, model: string, output: number): void {
    const seen = this.#seen(nameOf(app, model));
    const bucket = Math.min(BUCKETS - 1, Math.max(0, Math.ceil(Math.log(Math.max(1, output) / FIRST) / Math.log(GROWTH))));
    seen.counts[bucket] = (seen.counts[bucket] ?? 0) + 1;
    seen.total += 1;
    if (seen.total < HALVED_AT) return;
    seen.total = 0;
    for (let at = 0; at < BUCKETS; at++) {
      const half = (seen.counts[at] ?? 0) >> 1;
      seen.counts[at] = half;
      seen.total += half;
    }
  }

  #seen(name: string) {
    const known = this.#known.get(name) ?? { counts: new Uint32Array(BUCKETS), total: 0 };
    this.#known.delete(name);
    if (this.#known.size >= REMEMBERED) {
      const [oldest] = this.#known.keys();
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    this.#known.set(name, known);
    return known;
  }
}

const nameOf = (app: string, model: string) => `${app} ${model}`;
