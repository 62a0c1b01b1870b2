import type { ErrorCode } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { Foreseen } from '../../../core/hold.ts';
import { isBudget } from '../../../core/ledger/alerts.ts';
import { ownerOf, takesFor } from '../../../core/ledger/limits.ts';
import type { Looked, Standing } from '../../../core/ledger/meters.ts';
import { meterKey, type Take, type Unit } from '../../../core/ledger/take.ts';
import { windowName } from '../../../core/ledger/windows.ts';
import { formatUsd, nanoUsd } from '../../../core/money.ts';
import { takenBy } from '../limits/amounts.ts';

/** Reads what stands at meters, without taking anything: so many at once at most. */
export type Look = (takes: readonly Take[]) => Promise<Looked>;
const AT_ONCE = 64;

/** One limit that the call would be held to, in its own unit; dollars for `usd`. */
export interface ExplainedLimit {
  readonly level: string;
  /** Which user, run … is counted, where each is on its own. */
  readonly each?: string;
  readonly unit: Unit;
  readonly window: string;
  readonly limit: number;
  readonly remaining: number;
  /** What the call needs of it at least to be let through. */
  readonly needs: number;
  readonly fits: boolean;
  /** It refuses nothing. */
  readonly soft?: true;
  /** Milliseconds since the epoch: when nothing of it is used any more. */
  readonly resetsAt?: number;
}

export interface ExplainedLimits {
  readonly allowed: boolean;
  /** The code with which the call would be refused. */
  readonly code?: ErrorCode;
  readonly items: readonly ExplainedLimit[];
}

/** Whether the limits would let the call through, for each thing that it may come to. Nothing is held. */
export async function explainLimits(
  foreseen: readonly (Foreseen | undefined)[],
  exchange: Exchange,
  look: Look | undefined,
): Promise<readonly ExplainedLimits[]> {
  const taken = foreseen.map((each) => (each === undefined ? [] : takesOf(each, exchange)));
  const standing = await standingAt(taken.flat(), look);
  return foreseen.map((each, at) => {
    const items = (taken[at] ?? []).flatMap((take) => {
      const found = standing.get(meterKey(take));
      return found === undefined ? [] : [{ take, item: explainedLimit(take, found) }];
    });
    const code =
      look === undefined && isLimited(exchange) ? 'overloaded' : each === undefined ? undefined : refusalOf(each, exchange, items);
    return { allowed: code === undefined, ...(code === undefined ? {} : { code }), items: items.map(({ item }) => item) };
  });
}

const isLimited = ({ who: { limits = [] } }: Exchange) => limits.length > 0;

/** What must be there for the call to begin: where the answer may be held for in part, the least part. */
function takesOf(foreseen: Foreseen, { who, run, user }: Exchange): readonly Take[] {
  const { org, team, app, keyId: key, limits = [] } = who;
  const { provider, model, part } = foreseen;
  const least = part !== undefined && part.usual < foreseen.usage.output ? { ...foreseen, ...part.of(part.usual) } : foreseen;
  const subjects = { org, team, app, key, provider, model, ...(run === undefined ? {} : { run }), ...(user === undefined ? {} : { user }) };
  return takesFor(limits, subjects, takenBy(least));
}

async function standingAt(takes: readonly Take[], look: Look | undefined): Promise<ReadonlyMap<string, Standing>> {
  const found = new Map<string, Standing>();
  if (look === undefined) return found;
  const all = [...new Map(takes.map((take) => [meterKey(take), take])).entries()];
  for (let from = 0; from < all.length; from += AT_ONCE) {
    const some = all.slice(from, from + AT_ONCE);
    const { standings } = await look(some.map(([, take]) => take));
    for (const [at, [key]] of some.entries()) {
      const standing = standings[at];
      if (standing !== undefined) found.set(key, standing);
    }
  }
  return found;
}

interface Item {
  readonly take: Take;
  readonly item: ExplainedLimit;
}

function refusalOf({ cost }: Foreseen, { who: { limits = [] } }: Exchange, items: readonly Item[]): ErrorCode | undefined {
  const hasBudget = limits.some((each) => each.limits.some(({ unit, soft }) => unit === 'usd' && soft !== true));
  // No budget can hold what has no price.
  if (cost === undefined && hasBudget) return 'model_not_allowed';
  const full = items.filter(({ item }) => !item.fits);
  if (full.length === 0) return undefined;
  return full.some(({ take }) => isBudget(take)) ? 'budget_exceeded' : 'rate_limited';
}

function explainedLimit(take: Take, { remaining, resetsAt }: Standing): ExplainedLimit {
  const { unit, window, limit, amount, soft } = take;
  const { level, each } = ownerOf(take);
  return {
    level,
    ...(each === undefined ? {} : { each }),
    unit,
    window: windowName(window),
    limit: amountIn(unit, limit),
    remaining: amountIn(unit, remaining),
    needs: amountIn(unit, amount),
    fits: soft === true || amount <= remaining,
    ...(soft === undefined ? {} : { soft }),
    ...(resetsAt === undefined ? {} : { resetsAt }),
  };
}

const amountIn = (unit: Unit, value: number): number => (unit === 'usd' ? Number(formatUsd(nanoUsd(value))) : value);
