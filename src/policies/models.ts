import { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import { matchesGlob } from '../core/glob.ts';
import { definePolicy } from '../core/policy.ts';

const pattern = z.string().min(1).max(200);

/** Which models may be asked for, by the name the caller uses. */
export const models = definePolicy({
  name: 'models',
  config: z.strictObject({
    allow: z.array(pattern).min(1).default(['*']).describe('The models that may be asked for; `*` stands for any text.'),
    deny: z.array(pattern).default([]).describe('The models that may not, also where `allow` has them; without a slash, of any provider.'),
  }),
  kinds: ['llm'],
  examples: [{ allow: ['smart', 'openai/gpt-5*'] }, { deny: ['gpt-4*', '*-preview'] }],
  touches: 'nothing',
  open: ({ allow, deny }, exchange) => ({
    request: (call) => {
      // Files and batches name none; what a batch asks for is looked at line by line.
      if (call.kind !== 'llm' || call.head.model === '') return { go: call };
      const asked = call.head.model.toLowerCase();
      const isAllowed = allow.some((glob) => matchesGlob(glob, asked));
      const isDenied = deny.some((glob) => namesOf(glob, asked).some((name) => matchesGlob(glob, name)));
      if (isAllowed && !isDenied) return { go: call };
      const shown = call.head.model.slice(0, 100);
      return {
        refuse: new GatewayError('model_not_allowed', `Route "${exchange.route.name}" does not allow the model "${shown}".`, {
          param: 'model',
        }),
      };
    },
  }),
});

/** What a denied pattern is held against: a ban on `gpt-4*` must not be passed by asking for `openai/gpt-4o`. */
function namesOf(glob: string, asked: string): readonly string[] {
  if (glob.includes('/')) return [asked];
  return [asked, asked.slice(asked.indexOf('/') + 1), asked.slice(asked.lastIndexOf('/') + 1)];
}
