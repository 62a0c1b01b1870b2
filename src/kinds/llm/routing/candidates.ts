import type { Candidate } from '../../../core/attempt.ts';
import type { Health } from '../../../core/health.ts';
import type { Plan, PlanProvider } from '../../../core/plan.ts';
import type { Secrets } from '../../../core/ports.ts';
import type { Target } from '../../../core/strategy.ts';
import { placeOf } from './place.ts';
import type { Routed } from './route.ts';

const ONLY: readonly string[] = ['key'];

/** Every target with each of its credentials: those first that may be asked now and have most left. */
export function candidatesOf(
  targets: readonly Target[],
  { rulesOf, affinity }: Pick<Routed, 'rulesOf' | 'affinity'>,
  plan: Plan,
  { health, secrets }: { readonly health?: Health | undefined; readonly secrets: Secrets },
): readonly Candidate[] {
  return targets.flatMap((target) => {
    const { retry, breaker } = rulesOf(target);
    const provider = plan.providers.get(target.provider);
    const candidates = credentialsOf(target, provider, health, secrets).map((credential) => ({
      target,
      credential,
      place: placeOf(target, provider, credential, secrets),
      attempts: retry.attempts,
      on: retry.on,
      breaker,
    }));
    const last = candidates.findIndex(({ place }) => place === affinity?.last);
    return last > 0 ? [...candidates.splice(last, 1), ...candidates] : candidates;
  });
}

function credentialsOf(target: Target, planned: PlanProvider | undefined, health: Health | undefined, secrets: Secrets): readonly string[] {
  const all = planned?.credentials ?? ONLY;
  if (planned === undefined || all.length === 1) return all;
  // One whose secret is not set is no credential; where none is, the first says so.
  const set = all.filter((name) => isSet(planned, secrets, name));
  if (set.length < 2 || health === undefined) return set.length === 0 ? all.slice(0, 1) : set;
  const ranked = set.map((name) => {
    const place = placeOf(target, planned, name, secrets);
    const { state, inFlight } = health.of(place);
    return {
      name,
      isOpen: state === 'open' ? 1 : 0,
      left: health.headroom(place, target.capacity)?.tokens ?? Number.POSITIVE_INFINITY,
      inFlight,
    };
  });
  // Where nothing is known of what is left, the one with the least under way: so calls are spread over all of them.
  ranked.sort((a, b) => a.isOpen - b.isOpen || (a.left === b.left ? a.inFlight - b.inFlight : b.left - a.left));
  return ranked.map(({ name }) => name);
}

function isSet(planned: PlanProvider, secrets: Secrets, name: string): boolean {
  try {
    return planned.credential(secrets, name) !== undefined;
  } catch {
    // It may be there, and cannot be read now: whoever has no other is told so.
    return false;
  }
}
