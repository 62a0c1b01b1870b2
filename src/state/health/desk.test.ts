import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../core/errors.ts';
import { Places } from '../../core/health/places.ts';
import { placeName } from '../../core/health.ts';
import { HealthDesk } from './desk.ts';
import { Deployment, fallen, place, settings, settled } from './fake-deployment.ts';
import type { BoardStub } from './shared-health.ts';

describe('operators', () => {
  it('see no names that callers invented and providers refused', async () => {
    const one = new Deployment().isolate();
    await one.call(new GatewayError('upstream_rejected', 'x'));
    expect(await one.desk.seen()).toEqual([]);
    await one.call();
    expect(await one.desk.seen()).toMatchObject([{ place }]);
  });

  it('see what all isolates found', async () => {
    const { deployment, other } = await fallen();
    await deployment.pass(1_000);
    await other.call(undefined, placeName('mock', 'b', 'key'));
    expect(await other.desk.seen()).toMatchObject([
      { place, state: 'open', why: 'upstream_unreachable', failures: 4 },
      { place: placeName('mock', 'b', 'key'), state: 'closed', failures: 0, pace: { firstTokenMs: 0, inFlight: 0 } },
    ]);
  });

  it('close it everywhere within a second', async () => {
    const { deployment, one, other } = await fallen();
    await deployment.pass(1_000);
    await other.call();
    await other.desk.reset({ provider: 'mock' });
    expect(await other.admit()).toBe('go');
    await deployment.pass(1_000);
    await one.admit();
    await settled();
    expect(await one.admit()).toBe('go');
    await deployment.pass(1_000);
    await one.call();
    expect(await other.admit()).toBe('go');
  });

  it('hear where that cannot be done', async () => {
    const { deployment, one } = await fallen();
    deployment.board = failing();
    await expect(one.desk.reset({})).rejects.toMatchObject({ code: 'overloaded' });
    expect(await one.admit()).toBe('refused');
  });

  const failing = (): BoardStub => ({ ...new Deployment().board, reset: () => Promise.reject(new Error('away')) });
});

it('without the object operators see and close what this isolate found', async () => {
  const clock = { now: () => 1_800_000_000_000 };
  const places = new Places({ clock, random: () => 0.5 });
  const desk = new HealthDesk(places, clock, undefined);
  places.begin(place, settings, 'go').failed(new GatewayError('upstream_credential', 'x'));
  expect(await desk.seen()).toMatchObject([{ place, state: 'open', why: 'upstream_credential' }]);
  await desk.reset({ credential: 'another' });
  expect(places.admit(place)).toBe('refused');
  await desk.reset({});
  expect(places.admit(place)).toBe('go');
});
