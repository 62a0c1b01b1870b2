import { GatewayError } from '../core/errors.ts';
import type { Identity } from '../core/exchange.ts';
import type { Plan, PlanRoute } from '../core/plan.ts';
import { Wire } from '../core/wire.ts';
import type { Arrival } from './exchange.ts';
import { readJsonBody } from './json-body.ts';

/**
 * A chat whose answer is to outlive its caller is answered elsewhere, and this is that answer: a Worker ends soon after
 * its caller has left. Any other call goes on here, as a request whose body can be read. Throws what reading a body
 * throws, and `overloaded`.
 */
export async function handOn(
  { request, handOn, requestId, startedAt, open, operation, address, drain }: Arrival,
  who: Identity,
  route: PlanRoute,
  plan: Plan,
): Promise<Request | Response> {
  if (handOn === undefined || drain !== undefined || open !== undefined || operation !== 'chat') return request;
  const body = await readJsonBody(request, plan);
  const headers = new Headers(request.headers);
  headers.delete('content-length');
  const whole = new Request(request, { headers, body });
  const lasts = drainOf(plan, route, address?.model ?? modelOf(body));
  if (lasts === undefined) return whole;
  try {
    return await handOn(whole, { requestId, who, startedAt, lasts, cf: request.cf });
  } catch (cause) {
    throw new GatewayError('overloaded', 'Who would read the answer on if its caller left cannot be reached. Ask again.', { cause });
  }
}

/** Milliseconds for which the answer outlives its caller; `undefined` where it does not. What a model says holds over what its route says. */
function drainOf(plan: Plan, route: PlanRoute, model: string): number | undefined {
  const lasts = plan.models.get(model)?.drain ?? route.drain ?? 0;
  return lasts > 0 ? lasts : undefined;
}

/** The model that a body names, by the name its caller has for it. Throws `invalid_json`. */
function modelOf(body: string): string {
  const model = Wire.read(body).fields.get('model');
  return typeof model === 'string' ? model : '';
}
