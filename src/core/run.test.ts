import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { GatewayError } from './errors.ts';
import { fakeCall, fakeExchange } from './fakes.ts';
import type { PlanPolicy } from './plan.ts';
import { definePolicy, type Outcome, type Policy } from './policy.ts';
import { PolicyChain } from './run.ts';

type Behaviour = 'go' | 'answer' | 'refuse' | 'throw in request' | 'throw in open' | 'throw in end';
const OUTCOME: Outcome = { status: 'complete', httpStatus: 200 };

/** A policy that writes down what happens to it. */
function recorder(name: string, behaviour: Behaviour, log: string[]): PlanPolicy {
  const policy = definePolicy({
    name,
    config: z.strictObject({}),
    touches: 'nothing',
    examples: [{}],
    open() {
      if (behaviour === 'throw in open') throw new Error('open');
      log.push(`open ${name}`);
      return {
        request(call) {
          log.push(`request ${name}`);
          if (behaviour === 'throw in request') throw new Error('request');
          if (behaviour === 'refuse') return { refuse: new GatewayError('not_allowed', 'no') };
          return behaviour === 'answer' ? { answer: [{ type: 'end' }] } : { go: call };
        },
        end() {
          log.push(`end ${name}`);
          if (behaviour === 'throw in end') throw new Error('end');
        },
      };
    },
  });
  return { policy: policy as Policy, settings: {}, touches: 'nothing' };
}

const behaviours = fc.constantFrom<Behaviour>('go', 'go', 'go', 'answer', 'refuse', 'throw in request', 'throw in open', 'throw in end');

describe('policy chain', () => {
  it('ends every opened run exactly once and in reverse, whatever the policies do', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(behaviours, { maxLength: 6 }), fc.integer({ min: 1, max: 3 }), async (list, ends) => {
        const log: string[] = [];
        const exchange = fakeExchange();
        const call = fakeCall({ model: 'm', messages: [] });
        const chain = new PolicyChain(
          list.map((behaviour, index) => recorder(`p${index}`, behaviour, log)),
          exchange,
        );
        await chain.admit(call).catch(() => undefined);
        await Promise.all(Array.from({ length: ends }, () => chain.end(OUTCOME)));
        const opened = log.filter((line) => line.startsWith('open')).map((line) => line.slice(5));
        const ended = log.filter((line) => line.startsWith('end')).map((line) => line.slice(4));
        expect(ended).toEqual(opened.toReversed());
      }),
    );
  });

  it('asks in order and stops at the first refusal or answer', async () => {
    const log: string[] = [];
    const exchange = fakeExchange();
    const call = fakeCall({ model: 'm', messages: [] });
    const chain = new PolicyChain([recorder('a', 'go', log), recorder('b', 'refuse', log), recorder('c', 'go', log)], exchange);
    await expect(chain.admit(call)).rejects.toMatchObject({ code: 'not_allowed' });
    expect(log).toEqual(['open a', 'request a', 'open b', 'request b']);
  });

  it('hands chunks back in reverse order, each through what the one inside made of it', async () => {
    const exchange = fakeExchange();
    const call = fakeCall({ model: 'm', messages: [] });
    const tagging = (tag: string): PlanPolicy => ({
      settings: {},
      touches: 'edits',
      policy: {
        name: tag,
        config: z.unknown(),
        touches: 'edits',
        examples: [{}],
        open: (_config, { surface }) => ({
          chunk: (chunk) => [surface.withText(chunk, `${surface.textOf(chunk)?.text ?? ''}${tag}`), chunk],
        }),
      },
    });
    const chain = new PolicyChain([tagging('outer'), tagging('inner')], exchange);
    await chain.admit(call);
    const chunks = await chain.chunk({ type: 'text', part: 0, choice: 0, text: '' });
    expect(chunks.map((chunk) => exchange.surface.textOf(chunk)?.text)).toEqual(['innerouter', 'inner', 'outer', '']);
    expect(chain.touches).toBe('edits');
  });
});
