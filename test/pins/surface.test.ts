import { expect, it } from 'vitest';
import { adminApp } from '../../src/admin/app.ts';
import { PlanSource } from '../../src/config/load.ts';
import { rolls } from '../../src/config/rolls.ts';
import { GatewayError } from '../../src/core/errors.ts';
import { answer, errorAnswer } from '../../src/door/answer.ts';
import { CORS_HEADERS } from '../../src/door/cors.ts';
import { KEY_HEADERS } from '../../src/door/credential.ts';
import { door } from '../../src/door/index.ts';
import { KeyRing } from '../../src/identity/api-key/ring.ts';
import { AppRing } from '../../src/identity/apps/ring.ts';

// What clients, scripts and dashboards rely on. A difference here is a change of the public surface: make it on purpose
// and say so in the release notes. (Checked with the Worker's own types, in tsconfig.json, as it loads the Worker.)

const clock = { now: () => 0 };

function routes(): string[] {
  const planSource = new PlanSource({ bundled: {}, local: true, rolls, secrets: { get: () => undefined }, clock, log: () => undefined });
  const app = door({
    clock,
    planSource,
    keys: new KeyRing({ clock, fixed: [] }),
    apps: new AppRing({ clock }),
    ports: () => {
      throw new Error('no request is made here');
    },
  });
  const admin = adminApp({ planSource, rolls, clock }).routes.map(({ method, path }) => ({ method, path: `/admin/v1${path}` }));
  const served = [...app.routes, ...admin].filter(({ method }) => method !== 'ALL').map(({ method, path }) => `${method} ${path}`);
  return [...new Set(served)].sort();
}

// One a line in paths.txt; `npx vitest run --project gateway test/pins --update` writes it anew.
it('serves these paths', async () => {
  await expect(`${routes().join('\n')}\n`).toMatchFileSnapshot('paths.txt');
});

it('looks for the key in these headers, in this order', () => {
  expect(KEY_HEADERS).toEqual(['x-weir-key', 'authorization', 'x-api-key', 'api-key', 'x-goog-api-key']);
});

const namesOf = (response: Response) => [...response.headers.keys()].sort();

it('answers with these headers', () => {
  const reply = {
    status: 200,
    contentType: 'text/event-stream',
    body: '',
    stream: true,
    servedModel: 'sandbox/echo',
    attempts: 1,
    loss: ['top_k'],
    done: { status: 'complete', attempts: 1 },
  } as const;
  const cors = Object.keys(CORS_HEADERS);
  expect(namesOf(answer(reply, 'req_1', true)).filter((name) => !cors.includes(name))).toEqual([
    'cache-control',
    'content-type',
    'request-id',
    'x-request-id',
    'x-weir-attempts',
    'x-weir-cache',
    'x-weir-loss',
    'x-weir-model',
    'x-weir-request-id',
  ]);
  expect(answer(reply, 'req_1', false).headers.get('x-weir-cache')).toBe('off');
});

it.each([
  ['missing_key', {}, ['www-authenticate', 'x-should-retry']],
  ['method_not_allowed', { allow: 'POST' }, ['allow', 'x-should-retry']],
  ['rate_limited', {}, ['retry-after']],
  ['upgrade_required', {}, ['upgrade', 'x-should-retry']],
  ['internal', {}, []],
] as const)('answers the error %s with headers of its own', (code, details, own) => {
  const error = new GatewayError(code, 'message', details);
  const rendered = { status: error.status, body: '', contentType: 'application/json' };
  const always = ['content-type', 'request-id', 'x-request-id', 'x-weir-attempts', 'x-weir-cache', 'x-weir-request-id'];
  expect(namesOf(errorAnswer(error, rendered, 'req_1', false))).toEqual([...always, ...own].sort());
});

it('lets browsers read these headers', () => {
  expect(CORS_HEADERS).toEqual({
    'access-control-allow-origin': '*',
    'access-control-expose-headers':
      'x-weir-request-id, x-weir-model, x-weir-attempts, x-weir-cache, x-weir-semantic, x-weir-loss, x-weir-cost, x-weir-decision, x-weir-difficulty, x-weir-intent, idempotent-replayed, x-weir-replayed-request-id, x-request-id, request-id, retry-after, ratelimit, ratelimit-policy, age',
  });
});
