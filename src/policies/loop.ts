import { z } from 'zod';
import { encodeBase64 } from '../core/base64.ts';
import type { Chat } from '../core/chat.ts';
import { within } from '../core/deadline.ts';
import { GatewayError } from '../core/errors.ts';
import { runSubject } from '../core/ledger/runs.ts';
import { definePolicy } from '../core/policy.ts';

/** Milliseconds that a call waits for its step to be counted: a circle is found one step later, and no run ends because a ledger is slow. */
const PATIENCE = 250;

/**
 * Finds runs that go in circles: an agent whose model asks for the same tool with the same arguments and is told the same,
 * time and again; only calls that name a run are looked at for that. And conversations that have become too deep.
 */
export const loop = definePolicy({
  name: 'loop',
  config: z.strictObject({
    repeats: z.int().min(2).max(1_000).default(5).describe('How often a run may make the same step.'),
    depth: z
      .int()
      .min(1)
      .max(10_000)
      .optional()
      .describe('How often the model may have spoken in one conversation; without end when absent.'),
    action: z
      .enum(['warn', 'stop'])
      .default('stop')
      .describe('`stop` refuses the step from then on; `warn` only notes it in the request log, as the facts `loop` and `depth`.'),
  }),
  kinds: ['llm'],
  examples: [{}, { repeats: 3, action: 'warn' }, { depth: 50 }],
  touches: 'nothing',
  open: ({ repeats, depth, action }, exchange) => ({
    async request(call) {
      const { run, who, ports } = exchange;
      if (call.kind !== 'llm' || call.dialect === undefined) return { go: call };
      const turns = depth === undefined ? 0 : call.chat().messages.filter(({ role }) => role === 'assistant').length;
      if (depth !== undefined && turns > depth) {
        exchange.note('depth', turns);
        if (action === 'stop') {
          return {
            refuse: new GatewayError('run_stopped', `The model has spoken ${turns} times in this conversation, of ${depth} at most.`),
          };
        }
      }
      if (run === undefined || ports.repeats === undefined) return { go: call };
      const step = await fingerprintOf(call.chat());
      const times = await within(PATIENCE, ports.repeats(who.org, runSubject(who.app, run), step)).catch(() => undefined);
      if (times === undefined) exchange.note('loop', 'not counted: the ledger did not answer in time');
      if (times === undefined || times <= repeats) return { go: call };
      exchange.note('loop', times);
      if (action === 'warn') return { go: call };
      return {
        refuse: new GatewayError('run_stopped', `This run goes in circles: it has made the same step ${times} times. Begin a new run.`),
      };
    },
  }),
});

/**
 * What a step is: which tools the model called, with what, and what it was told then; where it called none, what it said
 * and was told. All that came before is longer each time, also in a circle; a conversation that only begins is a step as a
 * whole. What the model thinks, and what it says beside its calls, it words anew each time.
 */
async function fingerprintOf({ messages }: Chat): Promise<string> {
  const last = messages.findLastIndex(({ role }) => role === 'assistant');
  const parts = messages.slice(Math.max(0, last)).flatMap(({ content }) => content);
  const calls = parts.some(({ type }) => type === 'tool-call');
  const step = parts.filter(({ type }) => (calls ? type === 'tool-call' || type === 'tool-result' : !type.endsWith('thinking')));
  const text = JSON.stringify(step, withoutIds);
  return encodeBase64(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))));
}

/** Ids of tool calls are new each time. */
const withoutIds = (name: string, value: unknown) => (name === 'id' || name === 'callId' || name === 'signature' ? undefined : value);
