import { GatewayError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import { asString, type Json, type JsonObject } from '../../../core/json.ts';
import type { Plan } from '../../../core/plan.ts';
import type { Item } from './items.ts';

/** A request about something that is kept, beside the calls that ask a model. */
export interface ResourceRequest {
  readonly method: string;
  /** The path below the resource's own, decoded: an id, and what of it. */
  readonly at: readonly string[];
  readonly query: URLSearchParams;
  /** Absent where there is none. */
  readonly body: JsonObject | undefined;
  readonly headers: Headers;
}

export interface ResourceAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | ReadableStream<Uint8Array>;
}

export type ResourceExchange = Pick<Exchange, 'id' | 'who' | 'ports' | 'signal' | 'hold'>;

/** Serves it, or throws what is wrong with it: `not_found`, `method_not_allowed`, `invalid_request`, `state_off`. */
export type ServeResource = (request: ResourceRequest, exchange: ResourceExchange, plan: Plan) => Promise<ResourceAnswer>;

export const jsonAnswer = (body: Json): ResourceAnswer => ({ status: 200, contentType: 'application/json', body: JSON.stringify(body) });

export const unknownId = (what: string, id: string) => new GatewayError('not_found', `${what} with id '${id.slice(0, 200)}' not found.`);

export const onlyMethods = (allow: string) => new GatewayError('method_not_allowed', `This path takes ${allow}.`, { allow });

const MOST = 100;

/** One page of a list, newest first unless asked otherwise: https://platform.openai.com/docs/api-reference/responses/input-items. */
export function page(items: readonly Item[], query: URLSearchParams): JsonObject {
  const limit = Number(query.get('limit') ?? 20);
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST) {
    throw new GatewayError('invalid_request', `limit is a whole number from 1 to ${MOST}.`, { param: 'limit' });
  }
  const ordered = query.get('order') === 'asc' ? items : items.toReversed();
  const after = query.get('after');
  const from = after === null ? 0 : ordered.findIndex(({ id }) => id === after) + 1;
  if (after !== null && from === 0) throw new GatewayError('invalid_request', `after names no item of this list.`, { param: 'after' });
  const data = ordered.slice(from, from + limit);
  return {
    object: 'list',
    data,
    first_id: asString(data[0]?.id) ?? null,
    last_id: asString(data.at(-1)?.id) ?? null,
    has_more: from + limit < ordered.length,
  };
}
