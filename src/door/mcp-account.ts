import type { Identity } from '../core/exchange.ts';
import type { Foreseen } from '../core/hold.ts';
import { type NanoUsd, nanoUsd } from '../core/money.ts';
import type { Plan } from '../core/plan.ts';
import type { OutcomeStatus } from '../core/ports.ts';
import type { LedgerHold } from '../kinds/llm/limits/hold.ts';
import { type CalledTool, calledTool } from '../kinds/mcp/called.ts';
import type { McpSettings } from '../kinds/mcp/settings.ts';
import type { McpEnd } from '../kinds/mcp/watch.ts';
import type { RpcRequest } from '../kinds/mcp/wire/message.ts';
import { type HeldArrival, holdOf } from './exchange.ts';

/** A request of a POST, as the account and the log know it: each of a batch is one of its own. */
export interface McpRequest extends Partial<CalledTool> {
  /** The request id of the answer, and of what follows in a batch that and a number. */
  readonly id: string;
  readonly request: RpcRequest;
}

export const requestsOf = (requests: readonly RpcRequest[], requestId: string, settings: McpSettings): readonly McpRequest[] =>
  requests.map((request, at) => ({ id: at === 0 ? requestId : `${requestId}.${at + 1}`, request, ...calledTool(request, settings) }));

/** What asks no server for anything that is worth counting. */
const FREE = new Set(['ping', 'initialize', 'server/discover', 'logging/setLevel']);

/** Whose calls they are, and by what they are counted. */
export interface McpAccountOptions {
  readonly who: Identity;
  readonly route: string;
  readonly plan: Plan;
  readonly run: string | undefined;
  readonly arrival: HeldArrival;
}

/** The calls of one POST under the limits of who asks: each held for by itself, and all of them or none. */
export class McpAccount {
  readonly #held: { readonly call: McpRequest; readonly hold: LedgerHold }[] = [];
  #asked: LedgerHold | undefined;

  /** Throws `rate_limited` and `budget_exceeded`; then nothing is held. */
  async take(calls: readonly McpRequest[], options: McpAccountOptions): Promise<void> {
    const { who, route, plan, run, arrival } = options;
    // A call that names no session is counted with its run, or with all others that name nothing: leaving it out evades nothing.
    const session = arrival.request.headers.get('mcp-session-id')?.slice(0, 128) ?? run ?? '';
    for (const call of calls) {
      if (FREE.has(call.request.method)) continue;
      const hold = holdOf(who, arrival, run, route, undefined, plan.limits, { id: call.id, session, dialect: 'mcp' });
      if (hold === undefined) return;
      this.#asked = hold;
      try {
        await hold.take(foreseenOf(call, route, plan.revision));
      } catch (thrown) {
        await Promise.all(this.#held.splice(0).map((each) => each.hold.release()));
        throw thrown;
      }
      this.#held.push({ call, hold });
    }
  }

  /** What stands at the limits, for the head of the answer: as the last of the calls found it. */
  get headers(): { readonly [name: string]: string } {
    return this.#asked?.headers ?? {};
  }

  /** Until it is written down that the calls were let through. */
  async kept(): Promise<void> {
    for (const { hold } of this.#held) await hold.kept();
  }

  async settle(endOf: (call: McpRequest) => McpEnd, httpStatus: number): Promise<void> {
    await Promise.all(
      this.#held.map(({ call, hold }) => {
        const end = endOf(call);
        const outcome = { status: statusOf(end), httpStatus, usage: { input: 0, output: 0 }, cost: costOf(call, end) ?? nanoUsd(0) };
        return hold.settle(outcome, {});
      }),
    );
  }
}

function foreseenOf({ tool, price }: McpRequest, route: string, revision: number): Foreseen {
  const usage = { input: 0, output: 0 };
  const priceVersion = priceVersionOf(revision);
  if (tool === undefined) return { provider: 'mcp', model: `mcp/${route}`, usage, cost: nanoUsd(0), priceVersion, isFree: true };
  return { provider: 'mcp', model: `mcp/${route}/${tool}`, usage, cost: price ?? nanoUsd(0), priceVersion, toolCalls: 1 };
}

export const priceVersionOf = (revision: number): string => `config:${revision}`;

export const statusOf = ({ outcome }: McpEnd): OutcomeStatus =>
  outcome === 'cancelled' ? 'aborted' : outcome === 'error' || outcome === 'interrupted' ? 'failed' : 'complete';

/** What a call came to: its price where its tool was reached; `undefined` where it has none. */
export function costOf({ price }: McpRequest, end: McpEnd): NanoUsd | undefined {
  return price === undefined || isReached(end) ? price : nanoUsd(0);
}

/** Errors that tell of a tool that was asked, and may have done its work. */
const AFTER = new Set(['upstream_timeout', 'upstream_interrupted', 'upstream_invalid', 'event_too_large']);

/**
 * Whether the tool may have done what it is paid for. An error that a server answers with is of the protocol (an unknown
 * tool, arguments that do not fit): tools tell of their own failures in results. Who asks back has done nothing
 * yet, and a person who did not approve of a call has prevented it.
 */
function isReached({ outcome, errorCode, isUnmade }: McpEnd): boolean {
  if (isUnmade === true) return false;
  if (outcome === 'error') return errorCode !== undefined && AFTER.has(errorCode);
  return outcome !== 'input-required';
}
