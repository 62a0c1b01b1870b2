import type { JsonObject } from '../../core/json.ts';
import type { LedgerEvent } from '../../core/ledger/alerts.ts';
import { ownerOf } from '../../core/ledger/limits.ts';
import type { Unit } from '../../core/ledger/take.ts';
import { NANO_PER_USD } from '../../core/money.ts';

/** What a webhook may ask to be told of. */
export const webhookEvents = ['budget.alert', 'budget.exhausted', 'approval.requested', 'tool.quarantined'] as const;
export type WebhookEvent = (typeof webhookEvents)[number];

/** The body of a message: its type, when it happened, and what happened. */
export const bodyOf = (type: WebhookEvent | 'ping', at: number, data: JsonObject): string =>
  JSON.stringify({ type, timestamp: new Date(at).toISOString(), data });

/** What happened to a budget, in the words and units in which operators write limits. */
export function dataOf(event: LedgerEvent): JsonObject {
  const { unit, window, org, limit, used, start, resetsAt } = event;
  const { level, id, each, tools } = ownerOf(event);
  const inUnits = (amount: number) => written(unit, amount);
  const calendar = window.kind === 'calendar' ? window : undefined;
  return {
    ...{
      org,
      level,
      id,
      ...(each === undefined ? {} : { per: { [event.level]: each } }),
      ...(tools === undefined ? {} : { tools }),
      unit,
      window: calendar?.unit ?? null,
    },
    ...(calendar === undefined || calendar.zone === 'UTC' ? {} : { zone: calendar.zone }),
    ...{ limit: inUnits(limit), used: inUnits(used) },
    ...(event.type === 'budget.alert'
      ? { fraction: event.fraction, ...(event.soft === true ? { soft: true } : {}) }
      : { held: inUnits(event.held), asked: inUnits(event.asked) }),
    since: calendar === undefined ? null : new Date(start).toISOString(),
    resetsAt: resetsAt === undefined ? null : new Date(resetsAt).toISOString(),
  };
}

/** Money in dollars. */
const written = (unit: Unit, amount: number): number => (unit === 'usd' ? amount / NANO_PER_USD : amount);
