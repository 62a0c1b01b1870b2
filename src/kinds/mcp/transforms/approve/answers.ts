import type { JsonObject } from '../../../../core/json.ts';
import { Wire } from '../../../../core/wire.ts';

/** Where a result says what became of an approval. */
export const APPROVAL = 'weir/approval';

export interface Refusal {
  readonly status: 'denied' | 'cancelled' | 'pending' | 'expired' | 'used' | 'unasked';
  readonly text: string;
  readonly id?: string;
}

/** A call that was not made, as its caller is told: a model reads it and may go on without. */
export function notMade({ status, text, id }: Refusal): Wire {
  const said: JsonObject = { status, ...(id === undefined ? {} : { id }) };
  return Wire.of({ content: [{ type: 'text', text }], isError: true, _meta: { [APPROVAL]: said } });
}
