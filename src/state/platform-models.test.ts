import { expect, it } from 'vitest';
import { platformModels } from './platform-models.ts';

const signal = new AbortController().signal;

it('asks for the answer as it came', async () => {
  const asked: unknown[] = [];
  const refused = Response.json({ internalCode: 5007 }, { status: 400 });
  const models = platformModels({
    run: async (...given) => {
      asked.push(given);
      return refused;
    },
  });
  expect(await models.run('@cf/a/b', { messages: [] }, signal)).toBe(refused);
  expect(asked).toEqual([['@cf/a/b', { messages: [] }, { returnRawResponse: true, signal }]]);
});

it('makes a response of what was read all the same', async () => {
  const whole = await platformModels({ run: async () => ({ response: 'Hi.' }) }).run('m', {}, signal);
  expect(await whole.json()).toEqual({ response: 'Hi.' });
  const { body } = new Response('data: [DONE]\n\n');
  const stream = await platformModels({ run: async () => body }).run('m', {}, signal);
  expect(stream.headers.get('content-type')).toBe('text/event-stream');
  expect(await stream.text()).toBe('data: [DONE]\n\n');
});
