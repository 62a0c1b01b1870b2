import type { ReservedCalls } from '../core/ledger/holds.ts';
import type { Clock, Continuity, Egress, Journal, PlatformModels, Ports, Secrets, UsualOutput } from '../core/ports.ts';
import type { Tokenizers } from '../core/tokens/encoding.ts';

/** The kernel's instruments for one request on Cloudflare. */
export function portsFor(
  shared: {
    readonly clock: Clock;
    readonly egress: Egress;
    readonly secrets: Secrets;
    readonly tokens: Tokenizers;
    journal(after: (work: Promise<unknown>) => void): Journal;
    readonly ledger?: LedgerOf | undefined;
    /** Absent where nothing can be kept. */
    readonly continuity?: (() => Continuity) | undefined;
    readonly models?: PlatformModels | undefined;
    readonly usual: UsualOutput;
    readonly pulse?: Ports['pulse'] | undefined;
    readonly repeats?: Ports['repeats'] | undefined;
  },
  after: (work: Promise<unknown>) => void,
): Ports {
  return {
    clock: shared.clock,
    egress: shared.egress,
    secrets: shared.secrets,
    tokens: shared.tokens,
    usual: shared.usual,
    ...(shared.pulse === undefined ? undefined : { pulse: shared.pulse }),
    ...(shared.repeats === undefined ? undefined : { repeats: shared.repeats }),
    ...(shared.ledger === undefined ? undefined : { ledger: ledgerFor(shared.ledger, after) }),
    journal: shared.journal(after),
    ...(shared.continuity === undefined ? undefined : { continuity: shared.continuity() }),
    ...(shared.models === undefined ? undefined : { models: shared.models }),
    pipe: (length) => (length === undefined ? new IdentityTransformStream() : new FixedLengthStream(length)),
    sockets() {
      const { 0: caller, 1: gateway } = new WebSocketPair();
      return { caller, gateway };
    },
    after,
  };
}

type After = (work: Promise<unknown>) => void;
type LedgerOf = (org: string, lends: boolean, after: After) => ReservedCalls;

const ledgerFor =
  (of: LedgerOf, after: After): NonNullable<Ports['ledger']> =>
  (org, lends) =>
    of(org, lends, after);

export const systemClock: Clock = { now: () => Date.now() };

/** Secrets are string bindings of the Worker. */
export const envSecrets = (env: object): Secrets => ({
  get(name) {
    const value: unknown = Object.hasOwn(env, name) ? Reflect.get(env, name) : undefined;
    return typeof value === 'string' && value !== '' ? value : undefined;
  },
});
