import { GatewayError } from '../core/errors.ts';
import { AuditTrail } from '../state/audit-trail.ts';
import { ACTOR, type AdminContext, type AdminDeps, requireDb } from './deps.ts';

/**
 * By which every write of the admin API is made: audited before it takes effect, or not made. Throws `not_supported` where
 * no database or no ledger is bound.
 */
export function trailOf(context: AdminContext, deps: AdminDeps): AuditTrail {
  const { ledger, log = () => undefined } = deps;
  const db = requireDb(deps);
  if (ledger === undefined) {
    throw new GatewayError('not_supported', 'Changes are audited, and no ledger is bound for it. The operator binds LEDGER.');
  }
  return new AuditTrail({ db, chain: ledger, actor: context.get('actor') ?? ACTOR, log });
}
