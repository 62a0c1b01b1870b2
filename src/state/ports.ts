import type { Clock, Egress, Journal, Ports, Secrets } from '../core/ports.ts';

/** The kernel's instruments for one request on Cloudflare. */
export function portsFor(
  shared: {
    readonly clock: Clock;
    readonly egress: Egress;
    readonly secrets: Secrets;
    journal(after: (work: Promise<unknown>) => void): Journal;
  },
  after: (work: Promise<unknown>) => void,
): Ports {
  return {
    clock: shared.clock,
    egress: shared.egress,
    secrets: shared.secrets,
    journal: shared.journal(after),
    pipe: () => new IdentityTransformStream(),
    after,
  };
}

export const systemClock: Clock = { now: () => Date.now() };

/** Secrets are string bindings of the Worker. */
export const envSecrets = (env: object): Secrets => ({
  get(name) {
    const value: unknown = Object.hasOwn(env, name) ? Reflect.get(env, name) : undefined;
    return typeof value === 'string' && value !== '' ? value : undefined;
  },
});
