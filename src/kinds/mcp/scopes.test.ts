import { expect, it } from 'vitest';
import { GatewayError } from '../../core/errors.ts';
import { allScopes, checkScopes, routeScopes, scopesOfTool } from './scopes.ts';

const scopes = routeScopes({ server: ['use'], tools: { 'files__*': ['files'], '*_delete_*': ['delete', 'files'], Exact: ['exact'] } });

it.each([
  ['files__read', ['use', 'files']],
  ['files__delete_all', ['use', 'files', 'delete']],
  ['FILES__READ', ['use', 'files']],
  ['exact', ['use', 'exact']],
  ['exactly', ['use']],
  ['', ['use']],
])('a call of %j needs all that fits it', (tool, needed) => {
  expect(scopesOfTool(scopes, tool)).toEqual(needed);
});

it('knows all that may be asked for, once each', () => {
  expect(allScopes(scopes)).toEqual(['use', 'files', 'delete', 'exact']);
  expect(allScopes(routeScopes(undefined))).toEqual([]);
});

it('refuses what is lacking, and names all that is needed; who knows no scopes is not held to any', () => {
  expect(() => checkScopes(undefined, ['a'])).not.toThrow();
  expect(() => checkScopes(['a', 'b'], ['a'])).not.toThrow();
  expect(() => checkScopes([], [])).not.toThrow();
  let refused: unknown;
  try {
    checkScopes(['a'], ['a', 'b', 'c']);
  } catch (thrown) {
    refused = thrown;
  }
  expect(refused).toBeInstanceOf(GatewayError);
  expect(refused).toMatchObject({
    code: 'insufficient_scope',
    message: 'The token lacks the scopes b c.',
    details: { scopes: ['a', 'b', 'c'] },
  });
});
