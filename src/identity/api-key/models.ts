import { z } from 'zod';
import { GatewayError } from '../../core/errors.ts';
import type { Identity } from '../../core/exchange.ts';
import { matchesGlob } from '../../core/glob.ts';
import type { PlanPolicy } from '../../core/plan.ts';
import { definePolicy } from '../../core/policy.ts';

/** The models that a key and all above it may ask for: every list must have the name the caller uses. */
export const keyModels = definePolicy({
  name: 'models',
  config: z.strictObject({ lists: z.array(z.array(z.string())) }),
  examples: [{ lists: [['smart', 'openai/gpt-5*'], ['*']] }],
  touches: 'nothing',
  open: ({ lists }) => ({
    request: (call) => {
      // Files and batches name none; what a batch asks for is looked at line by line.
      if (call.kind !== 'llm' || call.head.model === '') return { go: call };
      const asked = call.head.model.toLowerCase();
      if (lists.every((list) => list.some((glob) => matchesGlob(glob, asked)))) return { go: call };
      const message = `This key may not use the model "${call.head.model.slice(0, 100)}". GET /v1/models lists what it may.`;
      return { refuse: new GatewayError('model_not_allowed', message, { param: 'model' }) };
    },
  }),
});

/** What a key's calls pass before the policies of the route. */
export function policiesOf({ allowed }: Identity): readonly PlanPolicy[] {
  const lists = allowed?.models ?? [];
  return lists.length === 0 ? [] : [{ policy: keyModels, settings: { lists }, touches: 'nothing' }];
}
