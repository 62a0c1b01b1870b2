import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readUsage, usageOf, writeUsage } from './usage.ts';

describe('usage', () => {
  it('counts reasoning as output, whatever the vendor does', () => {
    const completion_tokens_details = { reasoning_tokens: 290 };
    expect(readUsage({ prompt_tokens: 12, completion_tokens: 1, total_tokens: 303, completion_tokens_details })?.output).toBe(291);
    expect(readUsage({ prompt_tokens: 12, completion_tokens: 1, completion_tokens_details })?.output).toBe(291);
    expect(readUsage({ prompt_tokens: 12, completion_tokens: 291, total_tokens: 303, completion_tokens_details })?.output).toBe(291);
  });

  it('does not believe reasoning that the total denies', () => {
    const completion_tokens_details = { reasoning_tokens: 5_000 };
    const said = { prompt_tokens: 7, completion_tokens: 5, total_tokens: 12, completion_tokens_details };
    expect(readUsage(said)).toEqual({ input: 7, output: 5 });
  });

  it('takes what a total counts beyond the completion for output', () => {
    expect(readUsage({ prompt_tokens: 29, completion_tokens: 736, total_tokens: 1766 })?.output).toBe(1737);
    expect(readUsage({ prompt_tokens: 29, completion_tokens: 736, total_tokens: 700 })?.output).toBe(736);
  });

  it('finds cached tokens where vendors put them', () => {
    const tokens = { prompt_tokens: 10, completion_tokens: 1 };
    expect(readUsage({ ...tokens, prompt_tokens_details: { cached_tokens: 4, cache_write_tokens: 5 } })).toMatchObject({
      cacheRead: 4,
      cacheWrite: 5,
    });
    expect(readUsage({ ...tokens, prompt_cache_hit_tokens: 3 })).toMatchObject({ cacheRead: 3 });
    expect(readUsage({ ...tokens, cached_tokens: 2 })).toMatchObject({ cacheRead: 2 });
    expect(readUsage({ ...tokens, cached_tokens: 11 })).toEqual({ input: 10, output: 1 });
  });

  it('is found in a chunk, in its choice, and where Groq puts it', () => {
    const usage = { prompt_tokens: 1, completion_tokens: 2 };
    for (const body of [{ usage }, { usage: null, x_groq: { usage } }, { choices: [{ usage }] }]) {
      expect(usageOf(body)).toEqual({ input: 1, output: 2 });
    }
    expect(usageOf({ usage: null })).toBeUndefined();
  });

  it.each([-1, 1.5, 1e9 + 1, Number.POSITIVE_INFINITY, Number.NaN, '7', null, undefined])('is refused with %s for a number', (bad) => {
    expect(readUsage({ prompt_tokens: bad, completion_tokens: 1 })).toBeUndefined();
    expect(readUsage({ prompt_tokens: 1, completion_tokens: bad })).toBeUndefined();
    expect(readUsage({ prompt_tokens: 1, completion_tokens: 1, total_tokens: bad })).toEqual({ input: 1, output: 1 });
  });

  it('is read as it was written', () => {
    const count = fc.nat(1e6);
    const usages = fc.record({ input: count, output: count }).chain(({ input, output }) =>
      fc.record(
        {
          input: fc.constant(input),
          output: fc.constant(output),
          cacheRead: fc.nat(input),
          cacheWrite: fc.nat(input),
          reasoning: fc.nat(output),
        },
        { requiredKeys: ['input', 'output'] },
      ),
    );
    fc.assert(
      fc.property(usages, (usage) => {
        expect(readUsage(writeUsage(usage))).toEqual(usage);
      }),
    );
  });
});
