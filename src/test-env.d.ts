/// <reference types="@cloudflare/vitest-plugin/types" />

// What the tests find in `env`: the bindings of wrangler.toml and those that vitest.config.ts adds.
declare namespace Cloudflare {
  interface Env {
    readonly LARGE_ANSWERS: R2Bucket;
    readonly CACHE: KVNamespace;
    readonly DB: D1Database;
    readonly CONTINUITY: DurableObjectNamespace<import('./state/continuity-object.ts').Continuity>;
    readonly DRAIN: DurableObjectNamespace<import('./worker.ts').Drained>;
    readonly CONNECTIONS: DurableObjectNamespace<import('./state/credentials/connection-object.ts').ConnectionObject>;
    readonly HEALTH: DurableObjectNamespace<import('./state/health/board-object.ts').HealthBoard>;
    readonly IDEMPOTENCY: DurableObjectNamespace<import('./state/idempotency/idempotency-object.ts').Idempotency>;
    readonly LEDGER: DurableObjectNamespace<import('./state/ledger/ledger-object.ts').Ledger>;
    readonly OAUTH_CLIENTS: DurableObjectNamespace<import('./state/oauth/clients-object.ts').OAuthClients>;
    readonly OAUTH_GRANT: DurableObjectNamespace<import('./state/oauth/grant-object.ts').OAuthGrant>;
    readonly VECTORS: DurableObjectNamespace<import('./state/vectors/vector-object.ts').VectorStore>;
    readonly TEST_MIGRATIONS: import('cloudflare:test').D1Migration[];
  }

  /** The Worker itself, as `exports`. */
  interface GlobalProps {
    readonly mainModule: typeof import('./worker.ts');
  }
}
