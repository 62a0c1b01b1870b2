import type { Json } from '../../../core/json.ts';
import type { Plan } from '../../../core/plan.ts';

const WRITTEN = new WeakMap<Plan, Map<string, Json>>();

/** The policies of a route with their settings, as text; written once for each plan. */
export function policiesOf(plan: Plan, name: string): Json {
  let routes = WRITTEN.get(plan);
  if (routes === undefined) {
    routes = new Map(
      plan.routes.map((route) => [route.name, JSON.stringify(route.policies.map(({ policy, settings }) => [policy.name, settings]))]),
    );
    WRITTEN.set(plan, routes);
  }
  return routes.get(name) ?? null;
}
