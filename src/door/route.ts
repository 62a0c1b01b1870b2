import { GatewayError } from '../core/errors.ts';
import type { Identity } from '../core/exchange.ts';
import type { Plan, PlanRoute } from '../core/plan.ts';
import { checkRoute } from '../identity/api-key/allowed.ts';
import { policiesOf } from '../identity/api-key/models.ts';

export function llmRoute(plan: Plan): PlanRoute {
  const route = plan.routes.find(({ kind }) => kind === 'llm');
  if (route === undefined) throw new GatewayError('internal', 'The plan has no route for language models.');
  return route;
}

/** The route as it is for this caller: what its key may ask for is looked at before the route's own policies. Throws `not_allowed`. */
export function routeFor(plan: Plan, who: Identity): PlanRoute {
  const route = llmRoute(plan);
  if (who.allowed === undefined) return route;
  checkRoute(who, route.name);
  const own = policiesOf(who);
  return own.length === 0 ? route : { ...route, policies: [...own, ...route.policies] };
}
