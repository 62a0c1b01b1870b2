import { expect, it } from 'vitest';
import { LlmCall } from '../core/call.ts';
import { fakeExchange, fakePorts } from '../core/fakes.ts';
import { openaiChat } from '../dialects/openai-chat/index.ts';
import { loop } from './loop.ts';

/** A conversation in which the same tool was called so often, with ids of its own each time, and told this last. */
function turn(calls: number, last = 'no such file', args = '{"path":"a"}') {
  const messages = Array.from({ length: calls }, (_, at) => [
    {
      role: 'assistant',
      content: `Attempt ${calls}.`,
      tool_calls: [{ id: `call_${at}`, type: 'function', function: { name: 'read', arguments: args } }],
    },
    { role: 'tool', tool_call_id: `call_${at}`, content: at === calls - 1 ? last : 'no such file' },
  ]);
  const body = { model: 'm', messages: [{ role: 'user', content: 'Read it.' }, ...messages.flat()] };
  return LlmCall.read(openaiChat, JSON.stringify(body), new Headers());
}

function runner(settings: object, isNamed = true) {
  const counts = new Map<string, number>();
  const ports = {
    ...fakePorts(),
    repeats: async (...step: readonly string[]) => {
      const name = step.join(' ');
      counts.set(name, (counts.get(name) ?? 0) + 1);
      return counts.get(name) ?? 0;
    },
  };
  const exchange = fakeExchange({ ports, ...(isNamed ? { run: 'run_1' } : {}) });
  return { exchange, ask: async (call: LlmCall) => loop.open(loop.config.parse(settings), exchange).request?.(call) };
}

it('refuses a step that a run makes too often, whatever the ids of its calls', async () => {
  const { ask } = runner({ repeats: 3 });
  for (let calls = 1; calls <= 3; calls++) expect(await ask(turn(calls))).toHaveProperty('go');
  expect(await ask(turn(4))).toMatchObject({ refuse: { code: 'run_stopped' } });
});

it('passes steps that differ in what was asked or told', async () => {
  const { ask } = runner({ repeats: 2 });
  for (let calls = 1; calls <= 6; calls++) expect(await ask(turn(calls, `attempt ${calls}`))).toHaveProperty('go');
  for (let calls = 1; calls <= 6; calls++) expect(await ask(turn(calls, 'same', `{"path":"${calls}"}`))).toHaveProperty('go');
});

it('notes what it is told only to warn of', async () => {
  const { ask, exchange } = runner({ repeats: 2, action: 'warn' });
  for (let calls = 1; calls <= 3; calls++) expect(await ask(turn(calls))).toHaveProperty('go');
  expect(exchange.notes).toEqual({ loop: 3 });
});

it('refuses conversations that have become too deep, whether they name a run or not', async () => {
  const { ask } = runner({ depth: 3 }, false);
  expect(await ask(turn(3))).toHaveProperty('go');
  expect(await ask(turn(4))).toMatchObject({ refuse: { code: 'run_stopped' } });
});

it('leaves calls alone that name no run', async () => {
  const { ask } = runner({ repeats: 2 }, false);
  for (let calls = 1; calls <= 5; calls++) expect(await ask(turn(calls))).toHaveProperty('go');
});
