import type { Candidate } from '../../../core/attempt.ts';
import type { LlmCall } from '../../../core/call.ts';
import type { Health } from '../../../core/health.ts';
import type { PlanHedge } from '../../../core/plan.ts';
import type { Continued } from '../continued.ts';
import { RESPONSES } from '../responses/items.ts';

/**
 * Whether nothing is left at a vendor when a call is asked there, so that asking another one beside it leaves nothing
 * twice. Responses are kept unless the caller says otherwise, and so are chat completions where it says so:
 * https://platform.openai.com/docs/api-reference/responses/create#responses-create-store
 */
export function leavesNothing({ dialect, wire: { fields }, operation }: LlmCall): boolean {
  if (operation !== 'chat' || fields.get('background') === true) return false;
  return dialect.id === RESPONSES ? fields.get('store') === false : fields.get('store') !== true;
}

/** Whether an answer may come from either of two targets: those who keep something of it must hear only one. */
export function mayRace({ call, keepers }: Pick<Continued, 'call' | 'keepers'>): boolean {
  if (!leavesNothing(call)) return false;
  return call.head.stream ? keepers.every(({ begun, whole }) => begun === undefined && whole === undefined) : keepers.length === 0;
}

/** Milliseconds that a candidate may take to begin before another is asked beside it; `undefined` where that is not known. */
export function hedgeTime(hedge: PlanHedge, { place }: Candidate, health: Health | undefined, stream: boolean): number | undefined {
  if (hedge.after !== 'p95') return hedge.after;
  const known = health?.of(place);
  return stream ? known?.firstTokenP95 : known?.answerP95;
}
