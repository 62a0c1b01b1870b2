import { type Interval, wilson } from '../meaning/wilson.ts';
import type { Plan } from '../plan.ts';
import type { Awaitable } from '../policy.ts';

/** What has come of answers that were given by meaning on one route of one organisation, in the last thirty days. */
export interface Checks {
  /** Calls that were given one. */
  readonly hits: number;
  /** Those of them, or of those that would have been, of which it is known whether the answer was right. */
  readonly checked: number;
  /** Of `checked`: it was not. */
  readonly wrong: number;
  /** Compared with the provider's own answer without a verdict: in neither of the two. */
  readonly unsure: number;
  /** Calls that were made once more to find out. */
  readonly asked: number;
  /** Of `asked`: today. */
  readonly askedToday: number;
}

/** What is added to them; what is absent is none. */
export type Counted = { readonly [field in 'hits' | 'checked' | 'wrong' | 'unsure' | 'asked']?: number };

/** Where it is counted, for all isolates. */
export interface HitChecks {
  /** A few seconds old at most; `undefined` where it cannot be found out. Never rejects. */
  of(org: string, route: string): Awaitable<Checks | undefined>;
  /** Never throws and never makes the exchange wait. */
  note(org: string, route: string, counted: Counted): void;
}

/** The settings that decide whether a route gives answers by meaning. */
export interface Proof {
  readonly mode: 'shadow' | 'verify' | 'on';
  readonly maxWrong: number;
  readonly minChecks: number;
}

/** Whether a route gives answers by meaning now, and what is known of how many of them are wrong. */
export interface Standing {
  readonly serves: boolean;
  /** Why it does not: it only looks, or too many were wrong. */
  readonly why?: 'shadow' | 'wrong';
  /** Of the share of wrong answers, 95 %. */
  readonly wrongShare: Interval;
}

export const NO_CHECKS: Checks = { hits: 0, checked: 0, wrong: 0, unsure: 0, asked: 0, askedToday: 0 };

/** Wrong answers with which a route may be stopped before there are enough checks for its bound. */
const EARLY = 3;

/**
 * A route serves while surely few enough of its answers are wrong: the upper end of the interval is what counts. Until there
 * are `minChecks` nothing is sure yet, and it stops only where surely too many are: after three, by the lower end.
 */
export function standingOf({ checked, wrong }: Checks, { mode, maxWrong, minChecks }: Proof): Standing {
  const wrongShare = wilson(wrong, checked);
  if (mode === 'shadow') return { serves: false, why: 'shadow', wrongShare };
  const isWrong = checked < minChecks ? wrong >= EARLY && wrongShare.low > maxWrong : wrongShare.high > maxWrong;
  return isWrong ? { serves: false, why: 'wrong', wrongShare } : { serves: true, wrongShare };
}

/** Of the settings of a policy `cache`, where they have any. */
function proofIn(settings: unknown): Proof | undefined {
  if (typeof settings !== 'object' || settings === null || !('semantic' in settings)) return undefined;
  const { semantic } = settings;
  return isProof(semantic) ? semantic : undefined;
}

const isProof = (value: unknown): value is Proof =>
  typeof value === 'object' && value !== null && 'mode' in value && 'maxWrong' in value && 'minChecks' in value;

/** Of the routes that give answers by meaning. */
export const proofsOf = ({ routes }: Pick<Plan, 'routes'>): ReadonlyMap<string, Proof> =>
  new Map(
    routes.flatMap(({ name: route, policies }) =>
      policies.flatMap(({ policy, settings }) => {
        const proof = policy.name === 'cache' ? proofIn(settings) : undefined;
        return proof === undefined ? [] : [[route, proof] as const];
      }),
    ),
  );

/** The store of vectors in which the questions of a route are. */
export const questionsOf = (org: string, route: string): string => JSON.stringify([org, route]);
