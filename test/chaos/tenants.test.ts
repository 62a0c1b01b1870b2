import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admin } from '../ledger/gateway-process.ts';
import { speech } from '../upstream/forms.ts';
import { chatAt, codesOf, type Place, startPlace } from './place.ts';

// What one tenant's calls come to must not stand in the way of another's.

const SPAM = 60;

let place: Place;
let a: string;
let b: string;

beforeAll(async () => {
  place = await startPlace({
    any: (scene) => {
      const { form, respond, authorization, prompt } = scene;
      const json = { 'content-type': 'application/json' };
      if (authorization === 'Bearer of-tenant-a') return respond(401, json, form.error(401, 'scripted: no such key').body);
      if (prompt.includes('too long')) return respond(400, json, form.error(400, 'scripted: this prompt is too long').body);
      respond(200, json, form.whole(speech('well', 3)));
    },
  });
  const breaker = { failures: 3, rate: 0.3, least: 5 };
  await place.publish({
    providers: { own: chatAt(place.vendor.origin, { passthrough: true }), shared: chatAt(place.vendor.origin) },
    models: {
      own: { strategy: 'failover', targets: ['own/any.own'], retry: { attempts: 1 }, breaker },
      shared: { strategy: 'failover', targets: ['shared/any.shared'], retry: { attempts: 1 }, breaker },
    },
  });
  [a = '', b = ''] = await Promise.all(
    ['tenant-a', 'tenant-b'].map(async (name) => {
      const { gateway } = place;
      const org = await admin<{ id: string }>(gateway.url, 'POST', '/orgs', { name });
      const team = await admin<{ id: string }>(gateway.url, 'POST', '/teams', { name, org: org.id });
      const app = await admin<{ id: string }>(gateway.url, 'POST', '/apps', { name, team: team.id });
      return (await admin<{ key: string }>(gateway.url, 'POST', '/keys', { app: app.id, name })).key;
    }),
  );
}, 60_000);
afterAll(() => place?.close());

const own = (who: string) => ({ authorization: `Bearer of-${who}` });
const times = <T>(count: number, once: () => Promise<T>): Promise<T[]> => Promise.all(Array.from({ length: count }, once));

describe('a tenant', () => {
  it("whose own credential is refused again and again shuts nobody else's way", async () => {
    expect(codesOf([await place.ask('own', { key: b, headers: own('tenant-b') })])).toEqual({ '200 ok': 1 });
    const refused = await times(SPAM, () => place.ask('own', { key: a, headers: own('tenant-a') }));
    // Each is the vendor's own word, and none of a breaker that has opened.
    expect(Object.keys(codesOf(refused)).filter((code) => code.includes('unavailable'))).toEqual([]);
    expect(refused.every(({ status }) => status >= 400)).toBe(true);
    const others = await times(20, () => place.ask('own', { key: b, headers: own('tenant-b') }));
    expect(codesOf(others)).toEqual({ '200 ok': 20 });
  });

  it("whose prompts are too long again and again shuts nobody else's way", async () => {
    const body = { messages: [{ role: 'user', content: 'This is too long.' }] };
    const refused = await times(SPAM, () => place.ask('shared', { key: a, body }));
    expect(refused.every(({ status }) => status === 400)).toBe(true);
    const others = await times(20, () => place.ask('shared', { key: b }));
    expect(codesOf(others)).toEqual({ '200 ok': 20 });
  });
});
