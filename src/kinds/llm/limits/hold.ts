import { GatewayError } from '../../../core/errors.ts';
import type { Identity } from '../../../core/exchange.ts';
import type { CallHold, Estimate, Foreseen, LeftHold } from '../../../core/hold.ts';
import type { Refusal, Reserved, ReservedCalls } from '../../../core/ledger/holds.ts';
import { type Limited, metersFor, type Subjects, takesFor, takesOf } from '../../../core/ledger/limits.ts';
import type { Standing } from '../../../core/ledger/meters.ts';
import { runSubject } from '../../../core/ledger/runs.ts';
import type { Amounts, Take, Unit } from '../../../core/ledger/take.ts';
import type { UsageDraft, UsageReport } from '../../../core/ledger/usage.ts';
import type { NanoUsd } from '../../../core/money.ts';
import type { Outcome } from '../../../core/policy.ts';
import type { Clock, UsualOutput } from '../../../core/ports.ts';
import { amountsOf, type Counted, numbersOf, takenBy } from './amounts.ts';
import { reserveCurrent } from './current.ts';
import { standingHeaders } from './headers.ts';
import { type Before, largest, lastPart, withPart } from './in-parts.ts';
import { refused } from './refusal.ts';

/** Output tokens for which it is worth asking the ledger. */
const LEAST_STEP = 64;

type Writable<T> = { -readonly [field in keyof T]: T[field] };

interface ServedFacts {
  readonly servedModel?: string;
  readonly priceVersion?: string;
}

export interface HoldOptions {
  readonly requestId: string;
  /** The hold's own, where one request has several. */
  readonly id?: string | undefined;
  readonly startedAt: number;
  readonly who: Identity;
  /** Who asks now, where what was known is out of date; `undefined` where the credential holds no more. */
  renewed(who: Identity): Promise<Identity | undefined>;
  readonly ledger: ReservedCalls;
  readonly run?: string | undefined;
  readonly user?: string | undefined;
  /** With an MCP server, where calls are counted by it. */
  readonly session?: string | undefined;
  readonly route: string;
  /** Milliseconds after which a hold that nobody ended counts as spent: longer than the longest call. */
  readonly ttl: number;
  /** How the caller speaks: whose fields tell it what is left. */
  readonly dialect?: string | undefined;
  readonly clock: Clock;
  /** Learns how long answers are. */
  readonly usual?: UsualOutput | undefined;
  log(message: string, cause: unknown): void;
}

/** One exchange in the ledger of its organisation. */
export class LedgerHold implements CallHold {
  readonly #options: HoldOptions;
  #who: Identity;
  #foreseen: Foreseen | undefined;
  /** Whether the ledger holds anything for this call. */
  #isHeld = false;
  /** Output tokens that are held for, where they are fewer than may come. */
  #part: number | undefined;
  #standings: readonly Standing[] = [];
  /** What is held for beside `#foreseen`, and its part. */
  #second: { readonly foreseen: Foreseen; readonly part: number | undefined } | undefined;
  /** What is being asked of the ledger, or was asked last. */
  #asking: Promise<unknown> | undefined;
  /** All has been settled. */
  #isOver = false;
  /** What earlier parts of the call came to, which have rows of their own. */
  #before: Before | undefined;

  constructor(options: HoldOptions) {
    this.#options = options;
    this.#who = options.who;
  }

  get toolCalls(): number | undefined {
    const known = this.#before?.usage ?? this.#foreseen;
    return known === undefined ? undefined : (known.toolCalls ?? 0);
  }

  get headers() {
    const { clock, dialect } = this.#options;
    return standingHeaders(this.#standings, clock.now(), dialect);
  }

  take(foreseen: Foreseen): Promise<number | undefined> {
    return this.#turn(() => this.#take(foreseen));
  }

  beside(foreseen: Foreseen): Promise<number | undefined> {
    return this.#turn(() => this.#beside(foreseen));
  }

  only(served: 'first' | 'second'): void {
    void this.#turn(() => this.#only(served)).catch((cause: unknown) => {
      // Until it is settled more is held than need be.
      this.#options.log('What a call holds could not be made less', cause);
    });
  }

  /** One thing is asked of the ledger after the other, so that each knows what the last one came to. */
  #turn<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#asking;
    const turn = before === undefined ? work() : before.then(work, work);
    this.#asking = turn;
    return turn;
  }

  async #beside(foreseen: Foreseen): Promise<number | undefined> {
    const first = this.#foreseen;
    if (first === undefined) return this.#take(foreseen);
    this.#checkOpen();
    this.#checkPriced(foreseen);
    const part = unboundedPart(foreseen);
    const before = this.#second;
    this.#second = { foreseen, part };
    let refusal: Refusal | undefined;
    try {
      refusal = await this.#ask(first, this.#held(first), true);
    } catch (thrown) {
      this.#second = before;
      throw thrown;
    }
    if (refusal === undefined) return part;
    this.#second = before;
    throw this.#refused(refusal);
  }

  async #only(served: 'first' | 'second'): Promise<void> {
    const second = this.#second;
    const first = this.#foreseen;
    if (second === undefined || first === undefined) return;
    const kept = served === 'first' ? first : second.foreseen;
    if (served === 'second') this.#part = second.part;
    this.#foreseen = kept;
    this.#second = undefined;
    await this.#ask(kept, this.#held(kept), true);
  }

  /** What comes once all is settled would be held for good. */
  #checkOpen(): void {
    if (this.#isOver) throw new GatewayError('conflict', 'A call with this request id has ended already.');
  }

  /** What is held for, of all that was foreseen. */
  #held(foreseen: Foreseen): Estimate {
    return this.#part === undefined ? foreseen : (foreseen.part?.of(this.#part) ?? foreseen);
  }

  #checkPriced({ cost, model }: Foreseen): void {
    if (cost !== undefined || !this.#limits.some((each) => each.limits.some(({ unit, soft }) => unit === 'usd' && soft !== true))) return;
    throw new GatewayError(
      'model_not_allowed',
      `The price of ${model} is not known, so no budget can hold it. The operator gives it one under prices of the provider.`,
      { param: 'model' },
    );
  }

  async #take(foreseen: Foreseen): Promise<number | undefined> {
    // What is held already has its place among requests.
    if (foreseen.isFree === true && this.#isHeld) return undefined;
    this.#checkOpen();
    // Asked again while another is held for beside it: nothing is different.
    if (this.#second !== undefined && foreseen.model === this.#foreseen?.model) return this.#part;
    this.#second = undefined;
    this.#checkPriced(foreseen);
    const parts = partsOf(foreseen);
    let refusal = await this.#ask(foreseen, foreseen, parts.length > 0);
    let part = unboundedPart(foreseen);
    for (const [index, output] of parts.entries()) {
      if (refusal === undefined || !eases(refusal)) break;
      part = output;
      refusal = await this.#ask(foreseen, foreseen.part?.of(output) ?? foreseen, index < parts.length - 1);
    }
    if (refusal !== undefined) throw this.#refused(refusal);
    this.#foreseen = foreseen;
    this.#part = part;
    return part;
  }

  more(): Promise<number | undefined> {
    return this.#turn(() => this.#more());
  }

  async #more(): Promise<number | undefined> {
    const [foreseen, part] = [this.#foreseen, this.#part];
    if (foreseen?.part === undefined || part === undefined) return undefined;
    // As much again, or what of it is there.
    for (let step = part; step >= Math.min(part, LEAST_STEP); step = Math.floor(step / 2)) {
      const output = Math.min(foreseen.part.most, part + step);
      if (output <= part) return undefined;
      if ((await this.#ask(foreseen, foreseen.part.of(output))) !== undefined) continue;
      this.#part = output;
      return output;
    }
    return undefined;
  }

  /** Holds for so much instead of what is held; why not, where it does not fit. `yields`: then less will be asked for. */
  async #ask(foreseen: Foreseen, estimate: Estimate, yields = false): Promise<Refusal | undefined> {
    const caller = { generation: () => this.#who.generation ?? 0, renew: () => this.#renew() };
    const reserved = await reserveCurrent((generation) => this.#reserve(foreseen, estimate, yields, generation), caller);
    this.#standings = reserved.standings;
    if (!reserved.allowed) return reserved.refusal;
    this.#isHeld = true;
    return undefined;
  }

  #reserve(foreseen: Foreseen, { usage, cost, priceVersion }: Estimate, yields: boolean, generation: number): Promise<Reserved> {
    const { ledger, ttl, run } = this.#options;
    const who = this.#who;
    const id = this.#id;
    const amounts = this.#amounts(foreseen, usage, cost);
    const meters = metersFor(this.#limits, this.#subjects(foreseen), amounts);
    const asks = takesOf(meters, amounts);
    const second = this.#second?.foreseen;
    const takes = second === undefined ? asks : largest(asks, this.#takes(second));
    const draft = this.#draft(foreseen.model, withTools(usage, foreseen), cost, priceVersion);
    const subjects = run === undefined ? [] : [runSubject(who.app, run)];
    const asked = { id, subjects, generation, takes, ttl, usage: draft };
    const hold = yields ? { ...asked, yields: [...OF_OUTPUT] } : asked;
    return this.#isHeld ? ledger.move(id, takes, draft) : ledger.reserve(hold, second === undefined ? meters : undefined);
  }

  /** What a part of the call takes: it is one request, in how many parts it may be served. */
  #takes(foreseen: Foreseen): readonly Take[] {
    return takesFor(this.#limits, this.#subjects(foreseen), this.#amounts(foreseen, foreseen.usage, foreseen.cost));
  }

  #amounts({ toolCalls, isFree, cost }: Foreseen, usage: Counted, known: NanoUsd | undefined): Amounts {
    const all = takenBy({ usage, toolCalls, isFree, cost: known ?? cost });
    if (this.#before === undefined) return all;
    const { requests: _requests, ...amounts } = all;
    return amounts;
  }

  /** The call's own id for its first part; the ledger's for those that follow. */
  get #id(): string {
    const first = this.#first;
    return this.#before === undefined ? first : `${first}.${this.#before.parts + 1}`;
  }

  get #first(): string {
    return this.#options.id ?? this.#options.requestId;
  }

  get #limits(): readonly Limited[] {
    return this.#who.limits ?? [];
  }

  /** Something in the organisation has changed since the caller was looked up. */
  async #renew(): Promise<void> {
    const who = await this.#options.renewed(this.#who);
    if (who === undefined) throw new GatewayError('invalid_key', 'The gateway key is not valid any more. Ask the operator for a new one.');
    this.#who = who;
  }

  kept(): Promise<void> | undefined {
    return this.#options.ledger.kept?.(this.#first);
  }

  async leave(milliseconds: number): Promise<LeftHold | undefined> {
    const foreseen = this.#foreseen;
    if (foreseen === undefined) return undefined;
    const { ledger } = this.#options;
    const id = this.#first;
    const { concurrent: _concurrent, ...amounts } = takenBy(foreseen);
    const usage = this.#draft(foreseen.model, withTools(foreseen.usage, foreseen), foreseen.cost, foreseen.priceVersion);
    try {
      const moved = await ledger.move(id, takesFor(this.#limits, this.#subjects(foreseen), amounts), usage);
      if (!moved.allowed) return undefined;
      await ledger.extend(id, milliseconds);
    } catch (cause) {
      this.#options.log('What is left open could not be told to the ledger', cause);
      return undefined;
    }
    this.#foreseen = undefined;
    return { id, usage };
  }

  async renew(): Promise<void> {
    const { ledger, ttl } = this.#options;
    const { refusal } = await ledger.extend(this.#first, ttl);
    if (refusal !== undefined) throw this.#refused(refusal);
  }

  next(outcome: Outcome, facts: ServedFacts): Promise<void> {
    return this.#turn(() => this.#next(outcome, facts));
  }

  async #next(outcome: Outcome, facts: ServedFacts): Promise<void> {
    const foreseen = this.#foreseen;
    if (foreseen === undefined) return;
    const { usage, cost } = await this.#end(foreseen, outcome, facts);
    this.#before = withPart(this.#before, usage, cost);
    this.#foreseen = undefined;
    this.#part = undefined;
    this.#isHeld = false;
  }

  /** Gives back what is held, as if it had never been asked for. Never throws. */
  release(): Promise<void> {
    return this.#turn(async () => {
      this.#isOver = true;
      if (this.#foreseen === undefined) return;
      await this.#options.ledger
        .release(this.#id)
        .catch((cause: unknown) => this.#options.log('What a call holds could not be given back', cause));
    });
  }

  settle(outcome: Outcome, facts: ServedFacts): Promise<void> {
    return this.#turn(() => this.#settle(outcome, facts));
  }

  async #settle(outcome: Outcome, facts: ServedFacts): Promise<void> {
    this.#isOver = true;
    if (this.#foreseen === undefined) return;
    await this.#end(this.#foreseen, this.#before === undefined ? outcome : lastPart(outcome, this.#before), facts);
  }

  /** Settles what is held; says what was charged. */
  async #end(foreseen: Foreseen, outcome: Outcome, facts: ServedFacts): Promise<{ readonly usage: Counted; readonly cost: number }> {
    // Of two that were asked neither has served: what the second would have taken must not be counted.
    if (this.#second !== undefined) {
      await this.#only('first').catch((cause: unknown) => this.#options.log('What a call holds could not be made less', cause));
    }
    // What never came costs nothing, unless the caller would not wait for it: the provider was asked, and bills.
    const held = this.#held(foreseen);
    const charged = outcome.usage ?? (isUnawaited(outcome) ? { ...held.usage, estimated: true } : undefined);
    const usage: Counted = charged === undefined ? { input: 0, output: 0 } : withTools(charged, foreseen);
    const { ledger, usual } = this.#options;
    if (outcome.status === 'complete' && usage.estimated !== true && foreseen.isFree !== true)
      usual?.note(this.#who.app, foreseen.model, usage.output);
    const cost = outcome.cost ?? (charged === undefined ? 0 : held.cost);
    // Of a call in parts the last one is not by who served the first.
    const own = this.#before === undefined ? facts : {};
    const report: UsageReport = {
      ...this.#draft(own.servedModel ?? foreseen.model, usage, cost, own.priceVersion ?? foreseen.priceVersion),
      status: outcome.status,
      ...(usage.estimated === true ? { estimated: true } : {}),
    };
    try {
      await ledger.settle(this.#id, { actual: amountsOf(usage, cost ?? 0), usage: report });
    } catch (cause) {
      // Nobody gives it back: in time it counts as it was foreseen.
      this.#options.log('What a call came to could not be told to the ledger', cause);
    }
    return { usage, cost: cost ?? 0 };
  }

  #refused(refusal: Refusal): GatewayError {
    const { clock, dialect } = this.#options;
    return refused(refusal, clock.now(), dialect === 'mcp' ? 'tool' : 'model');
  }

  #subjects({ provider, model }: Foreseen): Subjects {
    const { run, user, session } = this.#options;
    const { org, team, app, keyId: key } = this.#who;
    const subjects: Writable<Subjects> = { org, team, app, key, provider, model };
    if (run !== undefined) subjects.run = run;
    if (user !== undefined) subjects.user = user;
    if (session !== undefined) subjects.session = session;
    return subjects;
  }

  #draft(model: string, usage: Counted, cost: number | undefined, priceVersion: string | undefined): UsageDraft {
    const { requestId, startedAt, run, user, route } = this.#options;
    const who = this.#who;
    const { org, team, app, keyId } = who;
    const draft: Writable<UsageDraft> = { requestId, startedAt, org, team, app, keyId, route, ...numbersOf(usage) };
    if (model !== '') draft.model = model;
    if (run !== undefined) draft.run = run;
    if (user !== undefined) draft.user = user;
    if (cost !== undefined) draft.cost = cost;
    if (priceVersion !== undefined) draft.priceVersion = priceVersion;
    return draft;
  }
}

const unboundedPart = ({ part, usage }: Foreseen): number | undefined => (part?.isUnbounded === true ? usage.output : undefined);

/** Leaving and short time limits are the caller's to choose: what they cut off must not be free. */
const isUnawaited = ({ status, error }: Outcome) => status === 'aborted' || error?.details.outOfTime === true;

/** Tool calls were carried out before the call was sent: what vendors count says nothing of them. */
const withTools = (usage: Counted, { toolCalls }: Foreseen): Counted => (toolCalls === undefined ? usage : { ...usage, toolCalls });

/** The parts of an answer that may be held for where all of it does not fit, longest first. */
function partsOf({ usage, part }: Foreseen): readonly number[] {
  return part === undefined ? [] : [part.usual * 4, part.usual].filter((output) => output < usage.output);
}

/** Whether a shorter answer could fit. */
const eases = (refusal: Refusal) => refusal.reason === 'limit' && OF_OUTPUT.has(refusal.unit);
const OF_OUTPUT: ReadonlySet<Unit> = new Set(['tokens', 'tokens-out', 'usd']);
