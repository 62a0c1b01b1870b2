import { GatewayError } from '../../../../core/errors.ts';
import type { OperationName } from '../../../../core/operation.ts';
import type { Plan, PlanProvider, Requirement } from '../../../../core/plan.ts';
import { checkProvider, firstUnmet } from '../../routing/permitted.ts';
import { type Place, placeOf } from '../upstream.ts';

/** Where a provider keeps these, at this path below its base URL. Throws `not_supported`. */
export const storedPlace = (planned: PlanProvider, name: OperationName, path: string): Place =>
  placeOf(planned, { name, path, shape: 'openai' }, '');

/**
 * The provider of a call that names no object: `x-weir-provider`, `?provider=`, or the only one there is that keeps files.
 * Throws `invalid_request` where the caller must say.
 */
export function chosenProvider(plan: Plan, named: string | undefined, name: OperationName, required: readonly Requirement[]): PlanProvider {
  if (named !== undefined) {
    const planned = plan.providers.get(named);
    if (planned === undefined) throw mustSay(`There is no provider "${named.slice(0, 64)}".`, candidates(plan, name, required));
    checkProvider(planned, plan, required);
    return planned;
  }
  const able = candidates(plan, name, required);
  const [only] = able;
  if (only === undefined) throw new GatewayError('not_supported', `No configured provider serves ${name} here.`);
  if (able.length > 1) throw mustSay(`More than one provider serves ${name}.`, able);
  return only;
}

const candidates = (plan: Plan, name: OperationName, required: readonly Requirement[]): readonly PlanProvider[] =>
  [...plan.providers.values()].filter(
    (planned) =>
      planned.configured && serves(planned, name) && firstUnmet({ provider: planned.provider.id, model: '' }, plan, required) === undefined,
  );

/** Unlike for a call that names a model, nothing is tried on providers that never said they keep files. */
const serves = ({ provider }: PlanProvider, name: OperationName) =>
  provider.respond === undefined && provider.operations?.[name] !== undefined && provider.operations[name] !== false;

const mustSay = (why: string, able: readonly PlanProvider[]) =>
  new GatewayError(
    'invalid_request',
    `${why} Name one in the header x-weir-provider: ${able.map(({ provider }) => provider.id).join(', ') || 'none is configured'}.`,
    { param: 'x-weir-provider' },
  );
