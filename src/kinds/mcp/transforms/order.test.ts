import { describe, expect, it, vi } from 'vitest';
import { GatewayError } from '../../../core/errors.ts';
import type { Json, JsonObject } from '../../../core/json.ts';
import type { RunSteps } from '../../../core/ledger/runs.ts';
import { Wire } from '../../../core/wire.ts';
import type { SourceContext } from '../sources/source.ts';
import { callOf, fakeContext, fakeHome, fakeSource, refusalOf, tool } from './fakes.ts';
import { order } from './order.ts';

/** The ledgers of organisations. */
function fakeSteps(): RunSteps {
  const made = new Map<string, Set<string>>();
  const of = (org: string, run: string) => made.get(`${org} ${run}`) ?? new Set<string>();
  return {
    async note(org, run, steps) {
      made.set(`${org} ${run}`, new Set([...of(org, run), ...steps]));
    },
    made: async (org, run, steps) => steps.filter((step) => of(org, run).has(step)),
  };
}

const settings = { after: { deploy: ['test', 'review'], announce: 'deploy' } };
const tools = ['test', 'review', 'deploy', 'announce', 'other'].map((name) => tool(name));

function setUp(answer: JsonObject = {}, home = fakeHome()) {
  let next = answer;
  const source = fakeSource({ tools, answer: () => next });
  const steps = fakeSteps();
  const wrapped = order.wrap(order.config.parse(settings), source, home);
  const context = (caller: Parameters<typeof fakeContext>[0], more: Partial<SourceContext> = {}, route = 'route') => {
    const made = fakeContext(caller, more);
    return { ...made, call: made.call && { ...made.call, route, ports: { ...made.call.ports, steps } } };
  };
  const call = (name: string, of: SourceContext) => refusalOf(wrapped.request(callOf(name), of));
  const about = (method: string, taskId: string, of: SourceContext) => wrapped.request({ method, params: Wire.of({ taskId }) }, of);
  return { call, about, context, steps, source, answers: (with_: JsonObject) => (next = with_) };
}

const legacy = { client: { era: 'legacy', version: '2025-11-25', capabilities: {} } } as const;

describe('in a run', () => {
  it('a tool may be called after those that it comes after, and not before', async () => {
    const { call, context, source } = setUp();
    const run = context({ run: 'r1' });
    expect(await call('deploy', run)).toEqual({
      code: -32602,
      message:
        '"deploy" may be called only after "test" and "review" succeeded in the same run or session. Call "test" and "review" first.',
      data: { code: 'not_allowed' },
    });
    expect(source.asked).toEqual([]);
    expect(await call('other', run)).toBeUndefined();
    expect(await call('test', run)).toBeUndefined();
    expect((await call('deploy', run))?.message).toContain('Call "review" first.');
    expect(await call('review', run)).toBeUndefined();
    expect(await call('announce', run)).toMatchObject({ code: -32602 });
    expect(await call('deploy', run)).toBeUndefined();
    expect(await call('announce', run)).toBeUndefined();
  });

  it('another run, app, organisation or route has done nothing yet', async () => {
    const { call, context } = setUp();
    for (const name of ['test', 'review']) await call(name, context({ run: 'r1' }));
    for (const other of [
      context({ run: 'r2' }),
      context({ run: 'r1', app: 'app_2' }),
      context({ run: 'r1', org: 'o' }),
      context({ run: 'r1' }, {}, 'b'),
    ])
      expect(await call('deploy', other)).toMatchObject({ code: -32602 });
    expect(await call('deploy', context({ run: 'r1', user: 'ann' }))).toBeUndefined();
  });

  it.each<JsonObject>([
    { isError: true, content: [] },
    { resultType: 'input_required', inputRequests: {} },
    { resultType: 'task' },
    { task: { taskId: '1' } },
  ])('what came to %j has not been done', async (result) => {
    const { call, context, answers } = setUp(result);
    const run = context({ run: 'r1' });
    for (const name of ['test', 'review']) await call(name, run);
    expect(await call('deploy', run)).toMatchObject({ code: -32602 });
    answers({ resultType: 'complete' });
    for (const name of ['test', 'review']) await call(name, run);
    expect(await call('deploy', run)).toBeUndefined();
  });

  it.each([
    ['2025-11-25', { task: { taskId: 'a' } }, 'tasks/result', (result: JsonObject) => result],
    [
      'the extension of 2026-07-28',
      { resultType: 'task', taskId: 'a' },
      'tasks/get',
      (result: JsonObject) => ({ taskId: 'a', status: 'completed', result }),
    ],
  ])('a call that became a task is done when its task is, in the form of %s', async (_form, created, method, ended) => {
    const { call, about, context, answers } = setUp(created);
    const run = context({ run: 'r1' });
    await call('test', run);
    answers({});
    await call('review', run);
    expect(await call('deploy', run)).toMatchObject({ code: -32602 });
    answers(ended({ content: [], isError: true }));
    await about(method, 'a', run);
    answers({ taskId: 'a', status: 'working' });
    await about('tasks/get', 'a', run);
    answers(ended({ content: [] }));
    await about(method, 'b', run);
    await about('tasks/cancel', 'a', run);
    await about(method, 'a', context({ run: 'r2' }));
    expect((await call('deploy', run))?.message).toContain('Call "test" first.');
    await about(method, 'a', run);
    expect(await call('deploy', run)).toBeUndefined();
  });

  it('nobody goes on where it cannot be asked what was done, and what was done is told all the same', async () => {
    const { call, context, steps } = setUp();
    const run = context({ run: 'r1' });
    const down = vi.fn(() => Promise.reject(new GatewayError('overloaded', 'The ledger is away.')));
    vi.spyOn(console, 'error').mockReturnValue();
    Object.assign(steps, { made: down, note: down });
    expect(await call('deploy', run)).toMatchObject({ code: 'overloaded' });
    expect(await call('test', run)).toBeUndefined();
  });
});

describe('outside of any run', () => {
  it('the caller is told how to name one', async () => {
    const { call, context, source } = setUp();
    expect((await call('deploy', context({})))?.message).toContain('send the header x-weir-run');
    expect(await call('test', context({}))).toBeUndefined();
    expect(source.asked).toHaveLength(1);
  });

  it('a session counts, of a client that has one of its own', async () => {
    const kept = new Map<string, Json>();
    const store = {
      get: (name: string) => kept.get(name),
      put: (name: string, value: Json) => void kept.set(name, value),
      delete: () => undefined,
    };
    const { call, context } = setUp({}, { ...fakeHome(), kept: store });
    const session = context({}, legacy);
    expect((await call('deploy', session))?.message).toContain('Call "test" and "review" first.');
    for (const name of ['test', 'review']) await call(name, session);
    expect(await call('deploy', session)).toBeUndefined();
    // A client without sessions may be served in the same place, and has nothing of it.
    expect((await call('deploy', context({})))?.message).toContain('send the header x-weir-run');
  });
});

it('holds over several sources at the route', async () => {
  const steps = fakeSteps();
  const wrap = (prefix: string) =>
    order.wrap(
      order.config.parse({ after: { ci__deploy: 'qa__test' } }),
      fakeSource({ tools: [tool('test'), tool('deploy')] }),
      fakeHome(prefix),
    );
  const [ci, qa] = [wrap('ci'), wrap('qa')];
  const made = fakeContext({ run: 'r' });
  const context = { ...made, call: made.call && { ...made.call, ports: { ...made.call.ports, steps } } };
  await ci.request(callOf('test'), context);
  expect(await refusalOf(ci.request(callOf('deploy'), context))).toMatchObject({
    message: expect.stringContaining('Call "qa__test" first.'),
  });
  await qa.request(callOf('test'), context);
  expect(await refusalOf(ci.request(callOf('deploy'), context))).toBeUndefined();
});

it('refuses what nobody could ever call', () => {
  expect(order.problems?.({ after: { a: 'b', b: ['c'], c: 'a', d: 'a' } })?.map(({ message }) => message)).toEqual(
    ['a', 'b', 'c'].map((name) => `lets "${name}" come after itself, so that nobody could ever call it`),
  );
});
