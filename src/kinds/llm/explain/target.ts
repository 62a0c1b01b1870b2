import type { Candidate } from '../../../core/attempt.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { Canon, Exchange } from '../../../core/exchange.ts';
import type { BreakerState } from '../../../core/health.ts';
import type { Foreseen } from '../../../core/hold.ts';
import { OperationCall } from '../../../core/operation.ts';
import type { Plan } from '../../../core/plan.ts';
import { nameOf, type StrategyTools, type Target } from '../../../core/strategy.ts';
import { foresee } from '../limits/foresee.ts';
import { operationNamed } from '../operations/index.ts';
import { placeOf, plannedProvider } from '../operations/upstream.ts';
import { candidatesOf } from '../routing/candidates.ts';
import type { Routed } from '../routing/route.ts';
import { prepare, refusedLoss, upstreamHeaders } from '../upstream.ts';

/** What keeps a target from being asked, as its caller would be told. */
export interface Obstacle {
  readonly code: GatewayError['code'];
  readonly status: number;
  readonly message: string;
}

/** Tokens, and nano-USD where a price is known. */
export interface Amount {
  readonly input: number;
  readonly output: number;
  readonly cost?: number;
}

/** One credential of a target, in the order in which they are asked. */
export interface ExplainedPlace {
  /** Absent where the provider has one alone. */
  readonly credential?: string;
  readonly state: BreakerState;
  readonly inFlight: number;
  readonly firstTokenMs?: number;
  /** Milliseconds since the epoch: when one that is not asked may be tried again. */
  readonly retryAt?: number;
  readonly lastError?: string;
}

/** What a target would be sent, and what is known of it now. */
export interface ExplainedTarget {
  /** `provider/model`. */
  readonly target: string;
  readonly name?: string;
  /** The model whose retries, timeouts and breaker hold for it. */
  readonly rules: string;
  /** Tries on it, the first included. */
  readonly tries: number;
  /** The form in which it is asked; absent where it cannot be. */
  readonly dialect?: string;
  readonly translated?: boolean;
  /** What of the call cannot be said in that form; what of an answer cannot is not known before there is one. */
  readonly loss: readonly string[];
  /** By which orderings go. */
  readonly estimate: Amount;
  /** What is held for where limits are; absent where it cannot be told. */
  readonly most?: Amount;
  readonly places: readonly ExplainedPlace[];
  readonly obstacle?: Obstacle;
}

export interface Explaining {
  readonly call: Canon['llm']['call'];
  readonly exchange: Exchange;
  readonly plan: Plan;
  readonly routed: Routed;
  readonly tools: StrategyTools;
}

export async function explainTarget(explaining: Explaining, target: Target) {
  const { call, exchange, plan, routed, tools } = explaining;
  const { name: rules, retry } = routed.rulesOf(target);
  const candidates = candidatesOf([target], routed, plan, exchange.ports);
  const sent = sentTo(explaining, target, candidates[0]?.credential);
  const foreseen = await foresee(call, target, plan, exchange).catch((thrown: unknown) => GatewayError.from(thrown));
  const obstacle = 'error' in sent ? sent.error : foreseen instanceof GatewayError ? foreseen : undefined;
  const cost = tools.cost(target);
  const explained: ExplainedTarget = {
    target: nameOf(target),
    ...(target.name === undefined ? {} : { name: target.name }),
    rules,
    tries: retry.attempts,
    ...('error' in sent ? { loss: [] } : sent),
    estimate: { ...tools.size(), ...(cost === undefined ? {} : { cost }) },
    ...(foreseen instanceof GatewayError ? {} : { most: amountOf(foreseen) }),
    places: candidates.map((candidate) => placeNow(candidate, exchange)),
    ...(obstacle === undefined ? {} : { obstacle: obstacleOf(obstacle) }),
  };
  return { explained, obstacle, foreseen: foreseen instanceof GatewayError ? undefined : foreseen };
}

export const obstacleOf = ({ code, status, message }: GatewayError): Obstacle => ({ code, status, message });

const amountOf = ({ usage, cost }: Foreseen): Amount => ({
  input: usage.input,
  output: usage.output,
  ...(cost === undefined ? {} : { cost }),
});

interface Sent {
  readonly dialect: string;
  readonly translated: boolean;
  readonly loss: readonly string[];
}

function sentTo(explaining: Explaining, target: Target, credential: string | undefined): Sent | { readonly error: GatewayError } {
  const { call, exchange, plan } = explaining;
  try {
    if (call instanceof OperationCall) return asOperation(call, target, explaining, credential);
    const { dialect, loss } = prepare(call, target, plan, exchange, credential);
    return { dialect: dialect.id, translated: dialect.id !== call.dialect.id, loss };
  } catch (thrown) {
    return { error: GatewayError.from(thrown) };
  }
}

/** By the rules of `operations/attempt.ts`, without anything being sent. */
function asOperation(call: OperationCall, target: Target, { exchange, plan }: Explaining, credential: string | undefined): Sent {
  const operation = operationNamed(call.operation);
  const planned = plannedProvider(plan, target.provider);
  const { shape } = placeOf(planned, operation, target.model);
  upstreamHeaders(call.headers, planned, exchange.ports.secrets, credential);
  if (shape === call.shape && call.shape === operation.shape) return { dialect: shape, translated: false, loss: [] };
  const translation = operation.translate?.(call, shape, target.model);
  if (translation === undefined) {
    throw new GatewayError(
      'not_supported',
      `The provider "${target.provider}" has another form of this operation, which this call cannot be said in.`,
    );
  }
  if (translation.loss.length > 0 && call.headers.get('x-weir-strict') === '1') throw refusedLoss(translation.loss);
  return { dialect: shape, translated: shape !== call.shape, loss: translation.loss };
}

function placeNow({ place, credential }: Candidate, { ports: { health } }: Exchange): ExplainedPlace {
  const named = credential === 'key' ? {} : { credential };
  if (health === undefined) return { ...named, state: 'closed', inFlight: 0 };
  const { state, inFlight, firstTokenMs } = health.of(place);
  const retryAt = health.retryAt(place);
  const lastError = health.lastError(place);
  return {
    ...named,
    state,
    inFlight,
    ...(firstTokenMs === undefined ? {} : { firstTokenMs: Math.round(firstTokenMs) }),
    ...(retryAt === undefined ? {} : { retryAt }),
    ...(lastError === undefined ? {} : { lastError }),
  };
}
