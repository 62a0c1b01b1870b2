import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);
const script = path.join(import.meta.dirname, '..', 'scripts', 'eval-cache.mjs');

interface PairSet {
  readonly name: string;
  readonly same: boolean;
  readonly total: number;
  readonly accepted: { readonly [way: string]: number };
  readonly kinds: readonly { readonly kind: string; readonly total: number; readonly accepted: { readonly [way: string]: number } }[];
}

// Gates of quality, with the weights of the repository: how often the cache by meaning would be wrong, and how often it
// would find nothing where only the wording differs. The figures are in docs/semantic-cache-evaluation.md.
it('takes at most 3 % of minimal pairs for the same, and at least 80 % of harmless rewrites', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-eval-cache-test-'));
  try {
    const file = path.join(folder, 'result.json');
    await run(process.execPath, [script, '--json', file]);
    const { pairs }: { readonly pairs: readonly PairSet[] } = JSON.parse(await readFile(file, 'utf8'));
    const sum = (sets: readonly PairSet[], count: (set: PairSet) => number) => sets.reduce((total, set) => total + count(set), 0);

    const different = pairs.filter(({ same }) => !same);
    expect(sum(different, ({ total }) => total)).toBeGreaterThan(3_500);
    expect(new Set(different.flatMap(({ kinds }) => kinds.map(({ kind }) => kind))).size).toBeGreaterThan(50);
    for (const { name, total, accepted } of different) expect((accepted.both ?? total) / total, name).toBeLessThanOrEqual(0.03);
    // The pairs are hard: their vectors alone do not tell them apart.
    expect(sum(different, ({ accepted }) => accepted.cosine ?? 0) / sum(different, ({ total }) => total)).toBeGreaterThan(0.2);

    const rewrites = pairs.filter(({ name }) => name === 'rewrites');
    expect(sum(rewrites, ({ total }) => total)).toBeGreaterThan(900);
    for (const { kind, total, accepted } of rewrites.flatMap(({ kinds }) => kinds)) {
      expect((accepted.both ?? 0) / total, kind).toBeGreaterThanOrEqual(0.8);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 60_000);
