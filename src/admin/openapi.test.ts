import { expect, it } from 'vitest';
import { fakeRolls as rolls } from '../config/fake-rolls.ts';
import { PlanSource } from '../config/load.ts';
import { fakePorts } from '../core/fakes.ts';
import { isObject } from '../core/json.ts';
import { adminApp } from './app.ts';

const { clock } = fakePorts();
const app = adminApp({ planSource: new PlanSource({ bundled: {}, local: true, rolls, clock }), rolls, token: 't', clock });

const read = async () => {
  const response = await app.request('http://gateway/openapi.json', { headers: { authorization: 'Bearer t' } });
  const document: unknown = await response.json();
  if (!isObject(document) || !isObject(document.paths)) throw new Error('no document');
  return document.paths;
};

it('describes every route that is served, and no other', async () => {
  const documented = Object.entries(await read()).flatMap(([path, methods]) =>
    Object.keys(isObject(methods) ? methods : {}).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const served = app.routes
    .filter(({ method }) => method !== 'ALL')
    .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
  expect(documented.sort()).toEqual([...new Set(served)].sort());
});

it('says of every route what it is for, what its path holds and what it answers', async () => {
  for (const [path, methods] of Object.entries(await read())) {
    for (const operation of Object.values(isObject(methods) ? methods : {})) {
      expect(operation).toMatchObject({ summary: expect.stringMatching(/./), operationId: expect.stringMatching(/^\w+$/) });
      const parameters = isObject(operation) && Array.isArray(operation.parameters) ? operation.parameters : [];
      const inPath = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name);
      expect(inPath).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
      for (const parameter of parameters) expect(Object.keys(parameter.schema).length, `${path} ${parameter.name}`).toBeGreaterThan(0);
      expect(isObject(operation) ? Object.keys(isObject(operation.responses) ? operation.responses : {}) : []).toContain('default');
    }
  }
});

it('has these routes and no other', () => {
  const routes = app.routes.filter(({ method }) => method !== 'ALL').map(({ method, path }) => [method, path.replace(':id', 'x')] as const);
  const tenants = ['apps', 'keys', 'orgs', 'teams'].flatMap((plural) => [
    ...['GET', 'POST'].map((method) => `${method} /${plural}`),
    ...['DELETE', 'GET', 'PATCH'].map((method) => `${method} /${plural}/x`),
    `GET /${plural}/x/limits`,
  ]);
  const config = ['GET /config', 'GET /config/revisions', 'GET /config/schema', 'POST /config/rollback', 'PUT /config'];
  const audit = ['GET /audit', 'GET /audit/checkpoint', 'GET /audit/export', 'GET /audit/key'];
  const webhooks = [
    ...['DELETE /webhooks/x', 'GET /webhooks', 'GET /webhooks/x', 'GET /webhooks/x/deliveries', 'PATCH /webhooks/x'],
    ...['POST /webhooks', 'POST /webhooks/x/rotate', 'POST /webhooks/x/test'],
  ];
  const logs = [
    ...audit,
    'GET /requests',
    'GET /requests/x',
    'GET /runs',
    'GET /runs/x',
    'POST /runs/x/stop',
    'GET /usage',
    'GET /mcp/usage',
    'POST /explain',
  ];
  const health = ['GET /health', 'POST /health/reset'];
  const governance = [
    ...['GET /tools', 'GET /tools/x', 'POST /tools/x/approve', 'POST /tools/x/reject'],
    ...['GET /approvals', 'GET /approvals/x', 'POST /approvals/x/approve', 'POST /approvals/x/deny'],
  ];
  const cache = ['DELETE /cache', 'GET /cache', 'POST /cache/reset'];
  const credentials = [
    ...['GET /credentials', 'POST /credentials', 'DELETE /credentials/x', 'GET /credentials/x', 'PATCH /credentials/x'],
    ...['GET /connections', 'POST /connections', 'DELETE /connections/x', 'GET /connections/x'],
    ...['GET /grants', 'DELETE /grants/x', 'GET /grants/x'],
  ];
  const all = [
    ...credentials,
    ...tenants,
    ...governance,
    ...cache,
    ...webhooks,
    'POST /keys/x/rotate',
    ...config,
    ...logs,
    ...health,
    'GET /openapi.json',
  ];
  expect(routes.map((route) => route.join(' ')).sort()).toEqual(all.sort());
});
