import { type Place, placeName } from '../../../core/health.ts';
import type { PlanProvider } from '../../../core/plan.ts';
import type { Secrets } from '../../../core/ports.ts';
import type { Target } from '../../../core/strategy.ts';

/**
 * The place of a target with one of its provider's credentials. One that each organisation keeps itself is as many places
 * as there are organisations: what a vendor refuses one of them says nothing of the others.
 */
export function placeOf({ provider, model }: Target, planned: PlanProvider | undefined, credential: string, secrets: Secrets): Place {
  const org = planned?.vault?.[credential] === undefined ? undefined : secrets.vault?.org;
  return placeName(provider, model, org === undefined ? credential : `${credential}@${org}`);
}
