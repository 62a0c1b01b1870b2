import { dialects } from '../index.ts';

// Instruments for tests. Production code must not import this file.

/** Every law that says what must not get lost is tried with so many random cases in each run of the tests. */
const CASES = 20_000;
/** The others, on each dialect. */
export const FEW = { numRuns: 200 };

/** Milliseconds, on a busy machine. */
export const PATIENT = { timeout: 120_000 };

export const named = dialects.map((dialect) => [dialect.id, dialect] as const);
export const pairs = dialects.flatMap((from) =>
  dialects.filter((to) => to !== from).map((to) => [`from ${from.id} to ${to.id}`, from, to] as const),
);

/** The part of a law's cases that falls to one of so many dialects, or pairs of them. */
const share = (among: readonly unknown[]) => ({ numRuns: Math.ceil(CASES / among.length) });
export const EACH = share(named);
export const EACH_PAIR = share(pairs);
/** For titles, so that a report says what was tried. */
export const all = ({ numRuns }: { readonly numRuns: number }) => `(${numRuns} of ${CASES} cases)`;
