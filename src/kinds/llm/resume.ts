import type { Candidate } from '../../core/attempt.ts';
import { LlmCall } from '../../core/call.ts';
import type { Chat, ChatChunk, Usage } from '../../core/chat.ts';
import type { Broken } from '../../core/closing.ts';
import type { Dialect, Prefill } from '../../core/dialect.ts';
import { GatewayError } from '../../core/errors.ts';
import { estimateTokens } from '../../core/estimate.ts';
import { matchesGlob } from '../../core/glob.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { isArray, isObject } from '../../core/json.ts';
import { addUsd } from '../../core/money.ts';
import type { Plan } from '../../core/plan.ts';
import type { FrameHandler } from '../../core/pump.ts';
import { Continuation, Said } from '../../core/resume.ts';
import { nameOf, type Target } from '../../core/strategy.ts';
import { addUsage } from '../../core/usage.ts';
import type { AnsweredStream, Ask } from './ask.ts';
import { charge } from './charge.ts';
import { choicesOf, outputLimit } from './limits/asked-output.ts';
import { leavesNothing } from './routing/hedging.ts';
import { spokenFor, translated } from './upstream.ts';

type Charged = ReturnType<typeof charge>;

/** A part of an answer that one target served. */
interface Leg {
  readonly answer: AnsweredStream;
  readonly usage: Usage;
  readonly charged: Charged;
}

/**
 * A stream whose caller asked that another provider go on with it where one breaks off (`x-weir-resume: 1`). Every part is
 * billed by who served it; the caller is told of the sum.
 */
export class Resuming {
  readonly #ask: Ask;
  readonly #targets: readonly Target[];
  readonly #said = new Said();
  readonly #legs: Leg[] = [];
  readonly #told: JsonObject[] = [];
  readonly #calls = new Map<Target, LlmCall>();
  #current: AnsweredStream | undefined;
  #attempts = 0;
  #loss: readonly string[] = [];

  private constructor(ask: Ask, targets: readonly Target[]) {
    this.#ask = ask;
    this.#targets = targets;
  }

  /** `undefined` where the caller has not asked for it, or nobody could go on with the answer: then nothing is different. */
  static of(ask: Ask, targets: readonly Target[]): Resuming | undefined {
    const { call, plan } = ask;
    if (call.headers.get('x-weir-resume') !== '1' || !mayGoOn(call)) return undefined;
    return targets.some((target) => prefillOf(target, plan) !== undefined) ? new Resuming(ask, targets) : undefined;
  }

  /** What the parts that are over came to; `undefined` before there are any. */
  get before(): Usage | undefined {
    const [first, ...more] = this.#legs;
    return first === undefined ? undefined : more.reduce((sum, { usage }) => addUsage(sum, usage), first.usage);
  }

  /** Tries of the walks that went on with the answer. */
  get attempts(): number {
    return this.#attempts;
  }

  get loss(): readonly string[] {
    return this.#loss;
  }

  /** Who serves the part that comes now, or served the last one, once there were two. */
  get last(): AnsweredStream | undefined {
    return this.#current;
  }

  /** What was asked of who serves the part that comes now. */
  get call(): LlmCall {
    return (this.#current === undefined ? undefined : this.#calls.get(this.#current.target)) ?? this.#ask.call;
  }

  /** What all came to where the part that came last came to this. */
  total(own: Usage): Usage {
    const before = this.before;
    if (before === undefined) return own;
    const isOver = this.#current === undefined || this.#legs.at(-1)?.answer === this.#current;
    return isOver ? before : addUsage(before, own);
  }

  /** Remembers what is said, and holds back what the upstream says of its own failing. */
  heard(handler: FrameHandler): FrameHandler {
    return new Listening(handler, this.#said, (chunk) => [chunk]);
  }

  /** All that the answer cost; `undefined` where a price is not known. The version is the first one's: each part has a row of its own. */
  charge(first: AnsweredStream, total: Usage | undefined): Charged {
    const before = this.before;
    if (before === undefined || total === undefined) return charge(this.#ask, first, total);
    const parts = this.#legs.map(({ charged }) => charged);
    if (this.#current !== undefined && this.#legs.at(-1)?.answer !== this.#current) {
      parts.push(charge(this.#ask, this.#current, without(total, before)));
    }
    const [one] = parts;
    let cost: Charged = one;
    for (const part of parts.slice(1)) {
      cost = cost === undefined || part === undefined ? undefined : { cost: addUsd(cost.cost, part.cost), priceVersion: cost.priceVersion };
    }
    return cost;
  }

  /** The next target's part of the answer, which the last one broke off; `undefined` where nobody goes on with it. */
  async goOn(
    last: AnsweredStream,
    { error }: Broken,
    usage: Usage,
    handlerOf: (answer: AnsweredStream) => FrameHandler,
  ): Promise<{ readonly answer: AnsweredStream; readonly handler: FrameHandler; readonly mark: string } | undefined> {
    const { exchange, deadline, routed } = this.#ask;
    const { open } = this.#said;
    const { health, clock } = exchange.ports;
    last.trying?.failed(error);
    const candidates = this.#candidates(last);
    if (open === undefined || candidates.length === 0 || clock.now() >= deadline) return undefined;
    if (health?.takeRetry(routed.resolved.name) === false) return undefined;
    const charged = charge(this.#ask, last, usage);
    this.#legs.push({ answer: last, usage, charged });
    const served = { servedModel: nameOf(last.target), ...(charged === undefined ? {} : { priceVersion: charged.priceVersion }) };
    await exchange.hold?.next(
      { status: 'partial', httpStatus: 200, usage, ...(charged === undefined ? {} : { cost: charged.cost }), error },
      served,
    );
    const answer = await this.#walk(candidates, open.text);
    if (answer === undefined) return undefined;
    const model = nameOf(answer.target);
    this.#current = answer;
    const told = { model, after: open.text.length };
    this.#told.push(told);
    exchange.note('resumed', this.#told);
    const echoes = prefillOf(answer.target, this.#ask.plan)?.echoes === true;
    const continuation = new Continuation({ open, echoes, before: this.before ?? usage });
    const handler = new Listening(handlerOf(answer), this.#said, (chunk) => continuation.map(chunk));
    return { answer, handler, mark: `: weir ${JSON.stringify({ resumed: told })}\n\n` };
  }

  async #walk(candidates: readonly Candidate[], text: string): Promise<AnsweredStream | undefined> {
    try {
      const walked = await this.#ask.resume(candidates, (target) => this.#callFor(target, text));
      this.#attempts += walked.attempts;
      return walked.answer;
    } catch (thrown) {
      // The caller is told what it would have been told without: why the answer broke off.
      this.#attempts += GatewayError.from(thrown).attempts;
      return undefined;
    }
  }

  /** Those that could go on, without whoever has failed in this call. */
  #candidates(last: AnsweredStream): readonly Candidate[] {
    const { plan, routed } = this.#ask;
    const failed = new Set([last.target, ...this.#legs.map(({ answer }) => answer.target)]);
    for (const { target, outcome } of routed.decision.attempts) {
      if (outcome !== 'answered' && outcome !== 'left' && outcome !== 'skipped') failed.add(target);
    }
    return this.#ask.candidates(this.#targets.filter((target) => !failed.has(target) && prefillOf(target, plan) !== undefined));
  }

  #callFor(target: Target, text: string): LlmCall {
    const known = this.#calls.get(target);
    if (known !== undefined) return known;
    const made = continuing(this.#ask.call, text, target, this.#ask.plan);
    this.#loss = [...new Set([...this.#loss, ...made.loss])];
    this.#calls.set(target, made.call);
    return made.call;
  }
}

/** A frame's chunks on their way to whoever writes them: as they are said, without the upstream's own error. */
class Listening implements FrameHandler {
  readonly decodes = true;
  readonly passesUnmarked = false;
  readonly #handler: FrameHandler;
  readonly #said: Said;
  readonly #map: (chunk: ChatChunk) => readonly ChatChunk[];
  broken: GatewayError | undefined;

  constructor(handler: FrameHandler, said: Said, map: (chunk: ChatChunk) => readonly ChatChunk[]) {
    this.#handler = handler;
    this.#said = said;
    this.#map = map;
  }

  get isOver(): boolean {
    return this.#handler.isOver === true;
  }

  frame(...[frame, chunks = []]: Parameters<FrameHandler['frame']>): ReturnType<FrameHandler['frame']> {
    const passed: ChatChunk[] = [];
    for (const chunk of chunks.flatMap(this.#map)) {
      if (chunk.type === 'error') {
        this.broken = chunk.error;
        break;
      }
      this.#said.note(chunk);
      passed.push(chunk);
    }
    return this.#handler.frame(frame, passed);
  }
}

/**
 * Calls whose answer is one text. What must have a certain form could not be checked by who writes half of it, and what
 * its vendor keeps would not be what the caller was told.
 */
function mayGoOn(call: LlmCall): boolean {
  if (!call.head.stream || !leavesNothing(call)) return false;
  const chat = call.chat();
  return choicesOf(chat) === 1 && chat.responseFormat === undefined && chat.messages.at(-1)?.role !== 'assistant';
}

/** How a target goes on with another's answer; `undefined` where it does not, as far as is known. */
export function prefillOf({ provider, model }: Target, plan: Plan): Prefill | undefined {
  const planned = plan.providers.get(provider);
  const prefill = planned?.provider.quirks?.prefill;
  if (planned === undefined || prefill === undefined) return undefined;
  const name = model.toLowerCase();
  if (prefill.models?.some((glob) => matchesGlob(glob, name)) === false) return undefined;
  return planned.dialects.some(({ dialect }) => prefill.dialect === undefined || dialect.id === prefill.dialect) ? prefill : undefined;
}

/**
 * The call whose last message is what the answer has come to: in the dialect in which its provider goes on with it,
 * without reasoning, as vendors refuse to think about an answer that has begun.
 */
export function continuing(
  call: LlmCall,
  said: string,
  target: Target,
  plan: Plan,
): { readonly call: LlmCall; readonly loss: readonly string[] } {
  const planned = plan.providers.get(target.provider);
  const prefill = prefillOf(target, plan);
  if (planned === undefined || prefill === undefined) throw new TypeError(`${nameOf(target)} goes on with nothing`);
  const { reasoning: _, ...chat } = call.chat();
  const text = said.trimEnd();
  const most = outputLimit(chat);
  const continued: Chat = {
    ...chat,
    messages: [...chat.messages, { role: 'assistant', content: [{ type: 'text', text }] }],
    ...(most === undefined ? {} : { maxTokens: Math.max(1, most - estimateTokens(said)) }),
  };
  const { dialect } = spokenFor(planned, prefill.dialect ?? planned.dialects[0]?.dialect.id ?? '', target.model);
  const written = translated(call.withChat(continued), target.model, dialect, planned.provider.quirks ?? {});
  const address = namesModelOutside(dialect) ? { model: target.model, stream: true } : undefined;
  const body = JSON.stringify(flagged(written.body, prefill));
  return { call: LlmCall.read(dialect, body, call.headers, 'chat', address), loss: written.loss };
}

const namesModelOutside = ({ pathOf, headersOf }: Dialect): boolean => pathOf !== undefined || headersOf !== undefined;

function flagged(body: JsonObject, { by }: Prefill): JsonObject {
  // https://docs.vllm.ai/en/latest/serving/openai_compatible_server (chat API, extra parameters)
  if (by === 'continue') return { ...body, continue_final_message: true, add_generation_prompt: false };
  const { messages } = body;
  if (by === 'last' || !isArray(messages)) return body;
  const last: Json | undefined = messages.at(-1);
  // https://api-docs.deepseek.com/guides/chat_prefix_completion
  return isObject(last) ? { ...body, messages: [...messages.slice(0, -1), { ...last, prefix: true }] } : body;
}

/** What is left of a sum. */
function without(total: Usage, part: Usage): Usage {
  const rest: { -readonly [field in keyof Usage]: Usage[field] } = { ...total };
  for (const [field, amount] of Object.entries(part)) {
    const all: unknown = Reflect.get(total, field);
    if (typeof amount === 'number' && typeof all === 'number') Reflect.set(rest, field, Math.max(0, all - amount));
  }
  return rest;
}
