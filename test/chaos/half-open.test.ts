import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../gateway.ts';
import type { Scene } from '../upstream/breaking-vendor.ts';
import { speech } from '../upstream/forms.ts';
import { sleep } from '../upstream/line.ts';
import { chatAt, codesOf, type Place, startPlace } from './place.ts';

// A vendor that has failed is asked again by one call, however many are waiting.

const WAITERS = 500;
const COOLDOWN = 8_000;
/** Milliseconds: more than all the waiters need to be turned away. */
const PROBE = 90_000;

let place: Place;
let mood: 'failing' | 'held' | 'well' = 'failing';
const release = Promise.withResolvers<void>();
let held = 0;

beforeAll(async () => {
  const well = ({ form, respond }: Scene) => respond(200, { 'content-type': 'application/json' }, form.whole(speech('well', 3)));
  place = await startPlace({
    any: async (scene) => {
      if (mood === 'failing') return scene.respond(500, { 'content-type': 'application/json' }, scene.form.error(500, 'scripted').body);
      if (mood === 'held') {
        held += 1;
        await Promise.race([sleep(PROBE), release.promise]);
      }
      well(scene);
    },
  });
  await place.publish({
    providers: { up: chatAt(place.vendor.origin) },
    models: {
      alone: {
        strategy: 'failover',
        targets: ['up/any.alone'],
        retry: { attempts: 1 },
        breaker: { failures: 3, cooldown: COOLDOWN, mostCooldown: COOLDOWN },
        timeout: { answer: 120_000, total: 120_000 },
      },
    },
  });
}, 60_000);
afterAll(() => place?.close());

describe('a vendor that has failed three times', () => {
  it('is not asked for a while, and callers hear at once when to come again', async () => {
    for (let at = 0; at < 3; at++) expect((await place.ask('alone')).status).toBe(502);
    const asked = place.vendor.journal.all.length;
    const turned = await Promise.all(Array.from({ length: 20 }, () => place.ask('alone')));
    expect(codesOf(turned)).toEqual({ '503 upstream_unavailable': 20 });
    for (const { headers } of turned) expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    expect(place.vendor.journal.all.length).toBe(asked);
  });

  it(`is asked by one of ${WAITERS} who come when it may be asked again, and by all once it has answered`, {
    timeout: 120_000,
  }, async () => {
    mood = 'held';
    await sleep(COOLDOWN + 200);
    const before = place.vendor.journal.all.length;
    const waiting = Array.from({ length: WAITERS }, () => place.ask('alone'));
    const turned: number[] = [];
    for (const each of waiting) void each.then(({ status }) => turned.push(status));
    await until(() => turned.length >= WAITERS - 1, 45_000, 'all but one are turned away');
    expect(held).toBe(1);
    expect(place.vendor.journal.all.length - before).toBe(1);
    release.resolve();
    const answers = await Promise.all(waiting);
    expect(codesOf(answers)).toEqual({ '200 ok': 1, '503 upstream_unavailable': WAITERS - 1 });
    mood = 'well';
    const after = await Promise.all(Array.from({ length: 20 }, () => place.ask('alone')));
    expect(codesOf(after)).toEqual({ '200 ok': 20 });
  });
});
