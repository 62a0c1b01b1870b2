import type { PlanProvider, Requirement } from '../plan.ts';
import type { Target } from '../strategy.ts';

/**
 * Why a target may not answer; `undefined` where it may. What is not known counts as not fulfilled: nobody's data leaves
 * a region because somebody forgot to write down where a server stands.
 */
export function unmet(target: Target, provider: PlanProvider | undefined, requirement: Requirement): string | undefined {
  const { regions, zeroRetention } = requirement;
  if (regions !== undefined) {
    const region = target.region ?? provider?.region;
    if (region === undefined) return `its region is not known, and must be one of ${regions.join(', ')}`;
    if (!regions.some((allowed) => isWithin(region, allowed))) return `it is in ${region}, and must be in one of ${regions.join(', ')}`;
  }
  if (zeroRetention === true && (target.zeroRetention ?? provider?.zeroRetention) !== true) return 'it may keep what it is sent';
  return undefined;
}

/** `eu-west-1` and `eu.frankfurt` lie within `eu`; `europe` does not. */
function isWithin(region: string, allowed: string): boolean {
  const [inner, outer] = [region.toLowerCase(), allowed.toLowerCase()];
  return inner === outer || (inner.startsWith(outer) && /^[-._/]/.test(inner.slice(outer.length)));
}

export const isEmpty = ({ regions, zeroRetention }: Requirement): boolean => regions === undefined && zeroRetention === undefined;
