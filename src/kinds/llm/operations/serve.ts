import { walk } from '../../../core/attempt.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { JsonObject } from '../../../core/json.ts';
import type { Reply, ReplyEnd } from '../../../core/kind.ts';
import type { OperationCall } from '../../../core/operation.ts';
import type { Plan } from '../../../core/plan.ts';
import type { PolicyChain } from '../../../core/run.ts';
import type { Target } from '../../../core/strategy.ts';
import { openaiChat } from '../../../dialects/openai-chat/index.ts';
import { nameOf, sleep, unreachable } from '../ask.ts';
import { foresee } from '../limits/foresee.ts';
import { type Resolved, resolveModel } from '../resolve.ts';
import { withCallerLimit } from '../serve.ts';
import { openLine } from '../upstream.ts';
import { type Answered, ask } from './attempt.ts';
import { editReply } from './edit-reply.ts';
import { operationNamed } from './index.ts';
import { chargeFor, settleUsage } from './meter.ts';
import type { Operation } from './operation.ts';
import { relay } from './relay.ts';

/** What serving one call needs to know at every step. */
interface Serving {
  readonly call: OperationCall;
  readonly operation: Operation;
  readonly exchange: Exchange;
  readonly chain: PolicyChain;
  readonly plan: Plan;
  readonly resolved: Resolved;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
}

/** Serves one call of an operation beside chat, by the same rules: models, targets, retries, policies, limits. */
export async function serveOperation(call: OperationCall, exchange: Exchange, chain: PolicyChain, plan: Plan): Promise<Reply> {
  const operation = operationNamed(call.operation);
  exchange.note('operation', call.operation);
  const resolved = withCallerLimit(resolveModel(plan, call.head.model), call);
  const { strategy } = resolved;
  const ordered =
    strategy === undefined
      ? resolved.targets
      : await strategy.strategy.order(resolved.targets, strategy.settings, call, exchange, Math.random);
  if (call.head.stream && operation.replyTexts !== undefined && chain.touches !== 'nothing') {
    throw new GatewayError(
      'not_supported',
      'A policy of this route looks at answers, which it cannot do in a streamed transcription. Ask without `stream`.',
    );
  }
  const deadline = exchange.ports.clock.now() + resolved.timeout.total;
  const serving: Serving = { call, operation, exchange, chain, plan, resolved, deadline };
  const { answer, attempts } = await walkTargets(serving, ordered);
  return replyOf(serving, answer, attempts);
}

/** A form that flows through can be sent to one target, once. Where others stand behind it, it is held if it can be. */
async function walkTargets(serving: Serving, ordered: readonly Target[]) {
  const { call, exchange, resolved, deadline } = serving;
  const { form } = call;
  // How much a call may come to stands anywhere in a form, also behind its files, and in the files themselves.
  if (exchange.hold !== undefined) await form?.hold('a key with limits needs all of it here: what it may cost is worked out first');
  else if (form?.fits === true && ordered.length > 1) await form.hold('the model has several targets');
  const isOnce = form !== undefined && !form.isHeld;
  const limits = { attempts: isOnce ? 1 : resolved.attempts, deadline };
  const tools = { clock: exchange.ports.clock, signal: exchange.signal, sleep, random: Math.random };
  return walk(isOnce ? ordered.slice(0, 1) : ordered, limits, tools, (target) => attempt(serving, target));
}

async function attempt(serving: Serving, target: Target): Promise<Answered> {
  const { call, exchange, resolved, deadline } = serving;
  const left = Math.max(1, deadline - exchange.ports.clock.now());
  await exchange.hold?.take(await foresee(call, target, serving.plan, exchange));
  const line = openLine(call.head.stream ? Math.min(resolved.timeout.firstToken, left) : left);
  try {
    const answered = await ask(serving, target, line);
    line.answered();
    return answered;
  } catch (thrown) {
    // What was wrong with the form is why the connection broke; a deadline aborts it, and its own error says nothing.
    const error = call.form?.fault ?? unreachable(line.signal.aborted ? line.signal.reason : thrown);
    line.abort(error);
    throw error;
  }
}

async function replyOf(serving: Serving, answered: Answered, attempts: number): Promise<Reply> {
  const { target, at } = answered;
  const servedModel = nameOf(target);
  const end = { servedModel, attempts, firstTokenAt: at };
  if (answered.type === 'bytes') return relayed(serving, answered, end);
  const { body, contentType, said, loss } = answered.type === 'json' ? await jsonOf(serving, answered) : await textOf(serving, answered);
  const usage = settleUsage(serving.operation, serving.call, said, answered.type === 'text' ? answered.text : '', serving.exchange);
  const charged = chargeFor(serving.plan, target, usage, at);
  const done: ReplyEnd = { status: 'complete', usage, ...end, ...charged };
  const cost = charged.cost === undefined ? {} : { cost: charged.cost };
  return { status: 200, contentType, body, stream: false, servedModel, attempts, loss, done, ...cost };
}

async function jsonOf({ operation, call, chain }: Serving, answered: Answered & { readonly type: 'json' }) {
  const { reported } = answered;
  const settled = reported === undefined ? (operation.settle?.(call, answered.body) ?? answered.body) : answered.body;
  const { body, loss } = await editReply(operation, settled, chain);
  return {
    body: body === answered.body ? answered.text : JSON.stringify(body),
    contentType: 'application/json',
    said: reported === undefined ? operation.usage(answered.body) : reported.usage,
    loss: [...answered.loss, ...loss],
  };
}

/** Subtitles and plain transcripts: the answer is one text. */
async function textOf({ operation, chain }: Serving, answered: Answered & { readonly type: 'text' }) {
  const { body } = operation.replyTexts === undefined ? { body: undefined } : await editReply(operation, { text: answered.text }, chain);
  const text = typeof body?.text === 'string' ? body.text : answered.text;
  return { body: text, contentType: answered.contentType, said: undefined, loss: answered.loss };
}

function relayed(serving: Serving, answered: Answered & { readonly type: 'bytes' }, end: Omit<ReplyEnd, 'status'>): Reply {
  const { operation, call, exchange, plan, resolved, deadline } = serving;
  const { response, source, first, isEvents, line } = answered;
  const { readable, writable } = exchange.ports.pipe(isEvents ? undefined : lengthOf(response));
  let said: JsonObject | undefined;
  const events = {
    seen: (event: JsonObject) => {
      if (event.usage !== undefined && event.usage !== null) said = event;
    },
    errorFrame: (error: GatewayError) => openaiChat.errorFrame(error, exchange.id),
  };
  const carried = relay(source, first, writable, {
    clock: exchange.ports.clock,
    ping: plan.limits.ping,
    idle: resolved.timeout.idle,
    deadline,
    caller: exchange.signal,
    abort: (reason) => line.abort(reason),
    ...(isEvents ? { events } : {}),
  });
  const done = carried.then((outcome): ReplyEnd => {
    const usage = settleUsage(operation, call, said === undefined ? undefined : operation.usage(said), '', exchange);
    return { ...end, ...outcome, usage, ...chargeFor(plan, answered.target, usage, exchange.ports.clock.now()) };
  });
  const contentType = response.headers.get('content-type') ?? 'application/octet-stream';
  return {
    status: 200,
    contentType,
    body: readable,
    stream: isEvents,
    servedModel: end.servedModel ?? '',
    attempts: end.attempts,
    loss: [],
    done,
  };
}

/** The length the provider gives, where it is that of the bytes as they are read here. */
export function lengthOf({ headers }: Response): number | undefined {
  const declared = headers.get('content-length');
  return declared === null || headers.has('content-encoding') ? undefined : Number(declared);
}
