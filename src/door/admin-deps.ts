import type { AdminDeps, KeyDesk } from '../admin/deps.ts';
import { rolls } from '../config/rolls.ts';
import { shownKey } from '../identity/api-key/format.ts';
import { operatorLink } from './connect/index.ts';
import { type ExplainDeps, explainCall } from './explain.ts';
import type { Callers } from './identify.ts';
import type { DoorDeps } from './index.ts';

/** What the admin API is given of the gateway it administers. */
export function adminDeps(deps: DoorDeps, callers: Callers, { newRequestId, plan }: Pick<ExplainDeps, 'newRequestId' | 'plan'>): AdminDeps {
  const { keys, apps, planSource, clock, ledger, credentials, ports } = deps;
  const { db, adminToken: token, local, signer, webhookSecrets, tenantsChanged, idempotency, health, authorizationServer: grants } = deps;
  const desk: KeyDesk = {
    mint: (environment, id) => keys.mint(environment, id),
    sealForeign: (sha256) => keys.sealForeign(sha256),
    shown: shownKey,
    changed: () => {
      keys.changed();
      apps.changed();
    },
  };
  return {
    ...{ db, planSource, rolls, token, clock, keys: desk, local, ledger, signer, webhookSecrets, tenantsChanged, health, idempotency },
    ...{ credentials, grants, environment: local === true ? 'dev' : 'live' },
    identify: (given, request, after) => callers.administrator(given, request, after),
    connect: (asked, request) => operatorLink(asked, request, planSource.current(), { clock, credentials }),
    explain: (asked, after) => explainCall(asked, { keys, apps, ledger, newRequestId, plan, ports }, after),
  };
}
