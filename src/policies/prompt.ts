import { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import { definePolicy } from '../core/policy.ts';

/** Adds the operator's own instructions to every chat call; all else of the call stays as the caller wrote it. */
export const prompt = definePolicy({
  name: 'prompt',
  config: z.strictObject({
    text: z.string().min(1).max(100_000).describe('The instructions.'),
    at: z.enum(['start', 'end']).default('start').describe("Before or after the caller's own instructions."),
  }),
  kinds: ['llm'],
  examples: [{ text: 'Answer in English.' }, { text: 'Never give medical advice.', at: 'end' }],
  touches: 'nothing',
  open: ({ text, at }) => ({
    request: (call) => {
      // Only chat has instructions.
      if (call.kind !== 'llm' || call.dialect === undefined) return { go: call };
      const { dialect } = call;
      if (dialect.addSystem === undefined) {
        // Going on without them would drop what the operator relies on.
        return {
          refuse: new GatewayError(
            'not_supported',
            `The policy "prompt" cannot add instructions to a call of the dialect "${dialect.id}".`,
          ),
        };
      }
      return { go: call.withBody(dialect.addSystem(call.wire.json(), text, at)) };
    },
  }),
});
