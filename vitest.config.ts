import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

// Three projects. `unit`: the shelves and their laws, beside the code, inside workerd. `state`: the same for what keeps
// something, each file with storage of its own. `gateway`: the production bundle as a process of its own, driven over
// real sockets by real clients.

const STATE = 'src/{state,admin}/**/*.test.ts';

const worker = () =>
  cloudflareTest(async () => ({
    remoteBindings: false,
    wrangler: { configPath: './wrangler.toml' },
    miniflare: {
      // Bound in production alone, and only where an operator has made it.
      r2Buckets: ['LARGE_ANSWERS'],
      bindings: {
        WEIR_ENV: 'local',
        WEIR_ADMIN_TOKEN: 'admin-token-of-the-tests',
        WEIR_DEV_KEY: 'weir_dev_key-of-the-tests',
        WEIR_SECRET: 'secret-of-the-tests',
        TEST_MIGRATIONS: await readD1Migrations(path.join(import.meta.dirname, 'migrations')),
      },
    },
  }));

/** The number that properties are tried with: of the sources as they were committed, where nobody says another one. */
function seed(): number {
  const given = Number(process.env.FAST_CHECK_SEED);
  if (Number.isInteger(given) && given !== 0) return given;
  try {
    const tree = execFileSync('git', ['rev-parse', 'HEAD^{tree}'], { cwd: import.meta.dirname, encoding: 'utf8', stdio: 'pipe' });
    return Number.parseInt(tree.slice(0, 8), 16) | 0;
  } catch {
    return 1;
  }
}

const properties = {
  resolve: { alias: [{ find: /^fast-check$/, replacement: path.join(import.meta.dirname, 'scripts/fast-check.ts') }] },
  define: { FAST_CHECK_SEED: String(seed()) },
};

export default defineConfig({
  test: {
    projects: [
      {
        ...properties,
        plugins: [worker()],
        // One workerd for all files: starting one for each takes longer than most of them.
        test: { name: 'unit', isolate: false, maxWorkers: 2, include: ['src/**/*.test.ts'], exclude: [STATE], testTimeout: 60_000 },
      },
      { ...properties, plugins: [worker()], test: { name: 'state', maxWorkers: 2, include: [STATE], testTimeout: 60_000 } },
      {
        ...properties,
        test: {
          name: 'gateway',
          // Each file starts a gateway of its own.
          maxWorkers: 2,
          include: ['test/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // Real servers, processes and clocks: a machine that stands still for some seconds is noticed by one or two of some
          // thousand tests. Those are tried once more, and the report names them; laws and histories (above) never are.
          retry: 1,
        },
      },
    ],
  },
});
