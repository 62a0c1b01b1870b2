import { meterKey, type Take } from '../../../core/ledger/take.ts';
import { type NanoUsd, nanoUsd } from '../../../core/money.ts';
import type { Outcome } from '../../../core/policy.ts';
import type { Counted } from './amounts.ts';

/** What those parts of a call came to that have been settled. */
export interface Before {
  readonly parts: number;
  readonly usage: Counted;
  readonly cost: number;
}

/** With one part more; tool calls were carried out once, whoever was told of them. */
export function withPart(before: Before | undefined, usage: Counted, cost: number): Before {
  if (before === undefined) return { parts: 1, usage, cost };
  return { parts: before.parts + 1, usage: sum(before.usage, usage, 1), cost: before.cost + cost };
}

/** What the last part came to, of what all of them did. */
export function lastPart(outcome: Outcome, before: Before): Outcome {
  const { usage, cost, ...rest } = outcome;
  return {
    ...rest,
    ...(usage === undefined ? {} : { usage: sum(usage, before.usage, -1) }),
    ...(cost === undefined ? {} : { cost: less(cost, before.cost) }),
  };
}

const less = (cost: NanoUsd, before: number): NanoUsd => nanoUsd(Math.max(0, cost - before));

/** Each number of both, never below zero; whatever else stands in the first. */
function sum(usage: Counted, other: Counted, sign: 1 | -1): Counted {
  const { estimated: _, toolCalls: _own, ...numbers } = other;
  const entries = Object.entries(numbers).map(([name, amount]) => {
    const own: unknown = Reflect.get(usage, name);
    return [name, Math.max(0, (typeof own === 'number' ? own : 0) + sign * (amount ?? 0))] as const;
  });
  return { ...usage, ...Object.fromEntries(entries) };
}

/** Of every meter that either takes from, the larger amount. */
export function largest(first: readonly Take[], second: readonly Take[]): readonly Take[] {
  const found = new Map(first.map((take) => [meterKey(take), take]));
  for (const take of second) {
    const known = found.get(meterKey(take));
    if (known === undefined || take.amount > known.amount) found.set(meterKey(take), take);
  }
  return [...found.values()];
}
