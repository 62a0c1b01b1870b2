import bundled from '../weir.config.ts';
import { PlanSource } from './config/load.ts';
import { rolls } from './config/rolls.ts';
import type { ReservedCalls } from './core/ledger/holds.ts';
import type { Journal } from './core/ports.ts';
import { door } from './door/index.ts';
import { KeyRing } from './identity/api-key/ring.ts';
import { SealedContinuity } from './state/continuity.ts';
import type { Continuity } from './state/continuity-object.ts';
import { createEgress } from './state/egress.ts';
import { BatchedJournal } from './state/journal.ts';
import { Allowances } from './state/ledger/allowances.ts';
import { LedgerClient } from './state/ledger/client.ts';
import { type AiBinding, platformModels } from './state/platform-models.ts';
import { envSecrets, portsFor, systemClock } from './state/ports.ts';
import { insertRecords } from './state/records.ts';
import { revisionReader } from './state/revisions.ts';
import { keyStore } from './state/tenants/key-store.ts';
import { Peppers } from './state/tenants/peppers.ts';
import { lazyTokenizers } from './state/vocabulary/index.ts';

/** The Worker's bindings. Provider keys come as further string bindings, under the names the configuration gives them. */
export interface Env {
  readonly DB?: D1Database;
  readonly WEIR_ENV?: string;
  readonly WEIR_ADMIN_TOKEN?: string;
  /** A gateway key of the deployment's own: it belongs to the app `dev`. */
  readonly WEIR_DEV_KEY?: string;
  /** What is kept between calls. */
  readonly CONTINUITY?: DurableObjectNamespace<Continuity>;
  /** Limits and budgets, one object an organisation. */
  readonly LEDGER?: DurableObjectNamespace<Ledger>;
  /** The account's own models; they have no local form, and so no place in local runs. */
  readonly AI?: AiBinding;
  /** What it is sealed with; without it nothing is kept, and no keys are made. */
  readonly WEIR_SECRET?: string;
  /** The secret before it: keys that were made with it stay good, and are sealed anew when they are used. */
  readonly WEIR_SECRET_PREVIOUS?: string;
}

export { Continuity } from './state/continuity-object.ts';

import type { Ledger } from './state/ledger/ledger-object.ts';

export { Ledger } from './state/ledger/ledger-object.ts';

/** One client of each organisation's ledger an isolate, with what it has borrowed; organisations come and go, so they are bounded. */
function ledgers(namespace: DurableObjectNamespace<Ledger>) {
  const known = new Map<string, Allowances>();
  return (org: string, after: (work: Promise<unknown>) => void): ReservedCalls => {
    let allowances = known.get(org);
    if (allowances === undefined) {
      if (known.size >= MOST_ORGS) known.clear();
      allowances = new Allowances(new LedgerClient(namespace, org), { clock: systemClock, newId: () => crypto.randomUUID(), sleep });
      known.set(org, allowances);
    }
    return allowances.for(after);
  };
}

const MOST_ORGS = 1_000;
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

const noJournal: Journal = { record: () => undefined };

function gatewayOf(env: Env) {
  const { DB: db, CONTINUITY: namespace, WEIR_SECRET: secret } = env;
  const local = env.WEIR_ENV === 'local';
  const secrets = envSecrets(env);
  const log = (message: string, cause: unknown) => console.error(message, cause);
  const planSource = new PlanSource({
    bundled,
    local,
    rolls,
    secrets,
    clock: systemClock,
    log,
    ...(db === undefined ? {} : { revisions: revisionReader(db) }),
  });
  const journal = db === undefined ? undefined : new BatchedJournal((rows) => insertRecords(db, rows), systemClock);
  const tokens = lazyTokenizers();
  const egress = createEgress({ local, selfHosts: [], instance: '' });
  const continuity = namespace === undefined || !secret ? undefined : () => new SealedContinuity(namespace, secret);
  const ledger = env.LEDGER === undefined ? undefined : ledgers(env.LEDGER);
  const models = env.AI === undefined ? undefined : platformModels(env.AI);
  const dev = { keyId: 'key_dev', org: 'org_dev', team: 'team_dev', app: 'app_dev', principal: 'app_dev' };
  const peppers = new Peppers([env.WEIR_SECRET, env.WEIR_SECRET_PREVIOUS].flatMap((each) => each || []));
  const keys = new KeyRing({
    clock: systemClock,
    fixed: env.WEIR_DEV_KEY ? [{ key: env.WEIR_DEV_KEY, identity: dev }] : [],
    ...(db === undefined ? {} : { store: keyStore(db, peppers) }),
    log,
  });
  return door({
    clock: systemClock,
    local,
    keys,
    planSource,
    db,
    adminToken: env.WEIR_ADMIN_TOKEN,
    ports: (after) =>
      portsFor(
        { clock: systemClock, egress, secrets, tokens, journal: (wait) => journal?.for(wait) ?? noJournal, continuity, models, ledger },
        after,
      ),
  });
}

/** One gateway an isolate: it holds the compiled plan and a bounded memory of keys, and nothing else that lasts. */
let gateway: { readonly env: Env; readonly app: ReturnType<typeof gatewayOf> } | undefined;

export default {
  fetch(request, env, context) {
    if (gateway?.env !== env) gateway = { env, app: gatewayOf(env) };
    return gateway.app.fetch(request, env, context);
  },
} satisfies ExportedHandler<Env>;
