import type { Canon, Destination, Exchange } from '../../../core/exchange.ts';
import type { Json } from '../../../core/json.ts';
import type { Plan, PlanProvider } from '../../../core/plan.ts';
import { nameOf } from '../../../core/strategy.ts';
import { policiesOf } from './policies.ts';
import { routeEarly } from './route.ts';

/** Callers' headers that change what is asked of any provider. */
const ASKING = ['x-weir-strict'];

/**
 * The first target of a call, which the call is sent to unless that fails. `undefined` where it is asked with the caller's
 * own credential: what it answers may depend on whose that is.
 */
export async function destinationOf(call: Canon['llm']['call'], exchange: Exchange, plan: Plan): Promise<Destination | undefined> {
  const { targets } = await routeEarly(call, exchange, plan);
  const [target] = targets;
  const provider = target === undefined ? undefined : plan.providers.get(target.provider);
  if (target === undefined || provider === undefined || provider.passthrough === true) return undefined;
  return {
    model: nameOf(target),
    provider: target.provider,
    under: {
      revision: plan.revision,
      // The bundled document's revision is always the same, whatever it says.
      policies: policiesOf(plan, exchange.route.name),
      provider: placeOf(provider),
      headers: saidIn(call.headers, provider),
    },
  };
}

const placeOf = ({ dialects }: PlanProvider): Json => dialects.map(({ dialect, baseUrl }) => [dialect.id, baseUrl]);

function saidIn(headers: Headers, { provider }: PlanProvider): Json {
  return [...ASKING, ...(provider.forwards ?? [])].flatMap((name) => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value]];
  });
}
