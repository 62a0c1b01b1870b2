import type { GatewayError } from './errors.ts';

/** Watches over a call that has begun: its key may be revoked meanwhile, its run stopped. */
export interface Vigil {
  /** Why the call must not go on, as far as that is known. Never waits: what is not known yet is found out until the next time. */
  verdict(): GatewayError | undefined;
}
