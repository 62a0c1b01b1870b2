import type { Standing } from '../../../core/ledger/meters.ts';
import { windowName } from '../../../core/ledger/windows.ts';

/** Seconds of windows that end by themselves. */
const SECONDS: { readonly [unit: string]: number } = { minute: 60, hour: 3_600, day: 86_400, week: 604_800, month: 2_592_000 };

/**
 * What is left, in the fields of draft-ietf-httpapi-ratelimit-headers-10, and the tightest limits on requests and tokens
 * in those that OpenAI's and Anthropic's SDKs read. Money is in nano-dollars there: quotas are whole numbers.
 */
export function standingHeaders(all: readonly Standing[], now: number): { readonly [name: string]: string } {
  // A soft limit is its operator's affair: callers who were told that nothing is left would stop.
  const standings = all.filter(({ soft }) => soft !== true);
  if (standings.length === 0) return {};
  const policies = standings.map((each) => `"${nameOf(each)}";q=${each.limit}${windowOf(each)}`);
  const left = standings.map((each) => `"${nameOf(each)}";r=${each.remaining}${resetOf(each, now)}`);
  return {
    'ratelimit-policy': policies.join(', '),
    ratelimit: left.join(', '),
    ...family('requests', standings, ['requests'], now),
    ...family('tokens', standings, ['tokens', 'tokens-in', 'tokens-out'], now),
  };
}

/** A name in the field's own grammar: letters, digits and dashes. */
const nameOf = ({ level, unit, window }: Standing) => [level, unit, windowName(window).replace(/[^A-Za-z0-9]+/g, '-')].join('-');

function windowOf({ window }: Standing): string {
  if (window.kind === 'rate') return `;w=${Math.ceil(window.milliseconds / 1000)}`;
  return window.kind === 'calendar' ? `;w=${SECONDS[window.unit]}` : '';
}

const resetOf = ({ resetsAt }: Standing, now: number) => (resetsAt === undefined ? '' : `;t=${secondsTo(resetsAt, now)}`);
const secondsTo = (at: number, now: number) => Math.max(0, Math.ceil((at - now) / 1000));

function family(
  kind: 'requests' | 'tokens',
  standings: readonly Standing[],
  units: readonly string[],
  now: number,
): Record<string, string> {
  const [tightest] = standings.filter(({ unit }) => units.includes(unit)).sort((a, b) => a.remaining - b.remaining);
  if (tightest === undefined) return {};
  const { limit, remaining, resetsAt } = tightest;
  return {
    [`x-ratelimit-limit-${kind}`]: String(limit),
    [`x-ratelimit-remaining-${kind}`]: String(remaining),
    [`anthropic-ratelimit-${kind}-limit`]: String(limit),
    [`anthropic-ratelimit-${kind}-remaining`]: String(remaining),
    ...(resetsAt === undefined
      ? {}
      : {
          [`x-ratelimit-reset-${kind}`]: `${secondsTo(resetsAt, now)}s`,
          [`anthropic-ratelimit-${kind}-reset`]: new Date(resetsAt).toISOString(),
        }),
  };
}
