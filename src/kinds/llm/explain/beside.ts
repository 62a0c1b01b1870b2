import type { Exchange } from '../../../core/exchange.ts';
import type { Plan } from '../../../core/plan.ts';
import { besides } from '../../../core/routing/hedge.ts';
import { nameOf } from '../../../core/strategy.ts';
import type { Continued } from '../continued.ts';
import { mirrorOf } from '../mirror.ts';
import { candidatesOf } from '../routing/candidates.ts';
import { hedgeTime, mayRace } from '../routing/hedging.ts';
import type { Routed } from '../routing/route.ts';

/** Whether another target would be asked beside a slow first one. */
export interface ExplainedHedge {
  /** Milliseconds without content; null where nobody else would be asked. */
  readonly after: number | null;
  /** Who would be, as `provider/model`. */
  readonly target?: string;
  /** Why nobody would be. */
  readonly why?: string;
}

/** Whether a copy would be sent elsewhere. */
export interface ExplainedMirror {
  /** `provider/model`. */
  readonly to: string;
  /** Part of the calls, from 0 to 1: chance says which. */
  readonly share: number;
  /** Why none is sent, whatever chance says. */
  readonly why?: string;
}

interface Explained {
  readonly routed: Routed;
  readonly continued: Continued;
  readonly exchange: Exchange;
  readonly plan: Plan;
}

/** `undefined` where the model asks for none. */
export function explainHedge({ routed, continued, exchange, plan }: Explained): ExplainedHedge | undefined {
  const candidates = candidatesOf(continued.targets, routed, plan, exchange.ports);
  const [first] = candidates;
  const hedge = first === undefined ? undefined : (routed.rulesOf(first.target).hedge ?? routed.resolved.hedge);
  if (first === undefined || hedge === undefined) return undefined;
  const [beside] = besides(candidates, first);
  if (beside === undefined) return { after: null, why: 'there is nobody else to ask' };
  if (!mayRace(continued)) return { after: null, why: 'something of the answer is kept, and must be kept once' };
  const after = hedgeTime(hedge, first, exchange.ports.health, continued.call.head.stream);
  const target = nameOf(beside.target);
  if (after === undefined) return { after: null, target, why: 'this isolate has not seen 20 answers of the first target yet' };
  return { after: Math.round(after), target };
}

/** Likewise. `hasLedger`: whether the deployment has one, which a copy is paid from. */
export function explainMirror({ routed, continued, exchange, plan }: Explained, hasLedger: boolean): ExplainedMirror | undefined {
  const { mirror } = routed.resolved;
  if (mirror === undefined) return undefined;
  const { target, why } = mirrorOf(mirror, { call: continued.call, routed, exchange, plan }, hasLedger);
  return { to: nameOf(target), share: mirror.share, ...(why === undefined ? {} : { why }) };
}
