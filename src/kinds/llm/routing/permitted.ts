import { GatewayError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { Plan, PlanProvider, Requirement, VirtualModel } from '../../../core/plan.ts';
import { isEmpty, unmet } from '../../../core/routing/require.ts';
import type { Target } from '../../../core/strategy.ts';

/** What the route asks of every target, whatever model is named. */
export function requiredBy({ route }: Pick<Exchange, 'route'>, plan: Plan): readonly Requirement[] {
  const required = plan.routes.find(({ name }) => name === route.name)?.require;
  return required === undefined || isEmpty(required) ? NOTHING : [required];
}

const NOTHING: readonly Requirement[] = [];

/** Why a target may not answer; `undefined` where it may. */
export function firstUnmet(target: Target, plan: Plan, required: readonly Requirement[]): string | undefined {
  for (const each of required) {
    const reason = isEmpty(each) ? undefined : unmet(target, plan.providers.get(target.provider), each);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** The targets of a virtual model that may answer, those of nested ones included, in the order of the document. */
export function permittedIn({ options, require }: VirtualModel, plan: Plan, above: readonly Requirement[]): readonly Target[] {
  const required = [...above, require];
  return options.flatMap((option) => {
    if ('virtual' in option) return permittedIn(option.virtual, plan, required);
    return firstUnmet(option, plan, required) === undefined ? [option] : [];
  });
}

/** What a provider keeps for callers stands where the provider stands. Throws `model_not_allowed`. */
export function checkProvider({ provider }: PlanProvider, plan: Plan, required: readonly Requirement[]): void {
  const reason = firstUnmet({ provider: provider.id, model: '' }, plan, required);
  if (reason === undefined) return;
  throw new GatewayError('model_not_allowed', `The provider "${provider.id}" may not be used here: ${reason}.`, {
    param: 'x-weir-provider',
  });
}
