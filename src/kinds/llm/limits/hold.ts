import { GatewayError } from '../../../core/errors.ts';
import type { Identity } from '../../../core/exchange.ts';
import type { CallHold, Estimate, Foreseen, LeftHold } from '../../../core/hold.ts';
import type { Refusal, ReservedCalls } from '../../../core/ledger/holds.ts';
import { type Limited, type Subjects, takesFor } from '../../../core/ledger/limits.ts';
import type { Standing } from '../../../core/ledger/meters.ts';
import { runSubject } from '../../../core/ledger/runs.ts';
import type { Unit } from '../../../core/ledger/take.ts';
import type { UsageDraft, UsageReport } from '../../../core/ledger/usage.ts';
import type { Outcome } from '../../../core/policy.ts';
import type { Clock, UsualOutput } from '../../../core/ports.ts';
import { amountsOf, type Counted, numbersOf, takenBy } from './amounts.ts';
import { standingHeaders } from './headers.ts';
import { refused } from './refusal.ts';

/** Output tokens for which it is worth asking the ledger. */
const LEAST_STEP = 64;

export interface HoldOptions {
  readonly requestId: string;
  readonly startedAt: number;
  readonly who: Identity;
  /** Who asks now, where what was known is out of date; `undefined` where the credential holds no more. */
  renewed(who: Identity): Promise<Identity | undefined>;
  readonly ledger: ReservedCalls;
  readonly run?: string | undefined;
  readonly user?: string | undefined;
  readonly route: string;
  /** Milliseconds after which a hold that nobody ended counts as spent: longer than the longest call. */
  readonly ttl: number;
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

  constructor(options: HoldOptions) {
    this.#options = options;
    this.#who = options.who;
  }

  get toolCalls(): number | undefined {
    return this.#foreseen === undefined ? undefined : (this.#foreseen.toolCalls ?? 0);
  }

  get headers() {
    return standingHeaders(this.#standings, this.#options.clock.now());
  }

  async take(foreseen: Foreseen): Promise<number | undefined> {
    // What is held already has its place among requests.
    if (foreseen.isFree === true && this.#isHeld) return undefined;
    const isPriced = foreseen.cost !== undefined;
    if (!isPriced && this.#limits.some((each) => each.limits.some(({ unit, soft }) => unit === 'usd' && soft !== true))) {
      throw new GatewayError(
        'model_not_allowed',
        `The price of ${foreseen.model} is not known, so no budget can hold it. The operator gives it one under prices of the provider.`,
        { param: 'model' },
      );
    }
    const parts = partsOf(foreseen);
    let refusal = await this.#ask(foreseen, foreseen, parts.length > 0);
    if (refusal?.reason === 'outdated') {
      await this.#renew();
      refusal = await this.#ask(foreseen, foreseen, parts.length > 0);
    }
    let part = foreseen.part?.isUnbounded === true ? foreseen.usage.output : undefined;
    for (const [index, output] of parts.entries()) {
      if (refusal === undefined || !eases(refusal)) break;
      part = output;
      refusal = await this.#ask(foreseen, foreseen.part?.of(output) ?? foreseen, index < parts.length - 1);
    }
    if (refusal !== undefined) throw refused(refusal, this.#options.clock.now());
    this.#foreseen = foreseen;
    this.#part = part;
    return part;
  }

  async more(): Promise<number | undefined> {
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
  async #ask(foreseen: Foreseen, { usage, cost, priceVersion }: Estimate, yields = false): Promise<Refusal | undefined> {
    const { ledger, requestId, ttl, run } = this.#options;
    const who = this.#who;
    const takes = takesFor(
      this.#limits,
      this.#subjects(foreseen),
      takenBy({ ...foreseen, usage, ...(cost === undefined ? {} : { cost }) }),
    );
    const draft = this.#draft(foreseen, withTools(usage, foreseen), cost, priceVersion);
    const subjects = run === undefined ? [] : [runSubject(who.app, run)];
    const asked = { id: requestId, subjects, generation: who.generation ?? 0, takes, ttl, usage: draft };
    const hold = yields ? { ...asked, yields: [...OF_OUTPUT] } : asked;
    const reserved = this.#isHeld ? await ledger.move(requestId, takes, draft) : await ledger.reserve(hold);
    this.#standings = reserved.standings;
    if (!reserved.allowed) return reserved.refusal;
    this.#isHeld = true;
    return undefined;
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
    return this.#options.ledger.kept?.(this.#options.requestId);
  }

  async leave(milliseconds: number): Promise<LeftHold | undefined> {
    const foreseen = this.#foreseen;
    if (foreseen === undefined) return undefined;
    const { ledger, requestId: id } = this.#options;
    const { concurrent: _concurrent, ...amounts } = takenBy(foreseen);
    const usage = this.#draft(foreseen, withTools(foreseen.usage, foreseen), foreseen.cost, foreseen.priceVersion);
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
    const { ledger, requestId, ttl, clock } = this.#options;
    const { refusal } = await ledger.extend(requestId, ttl);
    if (refusal !== undefined) throw refused(refusal, clock.now());
  }

  async settle(outcome: Outcome, facts: { readonly servedModel?: string; readonly priceVersion?: string }): Promise<void> {
    const foreseen = this.#foreseen;
    if (foreseen === undefined) return;
    const { ledger, requestId } = this.#options;
    // What never came costs nothing, unless the caller would not wait for it: the provider was asked, and bills.
    const held = this.#part === undefined ? foreseen : (foreseen.part?.of(this.#part) ?? foreseen);
    const charged = outcome.usage ?? (isUnawaited(outcome) ? { ...held.usage, estimated: true } : undefined);
    const usage: Counted = charged === undefined ? { input: 0, output: 0 } : withTools(charged, foreseen);
    if (outcome.status === 'complete' && usage.estimated !== true) this.#options.usual?.note(this.#who.app, foreseen.model, usage.output);
    const cost = outcome.cost ?? (charged === undefined ? 0 : held.cost);
    const report: UsageReport = {
      ...this.#draft({ ...foreseen, model: facts.servedModel ?? foreseen.model }, usage, cost, facts.priceVersion ?? foreseen.priceVersion),
      status: outcome.status,
      ...(usage.estimated === true ? { estimated: true } : {}),
    };
    try {
      await ledger.settle(requestId, { actual: amountsOf(usage, cost ?? 0), usage: report });
    } catch (cause) {
      // Nobody gives it back: in time it counts as it was foreseen.
      this.#options.log('What a call came to could not be told to the ledger', cause);
    }
  }

  #subjects({ provider, model }: Foreseen): Subjects {
    const { run, user } = this.#options;
    const { org, team, app, keyId: key } = this.#who;
    return { org, team, app, key, provider, model, ...(run === undefined ? {} : { run }), ...(user === undefined ? {} : { user }) };
  }

  #draft({ model }: Foreseen, usage: Counted, cost: number | undefined, priceVersion: string | undefined): UsageDraft {
    const { requestId, startedAt, run, user, route } = this.#options;
    const who = this.#who;
    return {
      requestId,
      startedAt,
      org: who.org,
      team: who.team,
      app: who.app,
      keyId: who.keyId,
      route,
      ...(model === '' ? {} : { model }),
      ...numbersOf(usage),
      ...(run === undefined ? {} : { run }),
      ...(user === undefined ? {} : { user }),
      ...(cost === undefined ? {} : { cost }),
      ...(priceVersion === undefined ? {} : { priceVersion }),
    };
  }
}

/** Leaving and short time limits are the caller's to choose: what they cut off must not be free. */
const isUnawaited = ({ status, error }: Outcome) => status === 'aborted' || error?.code === 'upstream_timeout';

/** Tool calls were carried out before the call was sent: what vendors count says nothing of them. */
const withTools = (usage: Counted, { toolCalls }: Foreseen): Counted => (toolCalls === undefined ? usage : { ...usage, toolCalls });

/** The parts of an answer that may be held for where all of it does not fit, longest first. */
function partsOf({ usage, part }: Foreseen): readonly number[] {
  return part === undefined ? [] : [part.usual * 4, part.usual].filter((output) => output < usage.output);
}

/** Whether a shorter answer could fit. */
const eases = (refusal: Refusal) => refusal.reason === 'limit' && OF_OUTPUT.has(refusal.unit);
const OF_OUTPUT: ReadonlySet<Unit> = new Set(['tokens', 'tokens-out', 'usd']);
