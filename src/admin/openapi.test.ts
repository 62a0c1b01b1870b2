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
