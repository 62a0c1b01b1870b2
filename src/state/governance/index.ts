import { randomBase62 } from '../../core/base62.ts';
import type { Governance } from '../../core/governance.ts';
import type { Clock } from '../../core/ports.ts';
import { type Announcer, announcing } from './announce.ts';
import { TableApprovals } from './approvals.ts';
import { type CallChain, ChainedCallAudit } from './call-audit.ts';
import { TablePins } from './pins.ts';

export interface GovernancePlaces {
  readonly db: D1Database | undefined;
  /** The chain of an organisation that exists. */
  readonly chain: ((org: string) => CallChain & Announcer) | undefined;
  readonly clock: Clock;
  readonly log: (message: string, cause: unknown) => void;
}

/** What must hold for tools of MCP routes, as far as the deployment has a place for it. */
export function governanceOf({ db, chain, clock, log }: GovernancePlaces): Governance {
  const announce = announcing(chain, log);
  const newId = () => randomBase62(16);
  return {
    pins: db && new TablePins(db, clock, newId, announce),
    approvals: db && new TableApprovals(db, clock, newId, announce),
    audit: chain && new ChainedCallAudit(chain, clock, log),
  };
}
