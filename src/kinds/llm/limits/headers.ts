import type { Standing } from '../../../core/ledger/meters.ts';
import type { Unit } from '../../../core/ledger/take.ts';
import type { Window } from '../../../core/ledger/windows.ts';

/** Seconds of windows that end by themselves. */
const SECONDS: { readonly [unit: string]: number } = { minute: 60, hour: 3_600, day: 86_400, week: 604_800, month: 2_592_000 };

type Headers = { [name: string]: string };

/**
 * What is left, in the fields of draft-ietf-httpapi-ratelimit-headers-10, and the tightest limits on requests and tokens
 * in those that the caller's SDKs read: Anthropic's in its dialect, OpenAI's in all others. Money is in nano-dollars there: quotas are whole numbers.
 */
export function standingHeaders(standings: readonly Standing[], now: number, dialect?: string): { readonly [name: string]: string } {
  let policies = '';
  let left = '';
  let requests: Standing | undefined;
  let tokens: Standing | undefined;
  for (const each of standings) {
    // A soft limit is its operator's affair: callers who were told that nothing is left would stop.
    if (each.soft === true) continue;
    const comma = policies === '' ? '"' : ', "';
    const name = nameOf(each);
    policies += `${comma}${name}";q=${each.limit}${windowOf(each)}`;
    left += `${comma}${name}";r=${each.remaining}${resetOf(each, now)}`;
    if (each.unit === 'requests') requests = tighter(requests, each);
    else if (isOfTokens(each.unit)) tokens = tighter(tokens, each);
  }
  if (policies === '') return {};
  const headers: Headers = { 'ratelimit-policy': policies, ratelimit: left };
  const put = dialect === 'anthropic' ? putAnthropic : putOpenai;
  if (requests !== undefined) put(headers, 'requests', requests, now);
  if (tokens !== undefined) put(headers, 'tokens', tokens, now);
  return headers;
}

/** A name in the field's own grammar: letters, digits and dashes. */
const nameOf = ({ level, unit, window }: Standing) => `${level}-${unit}-${spanOf(window)}`;

function spanOf(window: Window): string {
  if (window.kind === 'rate') return `${window.milliseconds}ms`;
  if (window.kind !== 'calendar') return window.kind;
  return window.zone === 'UTC' ? `${window.unit}-UTC` : `${window.unit}-${window.zone.replace(/[^A-Za-z0-9]+/g, '-')}`;
}

function windowOf({ window }: Standing): string {
  if (window.kind === 'rate') return `;w=${Math.ceil(window.milliseconds / 1000)}`;
  return window.kind === 'calendar' ? `;w=${SECONDS[window.unit]}` : '';
}

const resetOf = ({ resetsAt }: Standing, now: number) => (resetsAt === undefined ? '' : `;t=${secondsTo(resetsAt, now)}`);
const secondsTo = (at: number, now: number) => Math.max(0, Math.ceil((at - now) / 1000));

const isOfTokens = (unit: Unit) => unit === 'tokens' || unit === 'tokens-in' || unit === 'tokens-out';

/** The one of which less is left; the first of equals. */
const tighter = (known: Standing | undefined, each: Standing) => (known === undefined || each.remaining < known.remaining ? each : known);

/** https://platform.openai.com/docs/guides/rate-limits */
function putOpenai(headers: Headers, kind: 'requests' | 'tokens', { limit, remaining, resetsAt }: Standing, now: number): void {
  headers[`x-ratelimit-limit-${kind}`] = String(limit);
  headers[`x-ratelimit-remaining-${kind}`] = String(remaining);
  if (resetsAt !== undefined) headers[`x-ratelimit-reset-${kind}`] = `${secondsTo(resetsAt, now)}s`;
}

/** https://platform.claude.com/docs/en/api/rate-limits */
function putAnthropic(headers: Headers, kind: 'requests' | 'tokens', { limit, remaining, resetsAt }: Standing): void {
  headers[`anthropic-ratelimit-${kind}-limit`] = String(limit);
  headers[`anthropic-ratelimit-${kind}-remaining`] = String(remaining);
  if (resetsAt !== undefined) headers[`anthropic-ratelimit-${kind}-reset`] = new Date(resetsAt).toISOString();
}
