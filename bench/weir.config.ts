/** Defined by the build: the origin of the benchmark's upstream, such as `http://127.0.0.1:41234`. */
declare const BENCH_UPSTREAM: string;

/** Takes the place of the root's `weir.config.ts` in the benchmark's build: one provider, nothing else. */
export default {
  providers: { up: { like: 'openai', baseUrl: `${BENCH_UPSTREAM}/v1`, key: { value: 'k' } } },
};
