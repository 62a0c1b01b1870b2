import { modelsOf } from '../../../catalogue/catalogue.ts';
import { modelAt } from '../../../catalogue/cost.ts';
import type { Exchange } from '../../../core/exchange.ts';
import { OperationCall } from '../../../core/operation.ts';
import type { Plan, PlanProvider, PlanRoute, VirtualModel } from '../../../core/plan.ts';
import type { ModelCard } from '../../../core/price.ts';
import { targetsIn } from '../../../core/routing/targets.ts';
import { Wire } from '../../../core/wire.ts';

/** A model as callers may name it, whatever shape the list has. */
export interface ListedModel {
  readonly id: string;
  /** `weir` for virtual models, else the provider. */
  readonly owner: string;
  /** Tokens; absent where they are not known. */
  readonly context?: number;
  readonly maxOutput?: number;
  readonly writes?: readonly string[];
}

/**
 * Every model that can be named without knowing a vendor's own list: virtual models, and of each configured provider what
 * it always serves or the catalogue has of it.
 */
export function listModels(plan: Plan, at: number): readonly ListedModel[] {
  const virtual = [...plan.models.values()].map((model) => ({ id: model.name, owner: 'weir', ...limitsOf(virtualCard(model, plan, at)) }));
  const served = [...plan.providers.values()].flatMap((planned) => (planned.configured ? modelsAt(planned, at) : []));
  return [...virtual, ...served];
}

/** One model by its name; also one of a configured provider that no list has. */
export const findListed = (plan: Plan, id: string, at: number): ListedModel | undefined =>
  listModels(plan, at).find((each) => each.id === id);

function modelsAt(planned: PlanProvider, at: number): readonly ListedModel[] {
  const { id, models } = planned.provider;
  const names = models ?? modelsOf(planned.prices?.catalogue ?? id).map((card) => card.id);
  return names.map((name) => ({ id: `${id}/${name}`, owner: id, ...limitsOf(modelAt(planned, name, at)?.card) }));
}

/** What any target can take, the others can be asked too: the least of them holds. */
function virtualCard(model: VirtualModel, plan: Plan, at: number): ModelCard | undefined {
  const cards = targetsIn(model).map((target) => {
    const planned = plan.providers.get(target.provider);
    return planned === undefined ? undefined : modelAt(planned, target.model, at)?.card;
  });
  const [first] = cards;
  if (first === undefined) return undefined;
  const least = (name: 'context' | 'maxOutput') => {
    const values = cards.flatMap((card) => card?.[name] ?? []);
    return values.length === cards.length ? { [name]: Math.min(...values) } : {};
  };
  return { id: first.id, ...(first.writes === undefined ? {} : { writes: first.writes }), ...least('context'), ...least('maxOutput') };
}

const limitsOf = (card: ModelCard | undefined) => ({
  ...(card?.context === undefined ? {} : { context: card.context }),
  ...(card?.maxOutput === undefined ? {} : { maxOutput: card.maxOutput }),
  ...(card?.writes === undefined ? {} : { writes: card.writes }),
});

/** Whether the route lets a caller ask for a model by this name: what its policies say of models alone. */
export function mayAsk({ policies }: PlanRoute, exchange: Exchange): (id: string) => Promise<boolean> {
  const runs = policies.filter(({ policy }) => policy.name === 'models').map(({ policy, settings }) => policy.open(settings, exchange));
  return async (id) => {
    for (const run of runs) {
      const verdict = await run.request?.(asking(id));
      if (verdict !== undefined && !('go' in verdict)) return false;
    }
    return true;
  };
}

/** A call that names a model and says nothing. */
function asking(model: string): OperationCall {
  const head = { model, stream: false, wantsUsage: true };
  return new OperationCall('models', Wire.of({ model }), head, NO_HEADERS, 'openai', { head: () => head, texts: (body) => body });
}

const NO_HEADERS = new Headers();
