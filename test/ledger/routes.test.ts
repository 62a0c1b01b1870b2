import { expect, it } from 'vitest';
import { PlanSource } from '../../src/config/load.ts';
import { rolls } from '../../src/config/rolls.ts';
import { billing, rulesOf } from '../../src/door/billing.ts';
import { door } from '../../src/door/index.ts';
import { KeyRing } from '../../src/identity/api-key/ring.ts';
import { AppRing } from '../../src/identity/apps/ring.ts';

// A route that nobody thought of is how budgets leak: each one is in exactly one list.

const clock = { now: () => 0 };

function routes() {
  const planSource = new PlanSource({ bundled: {}, local: true, rolls, secrets: { get: () => undefined }, clock, log: () => undefined });
  const ports = () => {
    throw new Error('no request is made here');
  };
  const keys = new KeyRing({ clock, fixed: [] });
  const all = door({ clock, planSource, keys, apps: new AppRing({ clock }), ports }).routes;
  return [...new Map(all.map((route) => [`${route.method} ${route.path}`, route])).values()];
}

it('every route is in exactly one list of what it costs', () => {
  const wrong = routes()
    .map(({ method, path }) => ({ route: `${method} ${path}`, lists: rulesOf(method, path).map((rule) => rule.billing) }))
    .filter(({ lists }) => lists.length !== 1);
  expect(wrong).toEqual([]);
});

it('every rule is of a route', () => {
  const used = new Set(routes().flatMap(({ method, path }) => rulesOf(method, path)));
  expect(billing.filter((rule) => !used.has(rule))).toEqual([]);
});

it('a new route, or another version of one, is in no list until somebody says what it costs', () => {
  expect(rulesOf('POST', '/v1/videos')).toEqual([]);
  expect(rulesOf('PUT', '/v1/files/:id')).toEqual([]);
  expect(rulesOf('POST', '/v1/chat/completions/:id')).toEqual([]);
  expect(rulesOf('POST', '/openai/deployments/:call{.+/videos}')).toEqual([]);
  expect(rulesOf('POST', '/v1beta/v1/chat/completions')).toHaveLength(1);
});
