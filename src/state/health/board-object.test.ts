import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { placeName } from '../../core/health.ts';
import { systemClock } from '../ports.ts';
import type { HealthBoard } from './board-object.ts';
import { Deployment, dead, place, settings } from './fake-deployment.ts';

describe('the object itself', () => {
  const quick = { ...settings, cooldown: 60 };
  const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  const deployed = (name: string) => new Deployment({ clock: systemClock, board: env.HEALTH.getByName(name) });

  it('carries all of it', async () => {
    const deployment = deployed('carries');
    const [one, other] = [deployment.isolate(), deployment.isolate()];
    const health = one.health();
    for (let call = 0; call < 4; call++) health.begin(place, quick, 'go', 5, 2).failed(dead);
    await one.done();
    await other.call(undefined, placeName('mock', 'b', 'key'));
    await other.done();
    await pause(100);
    const [mine, theirs] = await Promise.all([health.admit(place, quick), other.health().admit(place, quick)]);
    expect([mine, theirs].sort()).toEqual(['probe', 'refused']);
    expect(await other.desk.seen()).toMatchObject([{ place, state: 'half-open', why: 'upstream_unreachable' }, { state: 'closed' }]);
    await other.desk.reset({ model: 'a' });
    expect(await other.admit()).toBe('go');
  });

  it('is another one when it begins anew', async () => {
    const stub = env.HEALTH.getByName('anew');
    const asked = { isolate: 'i', told: [], board: undefined, version: 0 };
    const before = await stub.exchange(asked);
    await runInDurableObject(stub, (_object: HealthBoard, state) => state.abort('killed')).catch(() => undefined);
    const after = await env.HEALTH.getByName('anew').exchange(asked);
    expect(after.board).not.toBe(before.board);
  });
});
