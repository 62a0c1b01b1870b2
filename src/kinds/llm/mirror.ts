import { type Cost, costOf } from '../../catalogue/cost.ts';
import type { LlmCall } from '../../core/call.ts';
import type { Usage } from '../../core/chat.ts';
import type { Quirks } from '../../core/dialect.ts';
import { GatewayError } from '../../core/errors.ts';
import { estimateTokens } from '../../core/estimate.ts';
import type { Try } from '../../core/health.ts';
import type { Foreseen } from '../../core/hold.ts';
import { parseJson } from '../../core/json.ts';
import type { NewHold, ReservedCalls } from '../../core/ledger/holds.ts';
import type { Take } from '../../core/ledger/take.ts';
import type { UsageDraft, UsageReport } from '../../core/ledger/usage.ts';
import { Meter, Tally } from '../../core/meter.ts';
import type { PlanMirror, PlanOption } from '../../core/plan.ts';
import { ByteReader, readText } from '../../core/reader.ts';
import { nameOf, type Target } from '../../core/strategy.ts';
import { type Ask, unreachable } from './ask.ts';
import { numbersOf } from './limits/amounts.ts';
import { foresee } from './limits/foresee.ts';
import { limitedTo } from './limits/limited.ts';
import type { Resolved } from './resolve.ts';
import { leavesNothing } from './routing/hedging.ts';
import { placeOf } from './routing/place.ts';
import { type Dispatch, openLine, prepare, send } from './upstream.ts';
import { estimated, usageOf } from './whole.ts';

/** Milliseconds for a copy: what is still under way half a minute after the caller's answer is ended by the platform. */
const MOST_MS = 25_000;
/** Bytes of its answer that are read: a longer one counts as far as it was. */
const MOST_BYTES = 8 * 1024 * 1024;
/** Milliseconds for which its hold stands where nobody ends it. */
const TTL = 60_000;

/** What became of a copy. */
interface Came {
  readonly status: UsageReport['status'];
  readonly usage?: Usage;
  /** Milliseconds since the epoch. */
  readonly firstTokenAt?: number;
  readonly error?: GatewayError;
}

/**
 * Sends a copy of a call that is being answered to the mirror of its model, if chance will have it. It is sent as the
 * provider was sent it, after policies have edited it; its answer is read, counted and dropped. The caller's answer, limits
 * and headers know nothing of it, and it costs no more a day than its own budget. Never throws.
 */
export function mirror(ask: Ask): void {
  const { call, exchange, routed } = ask;
  const { resolved } = routed;
  if (resolved.mirror === undefined || !leavesNothing(call) || Math.random() >= resolved.mirror.share) return;
  const { ports, who } = exchange;
  const { target, model, why } = mirrorOf(resolved.mirror, ask, ports.ledger !== undefined);
  if (why !== undefined || ports.ledger === undefined) {
    exchange.note('mirror', `not sent: ${why}`);
    return;
  }
  const copy = new Copy(ask, target, model, resolved.mirror, ports.ledger(who.org, false));
  ports.after(copy.run().catch((cause: unknown) => console.error('A copy of a call could not be accounted for', cause)));
}

/** What a mirror needs to know of a call. */
type Mirrored = Pick<Ask, 'call' | 'plan' | 'routed' | 'exchange'>;

/** Where a copy of a call goes, and why it does not, where it does not. */
export function mirrorOf(
  { to }: PlanMirror,
  call: Mirrored,
  hasLedger: boolean,
): { readonly target: Target; readonly model: Resolved; readonly why?: string } {
  const leaf = leafOf(to, call.routed.resolved);
  const why =
    (leavesNothing(call.call) ? unfit(call, leaf.target, leaf.model) : 'its vendor keeps something of the call') ??
    (hasLedger ? undefined : 'the deployment has no ledger to hold its budget in');
  return { ...leaf, ...(why === undefined ? {} : { why }) };
}

/** The first target of what the mirror names: it is one place, not a choice. */
function leafOf(option: PlanOption, model: Resolved): { readonly target: Target; readonly model: Resolved } {
  if (!('virtual' in option)) return { target: option, model };
  const [first] = option.virtual.options;
  return first === undefined ? { target: { provider: '', model: '' }, model } : leafOf(first, option.virtual);
}

/** Why a target gets no copies. */
function unfit({ plan, routed, exchange }: Mirrored, target: Target, model: Resolved): string | undefined {
  const provider = plan.providers.get(target.provider);
  if (provider === undefined) return 'it is no target';
  // Callers do not pay for what they did not ask for.
  if (provider.passthrough === true) return 'it is asked with the credentials of callers';
  const reason = routed.permits(target, model);
  if (reason !== undefined) return reason;
  const price = costOf(provider, target.model, { input: 1, output: 1 }, exchange.ports.clock.now());
  return price === undefined ? `the price of ${nameOf(target)} is not known` : undefined;
}

class Copy {
  readonly #ask: Ask;
  readonly #target: Target;
  readonly #model: Resolved;
  readonly #mirror: PlanMirror;
  readonly #ledger: ReservedCalls;
  readonly #id: string;
  readonly #startedAt: number;

  constructor(ask: Ask, target: Target, model: Resolved, mirror: PlanMirror, ledger: ReservedCalls) {
    this.#ask = ask;
    this.#target = target;
    this.#model = model;
    this.#mirror = mirror;
    this.#ledger = ledger;
    // Of the call's own: it has one copy at most.
    this.#id = `${ask.exchange.id}.mirror`;
    this.#startedAt = ask.exchange.ports.clock.now();
  }

  /** Rejects where the ledger cannot be asked: then nothing is sent, or what was held counts in time. */
  async run(): Promise<void> {
    const { call, plan, exchange } = this.#ask;
    const foreseen = await foresee(call, this.#target, plan, exchange);
    if (foreseen.cost === undefined || !(await this.#reserve(foreseen, foreseen.cost))) return;
    const came = await this.#send(foreseen).catch((thrown: unknown): Came => ({ status: 'failed', error: unreachable(thrown) }));
    const charged = came.usage === undefined ? undefined : this.#charge(came.usage);
    const actual = charged?.cost ?? (came.usage === undefined ? 0 : foreseen.cost);
    const usage: UsageReport = {
      ...this.#draft(came.usage ?? NOTHING, actual, charged?.priceVersion ?? foreseen.priceVersion),
      status: came.status,
      ...(came.usage?.estimated === true ? { estimated: true } : {}),
    };
    await this.#ledger.settle(this.#id, { actual: { usd: actual }, usage });
    this.#record(came, charged);
  }

  /** The day's budget of the mirror is the one limit that holds it: those of who called do not. */
  async #reserve(foreseen: Foreseen, amount: number): Promise<boolean> {
    const { who } = this.#ask.exchange;
    const day = { kind: 'calendar', unit: 'day', zone: 'UTC' } as const;
    const subject = this.#subject;
    const take: Take = { level: 'model', subject, unit: 'usd', window: day, limit: this.#mirror.budget, amount };
    const usage = this.#draft(foreseen.usage, amount, foreseen.priceVersion);
    const hold: NewHold = { id: this.#id, subjects: [], generation: who.generation ?? 0, takes: [take], ttl: TTL, usage };
    const reserved = await this.#ledger.reserve(hold);
    // Whoever the caller is by now, this does not depend on it.
    const isOutdated = !reserved.allowed && reserved.refusal.reason === 'outdated';
    return isOutdated ? (await this.#ledger.reserve({ ...hold, generation: reserved.generation })).allowed : reserved.allowed;
  }

  async #send(foreseen: Foreseen): Promise<Came> {
    const { plan, exchange } = this.#ask;
    const { health, secrets } = exchange.ports;
    const provider = plan.providers.get(this.#target.provider);
    const [credential = 'key'] = provider?.credentials ?? [];
    const call = within(this.#ask.call, foreseen, provider?.provider.quirks);
    const dispatch = prepare(call, this.#target, plan, exchange, credential);
    const place = placeOf(this.#target, provider, credential, secrets);
    const { breaker } = this.#model;
    const admission = (await health?.admit(place, breaker)) ?? 'go';
    if (admission === 'refused') throw new GatewayError('upstream_unavailable', 'The mirror has failed lately.');
    const trying = health?.begin(place, breaker, admission);
    try {
      const came = await this.#read(call, dispatch, trying);
      if (came.status === 'complete') trying?.ended(came.usage?.output);
      else trying?.left();
      return came;
    } catch (thrown) {
      const error = unreachable(thrown);
      trying?.failed(error);
      throw error;
    }
  }

  async #read(call: LlmCall, dispatch: Dispatch, trying: Try | undefined): Promise<Came> {
    const { exchange } = this.#ask;
    const line = openLine(MOST_MS);
    try {
      const response = await send(dispatch, this.#target, line.signal, exchange, trying);
      trying?.began();
      const firstTokenAt = exchange.ports.clock.now();
      if (!call.head.stream) return { status: 'complete', usage: await wholeUsage(call, dispatch, response), firstTokenAt };
      const { isWhole, usage } = await streamUsage(call, dispatch, response);
      return { status: isWhole ? 'complete' : 'partial', usage, firstTokenAt };
    } catch (thrown) {
      throw line.signal.aborted ? line.signal.reason : thrown;
    } finally {
      line.abort(new GatewayError('internal', 'The copy is over.'));
    }
  }

  #charge(usage: Usage): Cost | undefined {
    const { plan, exchange } = this.#ask;
    const provider = plan.providers.get(this.#target.provider);
    return provider === undefined ? undefined : costOf(provider, this.#target.model, usage, exchange.ports.clock.now());
  }

  /** It is no call of a key: what it costs stands beside what the app's keys did. */
  get #subject(): string {
    return `mirror:${this.#ask.routed.resolved.name}`;
  }

  #draft(usage: Usage, cost: number, priceVersion: string | undefined): UsageDraft {
    const { who, route } = this.#ask.exchange;
    return {
      requestId: this.#id,
      startedAt: this.#startedAt,
      org: who.org,
      team: who.team,
      app: who.app,
      keyId: this.#subject,
      route: route.name,
      model: nameOf(this.#target),
      ...numbersOf(usage),
      cost,
      ...(priceVersion === undefined ? {} : { priceVersion }),
    };
  }

  #record({ status, usage, firstTokenAt, error }: Came, charged: Cost | undefined): void {
    const { call, exchange, routed } = this.#ask;
    const { who, ports } = exchange;
    ports.journal.record({
      id: this.#id,
      startedAt: this.#startedAt,
      durationMs: ports.clock.now() - this.#startedAt,
      ...(firstTokenAt === undefined ? {} : { firstTokenMs: firstTokenAt - this.#startedAt }),
      org: who.org,
      team: who.team,
      app: who.app,
      keyId: this.#subject,
      route: exchange.route.name,
      dialect: call.dialect.id,
      askedModel: routed.resolved.name,
      servedModel: nameOf(this.#target),
      status,
      httpStatus: error?.status ?? 200,
      ...(error === undefined ? {} : { errorCode: error.code }),
      stream: call.head.stream,
      attempts: 1,
      ...(usage === undefined ? {} : { usage }),
      ...(charged === undefined ? {} : { cost: charged.cost, priceVersion: charged.priceVersion }),
      facts: { mirrorOf: exchange.id },
    });
  }
}

const NOTHING: Usage = { input: 0, output: 0 };

/** Where nothing else keeps an answer within what is held for it, its provider is told to. */
function within(call: LlmCall, { part, usage }: Foreseen, quirks: Quirks = {}): LlmCall {
  return part?.isUnbounded === true ? limitedTo(call, usage.output, quirks) : call;
}

async function wholeUsage(call: LlmCall, { dialect }: Dispatch, response: Response): Promise<Usage> {
  const text = await readText(response, MOST_BYTES);
  const body = parseJson(text ?? '');
  if (text === undefined || body === undefined)
    throw new GatewayError('upstream_invalid', 'The mirror answered with something that is not JSON.');
  const usage = dialect.replyUsage(body);
  if (usage !== undefined) return usage;
  const tally = new Tally();
  let said = '';
  for (const chunk of dialect.readReply(body)) {
    tally.note(chunk);
    if ('text' in chunk) said += chunk.text;
  }
  return tally.usage ?? estimated(call, estimateTokens(said));
}

/** Reads a stream to its end, or as far as it may, and keeps nothing of it but what it came to. */
async function streamUsage(call: LlmCall, { dialect, framing }: Dispatch, response: Response) {
  if (response.body === null || !framing.accepts(response.headers.get('content-type') ?? '')) {
    throw new GatewayError('upstream_invalid', 'The mirror answered a streaming request with something that is not an event stream.');
  }
  const source = new ByteReader(response.body);
  const meter = new Meter(dialect, framing);
  let bytes = 0;
  let isClean = false;
  try {
    while (bytes < MOST_BYTES && !isClean) {
      const piece = await source.read(PIECE);
      if (piece === undefined) isClean = true;
      else {
        bytes += piece.length;
        meter.feed(piece);
      }
    }
  } catch {
    // Its time is over, or its connection: it counts as far as it came.
  }
  const metered = meter.finish(isClean);
  if (metered.error !== undefined) throw metered.error;
  return { isWhole: metered.ended, usage: usageOf(call, meter, metered) };
}

const PIECE = 16 * 1024;
