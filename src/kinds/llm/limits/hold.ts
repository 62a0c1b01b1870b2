import type { Usage } from '../../../core/chat.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { Identity } from '../../../core/exchange.ts';
import type { CallHold, Foreseen } from '../../../core/hold.ts';
import type { ReservedCalls } from '../../../core/ledger/holds.ts';
import { type Limited, type Subjects, takesFor } from '../../../core/ledger/limits.ts';
import type { Standing } from '../../../core/ledger/meters.ts';
import type { Amounts } from '../../../core/ledger/take.ts';
import type { UsageDraft, UsageReport } from '../../../core/ledger/usage.ts';
import type { Outcome } from '../../../core/policy.ts';
import type { Clock } from '../../../core/ports.ts';
import { standingHeaders } from './headers.ts';
import { refused } from './refusal.ts';

/** Milliseconds after which a hold that nobody ended counts as spent: the longest call, and some. */
const TTL = 15 * 60_000;

export interface HoldOptions {
  readonly requestId: string;
  readonly startedAt: number;
  readonly who: Identity;
  readonly limits: readonly Limited[];
  readonly ledger: ReservedCalls;
  readonly run?: string | undefined;
  readonly user?: string | undefined;
  readonly route: string;
  readonly clock: Clock;
  log(message: string, cause: unknown): void;
}

/** One exchange in the ledger of its organisation. */
export class LedgerHold implements CallHold {
  readonly #options: HoldOptions;
  #foreseen: Foreseen | undefined;
  #standings: readonly Standing[] = [];

  constructor(options: HoldOptions) {
    this.#options = options;
  }

  get headers() {
    return standingHeaders(this.#standings, this.#options.clock.now());
  }

  async take(foreseen: Foreseen): Promise<void> {
    const { ledger, limits, requestId, who } = this.#options;
    const isPriced = foreseen.cost !== undefined;
    if (!isPriced && limits.some((each) => each.limits.some(({ unit }) => unit === 'usd'))) {
      throw new GatewayError(
        'model_not_allowed',
        `The price of ${foreseen.model} is not known, so no budget can hold it. The operator gives it one under prices of the provider.`,
        { param: 'model' },
      );
    }
    const takes = takesFor(limits, this.#subjects(foreseen), amountsOf(foreseen.usage, foreseen.cost ?? 0));
    const usage = this.#draft(foreseen, foreseen.usage, foreseen.cost, foreseen.priceVersion);
    const hold = {
      id: requestId,
      subjects: [`key:${who.keyId}`, `app:${who.app}`],
      generation: who.generation ?? 0,
      takes,
      ttl: TTL,
      usage,
    };
    const reserved = this.#foreseen === undefined ? await ledger.reserve(hold) : await ledger.move(requestId, takes, usage);
    if (!reserved.allowed) throw refused(reserved.refusal, this.#options.clock.now());
    this.#standings = reserved.standings;
    this.#foreseen = foreseen;
  }

  async settle(outcome: Outcome, facts: { readonly servedModel?: string; readonly priceVersion?: string }): Promise<void> {
    const foreseen = this.#foreseen;
    if (foreseen === undefined) return;
    const { ledger, requestId } = this.#options;
    // What never came costs nothing, unless the caller would not wait for it: the provider was asked, and bills.
    const unseen: Usage = isUnawaited(outcome) ? { ...foreseen.usage, estimated: true } : { input: 0, output: 0 };
    const usage = outcome.usage ?? unseen;
    const cost = outcome.cost ?? (usage.input + usage.output === 0 ? 0 : foreseen.cost);
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
    const { who, run, user } = this.#options;
    const { org, team, app, keyId: key } = who;
    return { org, team, app, key, provider, model, ...(run === undefined ? {} : { run }), ...(user === undefined ? {} : { user }) };
  }

  #draft({ model }: Foreseen, usage: Usage, cost: number | undefined, priceVersion: string | undefined): UsageDraft {
    const { requestId, startedAt, who, run, user, route } = this.#options;
    const { input, output, cacheRead, cacheWrite, reasoning } = usage;
    return {
      requestId,
      startedAt,
      org: who.org,
      team: who.team,
      app: who.app,
      keyId: who.keyId,
      route,
      model,
      input,
      output,
      ...(run === undefined ? {} : { run }),
      ...(user === undefined ? {} : { user }),
      ...(cacheRead === undefined ? {} : { cacheRead }),
      ...(cacheWrite === undefined ? {} : { cacheWrite }),
      ...(reasoning === undefined ? {} : { reasoning }),
      ...(cost === undefined ? {} : { cost }),
      ...(priceVersion === undefined ? {} : { priceVersion }),
    };
  }
}

/** Leaving and short time limits are the caller's to choose: what they cut off must not be free. */
const isUnawaited = ({ status, error }: Outcome) => status === 'aborted' || error?.code === 'upstream_timeout';

/** Whole amounts by unit; what a unit does not concern takes nothing of it. */
function amountsOf({ input, output }: Usage, cost: number): Amounts {
  return { requests: 1, concurrent: 1, tokens: input + output, 'tokens-in': input, 'tokens-out': output, usd: cost };
}
