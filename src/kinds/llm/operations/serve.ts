import { type Candidate, walk } from '../../../core/attempt.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { Try } from '../../../core/health.ts';
import type { JsonObject } from '../../../core/json.ts';
import type { Reply, ReplyEnd } from '../../../core/kind.ts';
import type { OperationCall } from '../../../core/operation.ts';
import type { Plan } from '../../../core/plan.ts';
import type { PolicyChain } from '../../../core/run.ts';
import { nameOf } from '../../../core/strategy.ts';
import { openaiChat } from '../../../dialects/openai-chat/index.ts';
import { unreachable } from '../ask.ts';
import { foresee } from '../limits/foresee.ts';
import { candidatesOf } from '../routing/candidates.ts';
import { type Routed, routeCall } from '../routing/route.ts';
import { openLine } from '../upstream.ts';
import { sleep } from '../walks.ts';
import { type Answered, ask } from './attempt.ts';
import { editReply } from './edit-reply.ts';
import { showAnswer } from './given.ts';
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
  readonly routed: Routed;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
}

/** Serves one call of an operation beside chat, by the same rules: models, targets, retries, policies, limits. */
export async function serveOperation(call: OperationCall, exchange: Exchange, chain: PolicyChain, plan: Plan): Promise<Reply> {
  const operation = operationNamed(call.operation);
  exchange.note('operation', call.operation);
  const routed = await routeCall(call, exchange, plan);
  if (call.head.stream && operation.replyTexts !== undefined && chain.touches !== 'nothing') {
    throw new GatewayError(
      'not_supported',
      'A policy of this route looks at answers, which it cannot do in a streamed transcription. Ask without `stream`.',
    );
  }
  const deadline = exchange.ports.clock.now() + routed.resolved.timeout.total;
  const serving: Serving = { call, operation, exchange, chain, plan, routed, deadline };
  const { answer, attempts } = await walkTargets(serving);
  return replyOf(serving, answer, attempts);
}

/** A form that flows through can be sent to one target, once. Where others stand behind it, it is held if it can be. */
async function walkTargets(serving: Serving) {
  const { call, exchange, plan, routed, deadline } = serving;
  const candidates = candidatesOf(routed.targets, routed, plan, exchange.ports);
  const { form } = call;
  // How much a call may come to stands anywhere in a form, also behind its files, and in the files themselves.
  if (exchange.hold !== undefined) await form?.hold('a key with limits needs all of it here: what it may cost is worked out first');
  else if (form?.fits === true && candidates.length > 1) await form.hold('the model has several targets');
  const isOnce = form !== undefined && !form.isHeld;
  const { clock, health } = exchange.ports;
  const limits = { model: routed.resolved.name, deadline, ...(routed.isHurried === true ? { isHurried: true as const } : {}) };
  const tools = { clock, signal: exchange.signal, sleep, random: Math.random, health, decision: routed.decision };
  const asked = isOnce ? candidates.slice(0, 1).map((each) => ({ ...each, attempts: 1 })) : candidates;
  return walk(asked, limits, tools, (candidate, trying) => attempt(serving, candidate, trying));
}

async function attempt(serving: Serving, candidate: Candidate, trying: Try | undefined): Promise<Answered> {
  const { call, exchange, routed, deadline } = serving;
  const { target } = candidate;
  const { timeout } = routed.rulesOf(target);
  const left = Math.max(1, Math.min(deadline - exchange.ports.clock.now(), timeout.answer ?? timeout.total));
  await exchange.hold?.take(await foresee(call, target, serving.plan, exchange));
  const line = openLine(call.head.stream ? Math.min(timeout.firstToken, left) : left);
  try {
    const answered = await ask(serving, candidate, line, trying);
    line.answered();
    // What is still on its way is carried by a relay of its own: that it began is what it says of the place.
    if (answered.type === 'bytes') trying?.began();
    trying?.ended(undefined);
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
  const text = body === answered.body ? answered.text : JSON.stringify(body);
  await showAnswer(call, body, text, chain);
  return {
    body: text,
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
  const { operation, call, exchange, plan, routed, deadline } = serving;
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
    idle: routed.resolved.timeout.idle,
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
