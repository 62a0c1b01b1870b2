import { GatewayError } from './errors.ts';
import type { Call, Canon, Chunk, Exchange, KindName } from './exchange.ts';
import type { PlanPolicy } from './plan.ts';
import type { Given, Outcome, PolicyRun, Touches } from './policy.ts';

const WEIGHT: { readonly [touches in Touches]: number } = { nothing: 0, reads: 1, edits: 2 };

/** What the policies made of a call: it goes on to the kind, or a policy answered it. */
export type Admission<Name extends KindName = KindName> = { readonly call: Canon[Name]['call'] } | Given;

const isOf = <Name extends KindName>(call: Call, kind: Name): call is Canon[Name]['call'] & Call => call.kind === kind;

/**
 * The policies around one exchange. Requests pass them in order, chunks in reverse, and every run that was opened
 * ends exactly once, whatever happened.
 */
export class PolicyChain {
  readonly #policies: readonly PlanPolicy[];
  readonly #exchange: Exchange;
  /** Opened so far, outermost first. */
  readonly #runs: PolicyRun[] = [];
  /** The runs that look at chunks, innermost first. */
  #chunkRuns: PolicyRun[] = [];
  #ended = false;
  /** The most that an opened policy does to the response. */
  touches: Touches = 'nothing';

  constructor(policies: readonly PlanPolicy[], exchange: Exchange) {
    this.#policies = policies;
    this.#exchange = exchange;
  }

  /** Throws a policy's refusal, or what a policy threw. */
  async admit<Name extends KindName>(call: Canon[Name]['call'] & { readonly kind: Name }): Promise<Admission<Name>> {
    let passed: Canon[Name]['call'] = call;
    for (const { policy, settings, touches } of this.#policies) {
      const run = policy.open(settings, this.#exchange);
      this.#runs.push(run);
      const verdict = await run.request?.(passed);
      if (verdict !== undefined) {
        if ('refuse' in verdict) throw verdict.refuse;
        // An answer passes back through the policies outside of the one that gave it.
        if ('answer' in verdict) return verdict;
        if (!isOf(verdict.go, call.kind)) throw new GatewayError('internal', `The policy "${policy.name}" made another call of a call.`);
        passed = verdict.go;
      }
      if (run.chunk !== undefined) this.#chunkRuns = [run, ...this.#chunkRuns];
      if (WEIGHT[touches] > WEIGHT[this.touches]) this.touches = touches;
    }
    return { call: passed };
  }

  /** Whether any policy was opened: if not, there is nothing to end. */
  get isEmpty(): boolean {
    return this.#runs.length === 0;
  }

  served(model: string): void {
    for (const run of this.#runs) run.served?.(model);
  }

  /** Whether a policy wants the rest of an answer whose caller has left. */
  get isWanted(): boolean {
    return this.#runs.some((run) => run.isWanted?.() === true);
  }

  /** One chunk through every policy that looks at chunks, innermost first. */
  async chunk(chunk: Chunk): Promise<readonly Chunk[]> {
    let chunks: readonly Chunk[] = [chunk];
    for (const run of this.#chunkRuns) {
      const next: Chunk[] = [];
      for (const each of chunks) next.push(...((await run.chunk?.(each)) ?? [each]));
      chunks = next;
    }
    return chunks;
  }

  /** Ends every opened run, innermost first; a second call does nothing. A run that throws here does not stop the others. */
  async end(outcome: Outcome): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    for (const run of this.#runs.toReversed()) {
      try {
        await run.end?.(outcome);
      } catch (thrown) {
        this.#exchange.note('policy.end', GatewayError.from(thrown).message);
      }
    }
  }
}
