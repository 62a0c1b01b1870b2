import { GatewayError } from '../../../core/errors.ts';
import type { Refusal } from '../../../core/ledger/holds.ts';
import type { Unit } from '../../../core/ledger/take.ts';
import { formatUsd, nanoUsd } from '../../../core/money.ts';

type LimitRefusal = Extract<Refusal, { readonly reason: 'limit' }>;

const OWNERS: { readonly [level in LimitRefusal['level']]: string } = {
  org: 'the organisation',
  team: 'the team',
  app: 'the app',
  key: 'this key',
  user: 'this user',
  run: 'this run',
  model: 'this model',
  provider: 'this provider',
};

const NAMES: { readonly [unit in Unit]: string } = {
  requests: 'requests',
  tokens: 'tokens',
  'tokens-in': 'input tokens',
  'tokens-out': 'output tokens',
  usd: 'US dollars',
  concurrent: 'calls at the same time',
  'tool-calls': 'tool calls',
  images: 'images',
  seconds: 'seconds',
};

/** A limit that is reached, as the caller is told: whose, how much, when it frees. Ids stay inside. */
export function refused(refusal: Refusal, now: number): GatewayError {
  switch (refusal.reason) {
    case 'limit':
      return limitReached(refusal, now);
    case 'stopped':
      return new GatewayError('budget_exceeded', 'The operator has stopped this run.');
    case 'revoked':
      return new GatewayError('invalid_key', 'The gateway key is not valid any more. Ask the operator for a new one.');
    default:
      return new GatewayError('conflict', 'A call with this request id has ended already.');
  }
}

function limitReached({ level, unit, window, limit, freesAt }: LimitRefusal, now: number): GatewayError {
  const amount = unit === 'usd' ? `${formatUsd(nanoUsd(limit))} US dollars` : `${limit} ${NAMES[unit]}`;
  const period =
    window.kind === 'rate'
      ? ` every ${window.milliseconds / 1000} s`
      : window.kind === 'calendar'
        ? ` ${window.unit === 'hour' ? 'an' : 'a'} ${window.unit}`
        : '';
  const when = freesAt === undefined ? '' : ` It frees at ${new Date(freesAt).toISOString()}.`;
  const sentence = `The limit of ${OWNERS[level]}, ${amount}${period}, leaves no room for this call.${when}`;
  // What time mends soon is a rate; what an operator or the next month mends is a budget, and asking again is useless.
  const isRate = window.kind === 'rate' || window.kind === 'held' || (window.kind === 'calendar' && /^(minute|hour)$/.test(window.unit));
  if (unit !== 'usd' && isRate) {
    const seconds = freesAt === undefined ? 1 : Math.max(1, Math.ceil((freesAt - now) / 1000));
    return new GatewayError('rate_limited', sentence, { retryAfter: seconds });
  }
  return new GatewayError('budget_exceeded', `${sentence} Ask for less (a lower output limit), or ask the operator for more.`);
}
