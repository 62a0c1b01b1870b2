/** Defined by the build: the origin of the benchmark's upstream, such as `http://127.0.0.1:41234`. */
declare const BENCH_UPSTREAM: string;
/** Likewise: what is set of the document's `limits`. */
declare const BENCH_LIMITS: { readonly allowances?: boolean };

/** Likewise: its `policies`. */
declare const BENCH_POLICIES: readonly object[];

/** Takes the place of the root's `weir.config.ts` in the benchmark's build: one provider, whose models have a price. */
export default {
  providers: {
    up: { like: 'openai', baseUrl: `${BENCH_UPSTREAM}/v1`, key: { value: 'k' }, prices: { '*': { input: 1, output: 1 } } },
    refusing: { like: 'openai', baseUrl: 'http://127.0.0.1:9/v1', key: { value: 'k' }, prices: { '*': { input: 1, output: 1 } } },
  },
  models: {
    // Nobody listens on the discard port. Its breaker never opens: what is measured is the first failure, again and again.
    'over-json': {
      targets: ['refusing/json', 'up/json'],
      retry: { attempts: 1 },
      breaker: { failures: 1000, rate: 1, least: 100_000 },
    },
  },
  routes: [{ name: 'tools', kind: 'mcp', sources: [{ kind: 'remote', url: `${BENCH_UPSTREAM}/mcp/tools`, prefix: 'up' }] }],
  limits: BENCH_LIMITS,
  policies: BENCH_POLICIES,
};
