import bundled from '../weir.config.ts';
import { PlanSource } from './config/load.ts';
import { rolls } from './config/rolls.ts';
import type { Journal } from './core/ports.ts';
import { door } from './door/index.ts';
import { StaticKeys } from './identity/api-key.ts';
import { SealedContinuity } from './state/continuity.ts';
import type { Continuity } from './state/continuity-object.ts';
import { createEgress } from './state/egress.ts';
import { BatchedJournal } from './state/journal.ts';
import { type AiBinding, platformModels } from './state/platform-models.ts';
import { envSecrets, portsFor, systemClock } from './state/ports.ts';
import { insertRecords } from './state/records.ts';
import { revisionReader } from './state/revisions.ts';
import { lazyTokenizers } from './state/vocabulary/index.ts';

/** The Worker's bindings. Provider keys come as further string bindings, under the names the configuration gives them. */
export interface Env {
  readonly DB?: D1Database;
  readonly WEIR_ENV?: string;
  readonly WEIR_ADMIN_TOKEN?: string;
  /** The one gateway key of a deployment that has no tenants yet. */
  readonly WEIR_DEV_KEY?: string;
  /** What is kept between calls. */
  readonly CONTINUITY?: DurableObjectNamespace<Continuity>;
  /** The account's own models; they have no local form, and so no place in local runs. */
  readonly AI?: AiBinding;
  /** What it is sealed with; without it nothing is kept. */
  readonly WEIR_SECRET?: string;
}

export { Continuity } from './state/continuity-object.ts';

const noJournal: Journal = { record: () => undefined };

function gatewayOf(env: Env) {
  const { DB: db, CONTINUITY: namespace, WEIR_SECRET: secret } = env;
  const local = env.WEIR_ENV === 'local';
  const secrets = envSecrets(env);
  const planSource = new PlanSource({
    bundled,
    local,
    rolls,
    secrets,
    clock: systemClock,
    log: (message, cause) => console.error(message, cause),
    ...(db === undefined ? {} : { revisions: revisionReader(db) }),
  });
  const journal = db === undefined ? undefined : new BatchedJournal((rows) => insertRecords(db, rows), systemClock);
  const tokens = lazyTokenizers();
  const egress = createEgress({ local, selfHosts: [], instance: '' });
  const continuity = namespace === undefined || !secret ? undefined : () => new SealedContinuity(namespace, secret);
  const models = env.AI === undefined ? undefined : platformModels(env.AI);
  const dev = { keyId: 'key_dev', org: 'dev', team: 'dev', app: 'dev' };
  return door({
    clock: systemClock,
    keys: new StaticKeys(env.WEIR_DEV_KEY === undefined ? [] : [{ key: env.WEIR_DEV_KEY, identity: dev }]),
    planSource,
    db,
    adminToken: env.WEIR_ADMIN_TOKEN,
    ports: (after) =>
      portsFor(
        { clock: systemClock, egress, secrets, tokens, journal: (wait) => journal?.for(wait) ?? noJournal, continuity, models },
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
