import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { GatewayError } from '../../core/errors.ts';
import { fakeExchange, fakePorts } from '../../core/fakes.ts';
import type { PlanPolicy } from '../../core/plan.ts';
import type { Outcome, PolicyRun } from '../../core/policy.ts';
import { Wire } from '../../core/wire.ts';
import { RoutePolicies } from './policies.ts';
import type { SourceContext } from './sources/source.ts';
import { codes, RpcError } from './wire/errors.ts';

const ended: Outcome[] = [];

/** A policy of a test's own, which counts how its runs end. */
function policy(run: PolicyRun): PlanPolicy {
  return {
    policy: {
      name: 'test',
      config: z.strictObject({}),
      touches: 'edits',
      examples: [{}],
      open: () => ({ ...run, end: (outcome) => void ended.push(outcome) }),
    },
    settings: {},
    touches: 'edits',
  };
}

function context(parts: Partial<SourceContext> = {}): SourceContext {
  const { who } = fakeExchange();
  return {
    call: { requestId: 'req_test', route: 'team', who, ports: fakePorts(), note: () => undefined },
    client: { era: 'modern', version: '2026-07-28', capabilities: {} },
    principal: 'app_test',
    caller: { org: 'dev', team: 'dev', app: 'dev', keyId: 'key_test' },
    signal: new AbortController().signal,
    notify: () => undefined,
    ask: async () => ({}),
    ...parts,
  };
}

const asked = { method: 'tools/call', params: Wire.of({ name: 't', arguments: { text: 'in' } }) };
const result = Wire.of({ content: [{ type: 'text', text: 'out' }] });
const louder: PolicyRun = { chunk: (chunk) => [chunk.type === 'text' ? { ...chunk, text: chunk.text.toUpperCase() } : chunk] };
const refusal = () => new GatewayError('content_refused', 'no');
const serve = async () => result;

describe('what is opened', () => {
  const cases: readonly [string, PolicyRun, () => Promise<Wire>, AbortSignal | undefined, object][] = [
    ['a result', louder, serve, undefined, { status: 'complete', httpStatus: 200 }],
    [
      'a refusal of the call',
      { request: () => ({ refuse: refusal() }) },
      serve,
      undefined,
      { status: 'failed', error: { code: 'content_refused' } },
    ],
    [
      'a refusal of the result',
      {
        chunk: () => {
          throw refusal();
        },
      },
      serve,
      undefined,
      { status: 'failed', error: { code: 'content_refused' } },
    ],
    [
      'an error of the server',
      louder,
      () => Promise.reject(new RpcError(codes.internal, 'x')),
      undefined,
      { status: 'failed', httpStatus: 200 },
    ],
    ['a throw', louder, () => Promise.reject(new TypeError('x')), undefined, { status: 'failed', httpStatus: 500 }],
    ['a client that has left', louder, () => Promise.reject(new Error('left')), AbortSignal.abort(), { status: 'aborted' }],
  ];

  it.each(cases)('ends exactly once with %s', async (_what, run, work, signal, outcome) => {
    ended.length = 0;
    const inside = context(signal === undefined ? {} : { signal });
    await new RoutePolicies([policy(run)]).request(asked, inside, work).catch(() => undefined);
    expect(ended).toHaveLength(1);
    expect(ended[0]).toMatchObject(outcome);
  });
});

it('gives the answer of a policy as a tool’s result, and to nothing else', async () => {
  const gives = policy({
    request: () => ({ answer: [{ type: 'start' }, { type: 'text', part: 0, choice: 0, text: 'mine' }, { type: 'end' }] }),
  });
  const around = new RoutePolicies([policy(louder), gives]);
  expect((await around.request(asked, context(), serve)).json()).toEqual({ content: [{ type: 'text', text: 'MINE' }] });
  await expect(around.request({ ...asked, method: 'prompts/get' }, context(), serve)).rejects.toMatchObject({ code: 'not_supported' });
});

it('tells what was told before a result before it, and edits the errors of servers', async () => {
  const told: string[] = [];
  const around = new RoutePolicies([policy(louder)]);
  const inside = context({ notify: (_method, { message }) => void told.push(String(message)) });
  const done = around.request(asked, inside, async (_asked, { notify }) => {
    for (const message of ['one', 'two']) notify('notifications/progress', { progressToken: 1, progress: 1, message });
    return result;
  });
  expect((await done).json()).toEqual({ content: [{ type: 'text', text: 'OUT' }] });
  expect(told).toEqual(['ONE', 'TWO']);
  const failed = around.request(asked, context(), () => Promise.reject(new RpcError(-32000, 'secret', { data: { why: 'secret' } })));
  await expect(failed).rejects.toMatchObject({ code: -32000, message: 'SECRET', data: { WHY: 'SECRET' } });
});

it('serves nobody of whom it knows nothing, and lists to everybody', async () => {
  const around = new RoutePolicies([policy(louder)]);
  await expect(around.request(asked, context({ call: undefined }), serve)).rejects.toMatchObject({ code: 'internal' });
  expect(await around.request({ ...asked, method: 'tools/list' }, context({ call: undefined }), serve)).toBe(result);
});
