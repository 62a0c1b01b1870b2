import { GatewayError } from '../../../core/errors.ts';
import { isBudget } from '../../../core/ledger/alerts.ts';
import type { Refusal } from '../../../core/ledger/holds.ts';
import { ownerOf } from '../../../core/ledger/limits.ts';
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
  session: 'this session',
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

/** A limit that is reached, as the caller is told: whose, how much, when it frees. Ids stay inside. `asked`: a model, or a tool. */
export function refused(refusal: Refusal, now: number, asked: 'model' | 'tool' = 'model'): GatewayError {
  switch (refusal.reason) {
    case 'limit':
      return limitReached(refusal, now, asked);
    case 'stopped':
      return new GatewayError('run_stopped', 'The operator has stopped this run.');
    case 'outdated':
      return new GatewayError('overloaded', 'What is known of this key is out of date. Try again in a moment.', { retryAfter: 1 });
    default:
      return new GatewayError('conflict', 'A call with this request id has ended already.');
  }
}

function limitReached(refusal: LimitRefusal, now: number, asked: 'model' | 'tool'): GatewayError {
  const { level, unit, window, limit, freesAt } = refusal;
  const { tools } = ownerOf(refusal);
  const of = tools === undefined ? '' : ` for ${tools.join(', ')}`;
  const amount = `${unit === 'usd' ? `${formatUsd(nanoUsd(limit))} US dollars` : `${limit} ${NAMES[unit]}`}${of}`;
  const period =
    window.kind === 'rate'
      ? ` every ${window.milliseconds / 1000} s`
      : window.kind === 'calendar'
        ? ` ${window.unit === 'hour' ? 'an' : 'a'} ${window.unit}`
        : '';
  const when = freesAt === undefined ? '' : ` It frees at ${new Date(freesAt).toISOString()}.`;
  const sentence = `The limit of ${OWNERS[level]}, ${amount}${period}, leaves no room for this call.${when}`;
  if (!isBudget(refusal)) {
    const seconds = freesAt === undefined ? 1 : Math.max(1, Math.ceil((freesAt - now) / 1000));
    // In the words that clients look for where they have no header to read: Codex on a WebSocket, LangChain.
    return new GatewayError('rate_limited', `${sentence} Try again in ${seconds} s.`, { retryAfter: seconds });
  }
  const less = asked === 'model' ? 'Ask for less (a lower output limit), or ask' : 'Ask';
  return new GatewayError('budget_exceeded', `${sentence} ${less} the operator for more.`);
}
