import { z } from 'zod';
import { distinctIdentities, drawn, weightOf } from '../core/ordering.ts';
import { pointOf } from '../core/stable-hash.ts';
import { defineStrategy, type Target } from '../core/strategy.ts';
import { subjectForms, subjectOf, subjectPattern } from '../core/subject.ts';

const config = z.strictObject({
  stick: z
    .string()
    .regex(subjectPattern, { error: `must be ${subjectForms}` })
    .optional()
    .describe(`Whose calls all go to the same target, as long as it can be asked: ${subjectForms}. Absent: each call is drawn anew.`),
});

/**
 * Draws the targets by their weight, without putting back: the first is chosen with the share that its weight is of
 * the whole, the second likewise among the rest. A target of weight 0 is never drawn: it comes last, as listed. With
 * `stick` a hash draws instead of chance: the same subject has the same order for ever, and where a target goes away
 * only those move who had it first.
 */
export const weighted = defineStrategy({
  name: 'weighted',
  config,
  examples: [{}, { stick: 'user' }, { stick: 'metadata.customer' }],
  order(targets, { stick }, call, exchange, tools) {
    const subject = stick === undefined ? undefined : subjectOf(stick, call, exchange);
    const identities = distinctIdentities(targets);
    const total = targets.reduce((sum, target) => sum + weightOf(target), 0);
    for (const target of targets) tools.explain(target, explained(target, total, subject === undefined ? 'drawn' : `${stick} is kept`));
    return drawn(targets, subject === undefined ? tools.random : (target) => pointOf(`${subject}\n${identities.get(target)}`));
  },
});

function explained(target: Target, total: number, how: string): string {
  const weight = weightOf(target);
  if (weight === 0) return 'weight 0: comes last';
  return `${how}: ${percent(weight / total)} of the weight`;
}

const percent = (part: number): string => `${Number((part * 100).toPrecision(2))} %`;
