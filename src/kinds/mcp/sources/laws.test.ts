import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { DEFAULT_MCP_LIMITS } from '../settings.ts';
import { sources } from './index.ts';

// What every kind of source obeys.

const never = () => {
  throw new Error('a source asked somebody before it was asked');
};

it('no two are called the same, and none takes what every source has', () => {
  expect(new Set(sources.map(({ kind }) => kind)).size).toBe(sources.length);
});

describe.each(sources)('$kind', ({ config, examples, open, problems }) => {
  it('has examples that it takes itself, and refuses what it does not know', () => {
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      const parsed = config.safeParse(example);
      expect(parsed.error?.issues ?? []).toEqual([]);
      expect(problems?.(parsed.data, { local: false }) ?? []).toEqual([]);
      expect(config.safeParse({ ...example, unheardOf: 1 }).success).toBe(false);
    }
  });

  it('leaves the names to the route that every source has', () => {
    const own = config instanceof z.ZodObject ? Object.keys(config.shape) : [];
    expect(own.filter((name) => ['kind', 'name', 'prefix', 'transforms'].includes(name))).toEqual([]);
  });

  it('opens without asking anybody', () => {
    const ports = { clock: { now: () => 0 }, egress: { send: never, connect: never }, secrets: { get: never } };
    for (const example of examples) {
      const source = open(config.parse(example), { name: 'one', ports, limits: DEFAULT_MCP_LIMITS });
      expect(typeof source.request).toBe('function');
    }
  });
});
