import type { TargetHealth } from './health.ts';
import { nameOf, type StrategyTools, type Target } from './strategy.ts';

// What several strategies put targets in order with.

/** A target where a strategy puts it, and why. */
export interface Placed {
  readonly target: Target;
  readonly health: TargetHealth;
  readonly why: string;
}

/**
 * The targets as they are placed, those that are not asked at present behind all others: an ordering by time, price or
 * load must not count on one that fails. Explains each of them once.
 */
export function healthyFirst(placed: readonly Placed[], tools: StrategyTools): readonly Target[] {
  const { closed, open } = byHealth(placed);
  for (const { target, why } of closed) tools.explain(target, why);
  for (const { target, why } of open) tools.explain(target, `${why}; behind the others, as it has been failing`);
  return [...closed, ...open].map(({ target }) => target);
}

/** Those that may be asked, and those whose breaker is open; each in the order in which they came. */
export function byHealth<Seen extends { readonly health: TargetHealth }>(targets: readonly Seen[]) {
  const isOpen = ({ health }: Seen) => health.state === 'open';
  return { closed: targets.filter((target) => !isOpen(target)), open: targets.filter(isOpen) };
}

export const withHealth = (targets: readonly Target[], tools: StrategyTools) =>
  targets.map((target) => ({ target, health: tools.health(target) }));

/** A target's share where strategies draw; 0 is never drawn. */
export const weightOf = ({ weight = 1 }: Target): number => (weight > 0 && Number.isFinite(weight) ? weight : 0);

/**
 * Draws by weight, without putting back: the first is chosen with the share that its weight is of the whole, the next
 * likewise among the rest. Each has a point of [0, 1) of its own, which stays its own whoever else there is: where one
 * goes, the others keep their order (Efraimidis & Spirakis, 2006; with points by a hash: weighted rendezvous hashing).
 * What has no weight comes last, as listed.
 */
export function drawn(targets: readonly Target[], pointOf: (target: Target, index: number) => number): readonly Target[] {
  const places = targets.map((target, index) => {
    const weight = weightOf(target);
    // Of an exponential law with the rate `weight`: the smallest of several is each one's with the share of its rate.
    return { target, index, weight, arrival: weight === 0 ? 0 : -Math.log(1 - pointOf(target, index)) / weight };
  });
  const withWeight = places.filter(({ weight }) => weight > 0).sort((a, b) => rising(a.arrival, b.arrival) || a.index - b.index);
  return [...withWeight, ...places.filter(({ weight }) => weight === 0)].map(({ target }) => target);
}

/** Compares without subtracting: two that are infinite are equal. */
export const rising = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * What a target is known by from one revision of the configuration to the next: its own name, so that what stands behind
 * it may change, or else its model. A virtual model within another one is known by its name, whichever target it stands for.
 */
export const identityOf = (target: Target): string => target.name ?? nameOf(target);

/** An identity for each target, also where one is listed twice. */
export function distinctIdentities(targets: readonly Target[]): ReadonlyMap<Target, string> {
  const times = new Map<string, number>();
  return new Map(
    targets.map((target) => {
      const identity = identityOf(target);
      const time = (times.get(identity) ?? 0) + 1;
      times.set(identity, time);
      return [target, time === 1 ? identity : `${identity}#${time}`];
    }),
  );
}
