import { z } from 'zod';
import { grouped } from '../core/capable.ts';
import { healthyFirst, rising, withHealth } from '../core/ordering.ts';
import { defineStrategy, type StrategyTools, type Target } from '../core/strategy.ts';

const config = z.strictObject({
  reserve: z
    .number()
    .min(0)
    .max(1e9)
    .default(0.02)
    .describe(
      'What is not counted on, since others may be using it up: below 1 a part of the capacity (of what is left, where the capacity is unknown), from 1 on tokens.',
    ),
});

/**
 * As listed, but what has no room for the call comes last: throughput that was bought fills first, and what does not fit
 * spills over before a provider has to refuse it. A target whose limits nobody knows has room.
 */
export const headroom = defineStrategy({
  name: 'headroom',
  config,
  examples: [{}, { reserve: 0.1 }, { reserve: 5_000 }],
  order(targets, { reserve }, _call, _exchange, tools) {
    const { input, output } = tools.size();
    const seen = withHealth(targets, tools).map((each, index) => ({
      ...each,
      index,
      ...roomFor(each.target, input + output, reserve, tools),
    }));
    const full = seen.filter(({ fits }) => !fits).sort((a, b) => rising(b.room, a.room) || a.index - b.index);
    return healthyFirst([...seen.filter(({ fits }) => fits), ...full], tools);
  },
});

/** `room`: the tokens that are left besides the reserve; none where no request is left. */
function roomFor(target: Target, needed: number, reserve: number, tools: StrategyTools) {
  const left = tools.headroom(target);
  const { requests = Number.POSITIVE_INFINITY, tokens = Number.POSITIVE_INFINITY } = left ?? {};
  if (requests === Number.POSITIVE_INFINITY && tokens === Number.POSITIVE_INFINITY) {
    return { fits: true, room: tokens, why: 'no limit is known' };
  }
  if (requests < 1) return { fits: false, room: 0, why: 'no request is left' };
  const kept = reserve < 1 ? reserve * (target.capacity?.tokens ?? tokens) : reserve;
  const room = tokens === Number.POSITIVE_INFINITY ? tokens : Math.max(0, tokens - kept);
  const fits = room >= needed;
  if (room === Number.POSITIVE_INFINITY) return { fits, room, why: `room for ${grouped(requests)} requests` };
  return {
    fits,
    room,
    why: fits ? `room for ${grouped(room)} tokens` : `room for ${grouped(room)} tokens, and ${grouped(needed)} are needed`,
  };
}
