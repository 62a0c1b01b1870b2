import { z } from 'zod';
import { defineStrategy, type Target } from '../core/strategy.ts';

/**
 * Draws the targets by their weight, without putting back: the first is chosen with the share that its weight is of
 * the whole, the second likewise among the rest. A target of weight 0 is never drawn: it comes last, as listed.
 */
export const weighted = defineStrategy({
  name: 'weighted',
  config: z.strictObject({}),
  examples: [{}],
  order: (targets, _config, _call, _exchange, random) => {
    const drawn: Target[] = [];
    const left = targets.filter((target) => weightOf(target) > 0);
    while (left.length > 0) drawn.push(...left.splice(draw(left, random()), 1));
    return [...drawn, ...targets.filter((target) => weightOf(target) === 0)];
  },
});

const weightOf = ({ weight = 1 }: Target): number => (weight > 0 && Number.isFinite(weight) ? weight : 0);

/** The index on which a point of [0, 1) falls when the targets share that line by weight. */
function draw(targets: readonly Target[], point: number): number {
  const total = targets.reduce((sum, target) => sum + weightOf(target), 0);
  let rest = point * total;
  const index = targets.findIndex((target) => {
    rest -= weightOf(target);
    return rest < 0;
  });
  // Rounding may leave a hair of the line behind the last one.
  return index < 0 ? targets.length - 1 : index;
}
