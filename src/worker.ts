import bundled from '../weir.config.ts';
import { PlanSource } from './config/load.ts';
import { rolls } from './config/rolls.ts';
import { Places } from './core/health/places.ts';
import type { ReservedCalls } from './core/ledger/holds.ts';
import type { Journal } from './core/ports.ts';
import { Affinities } from './core/routing/affinity.ts';
import type { SessionHost, SessionInstruments } from './core/session.ts';
import { LearnedOutput } from './core/usual-output.ts';
import { door } from './door/index.ts';
import { KeyRing } from './identity/api-key/ring.ts';
import { AppRing } from './identity/apps/ring.ts';
import { Grants } from './kinds/mcp/auth/grants.ts';
import { McpSession } from './kinds/mcp/session/host.ts';
import { AuditSigner } from './state/audit-signer.ts';
import { Answers } from './state/cache/answers.ts';
import { RouteHitChecks } from './state/cache/checks.ts';
import { cacheLayer, kvLayer, largeLayer } from './state/cache/layers.ts';
import { AnswerMemory } from './state/cache/memory.ts';
import { Purges } from './state/cache/purges.ts';
import { SealedLayers } from './state/cache/sealed-layers.ts';
import { SealedContinuity } from './state/continuity.ts';
import type { Continuity } from './state/continuity-object.ts';
import { ConnectionObject, type ConnectionParts } from './state/credentials/connection-object.ts';
import { credentialDesk } from './state/credentials/index.ts';
import { type AnswerHanded, DrainObject } from './state/drain/drain-object.ts';
import { handOnTo } from './state/drain/hand-on.ts';
import { createEgress } from './state/egress.ts';
import { governanceOf } from './state/governance/index.ts';
import { HealthDesk } from './state/health/desk.ts';
import { sharedBy } from './state/health/shared-health.ts';
import { SealedIdempotency } from './state/idempotency/sealed.ts';
import { BatchedJournal } from './state/journal.ts';
import { Allowances } from './state/ledger/allowances.ts';
import { LedgerClient } from './state/ledger/client.ts';
import { Pulses } from './state/ledger/pulses.ts';
import { isolateEmbedder } from './state/meaning/embedder.ts';
import { AuthorizationServer, type AuthorizationServerOptions } from './state/oauth/authorization-server.ts';
import type { OAuthClients } from './state/oauth/clients-object.ts';
import type { OAuthGrant } from './state/oauth/grant-object.ts';
import { type AiBinding, platformModels } from './state/platform-models.ts';
import { envSecrets, RequestPorts, type SharedPorts, systemClock } from './state/ports.ts';
import { insertRecords } from './state/records.ts';
import { revisionReader } from './state/revisions.ts';
import { SessionObject } from './state/session/session-object.ts';
import { NamedSessions } from './state/session/sessions.ts';
import { appStore } from './state/tenants/app-store.ts';
import { keyStore } from './state/tenants/key-store.ts';
import { Peppers } from './state/tenants/peppers.ts';
import { vectorsOf } from './state/vectors/index.ts';
import type { VectorizeBinding } from './state/vectors/vectorize.ts';
import { lazyTokenizers } from './state/vocabulary/index.ts';
import { SigningSecrets } from './state/webhooks/secrets.ts';

/** The Worker's bindings. Provider keys come as further string bindings, under the names the configuration gives them. */
export interface Env {
  readonly DB?: D1Database;
  readonly WEIR_ENV?: string;
  readonly WEIR_ADMIN_TOKEN?: string;
  /** Opens `/metrics` and nothing else. */
  readonly WEIR_METRICS_TOKEN?: string;
  /** A gateway key of the deployment's own: it belongs to the app `dev`. */
  readonly WEIR_DEV_KEY?: string;
  /** What is kept between calls. */
  readonly CONTINUITY?: DurableObjectNamespace<Continuity>;
  /** Limits and budgets, one object an organisation. */
  readonly LEDGER?: DurableObjectNamespace<Ledger>;
  /** How providers do, as all isolates see it; without it each isolate goes by what it sees itself. */
  readonly HEALTH?: DurableObjectNamespace<HealthBoard>;
  /** Answers of calls with an `Idempotency-Key`, one object an app. */
  readonly IDEMPOTENCY?: DurableObjectNamespace<Idempotency>;
  /** Vectors of texts, one object an owner. */
  readonly VECTORS?: DurableObjectNamespace<VectorStore>;
  /** Keeps them in their place; it has no local form. */
  readonly VECTORIZE?: VectorizeBinding;
  /** Calls whose answers outlive their callers, an object for each; without it answers end with their callers. */
  readonly DRAIN?: DurableObjectNamespace<Drained>;
  /** Sessions of MCP clients, and calls that wait for them, one object each. */
  readonly SESSION?: DurableObjectNamespace<SessionObject>;
  /** What clients were given in the name of who signed in, one object for each grant. */
  readonly OAUTH_GRANT?: DurableObjectNamespace<OAuthGrant>;
  /** The clients that registered themselves. */
  readonly OAUTH_CLIENTS?: DurableObjectNamespace<OAuthClients>;
  /** What callers were granted at the servers behind the gateway, an object for each holder and account. */
  readonly CONNECTIONS?: DurableObjectNamespace<ConnectionObject>;
  /** Answers that are given again, beyond the isolate and the data centre; without it, or without `WEIR_SECRET`, only there. */
  readonly CACHE?: KVNamespace;
  /** The large ones of them, in the place of `CACHE`, which then only says that they are there. */
  readonly LARGE_ANSWERS?: R2Bucket;
  /** The account's own models; they have no local form, and so no place in local runs. */
  readonly AI?: AiBinding;
  /** What it is sealed with; without it nothing is kept, and no keys are made. */
  readonly WEIR_SECRET?: string;
  /** The secret before it: keys that were made with it stay good, and are sealed anew when they are used. */
  readonly WEIR_SECRET_PREVIOUS?: string;
}

export { Continuity } from './state/continuity-object.ts';

import type { HealthBoard } from './state/health/board-object.ts';

export { HealthBoard } from './state/health/board-object.ts';

import type { Idempotency } from './state/idempotency/idempotency-object.ts';

export { Idempotency } from './state/idempotency/idempotency-object.ts';

import type { Ledger } from './state/ledger/ledger-object.ts';

export { Ledger } from './state/ledger/ledger-object.ts';

import type { VectorStore } from './state/vectors/vector-object.ts';

export { OAuthClients } from './state/oauth/clients-object.ts';
export { OAuthGrant } from './state/oauth/grant-object.ts';
export { VectorStore } from './state/vectors/vector-object.ts';

/** One session of one caller, with what kinds of session there are: those of MCP. */
export class Session extends SessionObject {
  protected override open(storage: Pick<SessionInstruments, 'storage' | 'clock'>): SessionHost {
    const env: Env = this.env;
    const { CONTINUITY: namespace, WEIR_SECRET: secret } = env;
    const gateway = gatewayFor(env);
    const after = (work: Promise<unknown>) => this.ctx.waitUntil(work);
    return new McpSession({
      ...storage,
      egress: createEgress({ local: env.WEIR_ENV === 'local', selfHosts: [], instance: '' }),
      secrets: envSecrets(env),
      continuity: namespace === undefined || !secret ? undefined : new SealedContinuity(namespace, secret),
      ports: gateway.ports(after),
      chat: (call) => gateway.chat(call, after),
    });
  }
}

/** What one holder was granted at one account, and who keeps it good. */
export class Connection extends ConnectionObject {
  protected override open(): ConnectionParts {
    const env: Env = this.env;
    const local = env.WEIR_ENV === 'local';
    const egress = createEgress({ local, selfHosts: [], instance: '' });
    return { secrets: secretsOf(env), keeper: new Grants({ egress, clock: systemClock, local }) };
  }
}

/** One client of each organisation's ledger an isolate, with what it has borrowed; organisations come and go, so they are bounded. */
function ledgers(namespace: DurableObjectNamespace<Ledger>) {
  const known = new Map<string, { readonly client: LedgerClient; readonly allowances: Allowances }>();
  return (org: string, lends: boolean, after: (work: Promise<unknown>) => void): ReservedCalls => {
    let ledger = known.get(org);
    if (ledger === undefined) {
      if (known.size >= MOST_ORGS) known.clear();
      const client = new LedgerClient(namespace, org);
      ledger = { client, allowances: new Allowances(client, { clock: systemClock, newId: () => crypto.randomUUID(), sleep }) };
      known.set(org, ledger);
    }
    return lends ? ledger.allowances.for(after) : ledger.client;
  };
}

/** Nothing is lent to the admin API: it asks each time. */
const orgLedgers = (namespace: DurableObjectNamespace<Ledger>) => (org: string) => new LedgerClient(namespace, org);

/** The secret in use, then the one before. */
const secretsOf = (env: Env) => [env.WEIR_SECRET, env.WEIR_SECRET_PREVIOUS].flatMap((each) => each || []);

const MOST_ORGS = 1_000;
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

const noJournal: Journal = { record: () => undefined };

/** Answers that are given again. Beyond the isolate nothing is kept that is not sealed. */
function answersOf({ DB: db, CACHE: namespace, LARGE_ANSWERS: bucket, WEIR_SECRET: secret }: Env): Answers {
  const small = namespace && kvLayer(namespace);
  const everywhere = small && bucket ? largeLayer(bucket, small) : small;
  const layers = [...(typeof caches === 'undefined' ? [] : [cacheLayer(caches.default)]), ...(everywhere ? [everywhere] : [])];
  return new Answers({
    clock: systemClock,
    memory: new AnswerMemory(systemClock),
    purges: db && new Purges(db, systemClock),
    layers: secret ? new SealedLayers(layers, secret) : undefined,
  });
}

/** Who has no place for grants, or no secret to name tokens with, gives none out. */
function authorizationServerOf(env: Env, parts: Pick<AuthorizationServerOptions, 'egress' | 'clock' | 'local'>) {
  const { OAUTH_GRANT: grants, OAUTH_CLIENTS: clients } = env;
  const secrets = secretsOf(env);
  if (grants === undefined || clients === undefined || secrets.length === 0) return undefined;
  return new AuthorizationServer({ ...parts, grants, clients, secrets, db: env.DB });
}

function gatewayOf(env: Env) {
  const { DB: db, CONTINUITY: namespace, IDEMPOTENCY: keyed, WEIR_SECRET: secret } = env;
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
  const journal = db === undefined ? undefined : new BatchedJournal((rows, dropped) => insertRecords(db, rows, dropped), systemClock);
  const tokens = lazyTokenizers();
  const usual = new LearnedOutput();
  const affinities = new Affinities();
  const keptAnswers = answersOf(env);
  const checks = db && new RouteHitChecks(db, systemClock);
  const places = new Places({ clock: systemClock, random: Math.random });
  const shared = env.HEALTH && sharedBy(env.HEALTH, { places, clock: systemClock, isolate: crypto.randomUUID(), sleep });
  const egress = createEgress({ local, selfHosts: [], instance: '' });
  const continuity = namespace === undefined || !secret ? undefined : () => new SealedContinuity(namespace, secret);
  const ledger = env.LEDGER === undefined ? undefined : ledgers(env.LEDGER);
  const models = env.AI === undefined ? undefined : platformModels(env.AI);
  const dev = { keyId: 'key_dev', org: 'org_dev', team: 'team_dev', app: 'app_dev', principal: 'app_dev' };
  const peppers = new Peppers(secretsOf(env));
  const keys = new KeyRing({
    clock: systemClock,
    fixed: env.WEIR_DEV_KEY ? [{ key: env.WEIR_DEV_KEY, identity: dev }] : [],
    ...(db === undefined ? {} : { store: keyStore(db, peppers) }),
    log,
  });
  const apps = new AppRing({ clock: systemClock, log, ...(db === undefined ? {} : { store: appStore(db) }) });
  const clientOf = env.LEDGER === undefined ? undefined : orgLedgers(env.LEDGER);
  const heard = (org: string, generation: number) => {
    keys.saw(org, generation);
    apps.saw(org, generation);
  };
  const pulses = clientOf && new Pulses({ clock: systemClock, ask: (org) => clientOf(org).pulse(), heard });
  const authorizationServer = authorizationServerOf(env, { egress, clock: systemClock, local });
  const desk = credentialDesk({ db, objects: env.CONNECTIONS, secrets: secretsOf(env), clock: systemClock });
  const ports: SharedPorts = {
    clock: systemClock,
    egress,
    secrets,
    tokens,
    usual,
    affinities,
    answers: (wait) => keptAnswers.for(wait),
    checks: checks && ((wait) => checks.for(wait)),
    repeats: clientOf && ((org, run, step) => clientOf(org).repeats(run, step)),
    steps: clientOf && {
      note: (org, run, steps) => clientOf(org).noteSteps(run, steps),
      made: (org, run, steps) => clientOf(org).stepsMade(run, steps),
    },
    pulse: pulses && ((org) => pulses.of(org)),
    health: (wait) => shared?.for(wait) ?? places,
    journal: (wait) => journal?.for(wait) ?? noJournal,
    continuity,
    accessTokens: authorizationServer?.accessTokens,
    sessions: env.SESSION === undefined || !secret ? undefined : new NamedSessions(env.SESSION, secret),
    credentials: desk.credentials,
    governance: governanceOf({ db, chain: clientOf, clock: systemClock, log }),
    models,
    embedder: isolateEmbedder(),
    vectors: vectorsOf({ objects: env.VECTORS, vectorize: env.VECTORIZE, secret }),
    ledger,
  };
  const portsOf = (after: (work: Promise<unknown>) => void) => new RequestPorts(ports, after);
  const front = door({
    clock: systemClock,
    local,
    keys,
    apps,
    planSource,
    db,
    adminToken: env.WEIR_ADMIN_TOKEN,
    metricsToken: env.WEIR_METRICS_TOKEN,
    ledger: clientOf,
    // Where the ledger cannot be told, isolates find out by themselves within a second.
    tenantsChanged: (org, generation) =>
      clientOf?.(org)
        .changed(generation)
        .catch((cause) => log(`The ledger of ${org} was not told of a change`, cause)),
    signer: new AuditSigner(secretsOf(env)),
    health: new HealthDesk(places, systemClock, shared),
    idempotency: keyed === undefined || !secret ? undefined : () => new SealedIdempotency(keyed, secret),
    webhookSecrets: new SigningSecrets(secretsOf(env)),
    credentials: desk,
    handOn: env.DRAIN && handOnTo(env.DRAIN),
    authorizationServer,
    ports: portsOf,
  });
  return { ...front, ports: portsOf };
}

/** One gateway an isolate: it holds the compiled plan and a bounded memory of keys, and nothing else that lasts. */
const gateways = new WeakMap<Env, ReturnType<typeof gatewayOf>>();

function gatewayFor(env: Env) {
  const gateway = gateways.get(env) ?? gatewayOf(env);
  gateways.set(env, gateway);
  return gateway;
}

/** A call whose answer outlives its caller. */
export class Drained extends DrainObject<Env> {
  protected readonly answer: AnswerHanded = (request, handed, after) => gatewayFor(this.env).answer(request, handed, after);
}

export default {
  fetch(request, env, context) {
    return gatewayFor(env).fetch(request, env, context);
  },
} satisfies ExportedHandler<Env>;
