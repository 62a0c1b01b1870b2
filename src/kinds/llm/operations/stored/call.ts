import { GatewayError } from '../../../../core/errors.ts';
import type { Exchange } from '../../../../core/exchange.ts';
import { isArray, isObject, type JsonObject, parseJson } from '../../../../core/json.ts';
import type { Plan } from '../../../../core/plan.ts';
import { readText } from '../../../../core/reader.ts';
import { freeCall } from '../../limits/free.ts';
import type { Line } from '../../upstream.ts';
import { REPLY_BYTES } from '../attempt.ts';
import { type Outgoing, type Place, prepareRequest, sendTo } from '../upstream.ts';
import type { StoredIds, StoredKind } from './ids.ts';

/** What is asked of files or batches. */
export interface StoredAsk {
  readonly kind: StoredKind;
  readonly verb: 'create' | 'list' | 'retrieve' | 'delete' | 'content' | 'cancel';
  /** As the caller was handed it. */
  readonly id?: string;
  readonly request: Request;
  /** The body of a batch. */
  readonly body?: JsonObject;
}

/** One such call, under way. */
export interface StoredCall extends StoredAsk {
  readonly ids: StoredIds;
  readonly exchange: Exchange;
  readonly plan: Plan;
  readonly line: Line;
}

const NAMES = { file: 'files', batch: 'batches' } as const;
export const nameOfKind = (kind: StoredKind) => NAMES[kind];

/** Asks for something at a place and reads the object that comes back. */
export async function objectFrom(call: StoredCall, place: Place, outgoing: Outgoing): Promise<JsonObject> {
  const { request, exchange, line } = call;
  exchange.note('provider', place.planned.provider.id);
  await exchange.hold?.take(freeCall(place.planned.provider.id));
  const response = await sendTo(await prepareRequest(outgoing, place, request.headers, line.signal, exchange), exchange);
  const object = parseJson((await readText(response, REPLY_BYTES)) ?? '');
  line.answered();
  if (!isObject(object)) throw new GatewayError('upstream_invalid', 'The provider answered with something that is not a JSON object.');
  return object;
}

export const itemsOf = ({ data }: JsonObject): readonly JsonObject[] => (isArray(data) ? data.filter(isObject) : []);
