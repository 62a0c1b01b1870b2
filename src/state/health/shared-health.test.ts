import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../core/errors.ts';
import { type Admission, placeName } from '../../core/health.ts';
import { Deployment, dead, fallen, place, settings, settled } from './fake-deployment.ts';
import type { BoardStub } from './shared-health.ts';

describe('what one isolate finds', () => {
  it('holds in all of them a second later', async () => {
    const { deployment, other } = await fallen();
    expect(await other.admit()).toBe('go');
    await deployment.pass(1_000);
    // What was told when its second was over is heard with the next message.
    await other.call();
    expect(await other.admit()).toBe('refused');
    expect(other.places.lastError(place)).toBe('upstream_unreachable');
    expect(other.places.retryAt(place)).toBe(deployment.now + 4_000);
  });

  it('is told a moment later, though no call comes after it', async () => {
    const { deployment } = await fallen();
    const before = deployment.sent.length;
    await deployment.pass(100);
    expect(deployment.sent.length).toBe(before + 1);
    await deployment.pass(10_000);
    expect(deployment.sent.length).toBe(before + 1);
  });

  it('is told when its second is over where it has changed nothing yet', async () => {
    const deployment = new Deployment();
    const one = deployment.isolate();
    await one.call();
    await one.call(dead);
    await deployment.pass(999);
    expect(deployment.sent).toEqual(['exchange']);
    await deployment.pass(1);
    expect(deployment.sent).toEqual(['exchange', 'exchange']);
  });

  it('is known elsewhere within a second, at whatever moment it is found', async () => {
    const deployment = new Deployment();
    const [one, other] = [deployment.isolate(), deployment.isolate()];
    await other.call();
    await deployment.pass(437);
    for (let call = 0; call < 4; call++) await one.call(dead);
    let waited = 0;
    for (; waited < 5_000 && (await other.admit()) === 'go'; waited += 50) await deployment.pass(50);
    expect(waited).toBeLessThanOrEqual(1_100);
  });

  it('is known to isolates that begin later', async () => {
    const { deployment } = await fallen();
    await deployment.pass(1_000);
    const late = deployment.isolate();
    await late.call(undefined, placeName('mock', 'b', 'key'));
    expect(await late.admit()).toBe('refused');
  });

  it('adds up with what others find', async () => {
    const deployment = new Deployment();
    const isolates = [deployment.isolate(), deployment.isolate(), deployment.isolate(), deployment.isolate()];
    for (const each of isolates) await each.call(dead);
    await deployment.pass(1_000);
    await deployment.pass(1_000);
    for (const each of isolates) await each.call(undefined, placeName('mock', 'b', 'key'));
    expect(await Promise.all(isolates.map((each) => each.admit()))).toEqual(['refused', 'refused', 'refused', 'refused']);
  });

  it('is a rest, too', async () => {
    const deployment = new Deployment();
    const [one, other] = [deployment.isolate(), deployment.isolate()];
    await other.call();
    await one.call(new GatewayError('upstream_rate_limited', 'x', { retryAfter: 30 }));
    await deployment.pass(1_000);
    await other.call();
    expect(await other.admit()).toBe('refused');
    expect(other.places.lastError(place)).toBe('upstream_rate_limited');
    expect(other.places.retryAt(place)).toBe(deployment.now + 29_000);
  });
});

describe('messages', () => {
  it('leave once a second at most, however many calls come', async () => {
    const deployment = new Deployment();
    const one = deployment.isolate();
    for (let tenth = 0; tenth < 100; tenth++) {
      for (let call = 0; call < 20; call++)
        await one.call((call + tenth) % 3 === 0 ? dead : undefined, placeName('mock', `m${call}`, 'key'));
      await deployment.pass(100);
    }
    expect(deployment.sent.length).toBeGreaterThanOrEqual(10);
    expect(deployment.sent.length).toBeLessThanOrEqual(11);
  });

  it('leave ten times a second at most, however many places change', async () => {
    const deployment = new Deployment();
    const one = deployment.isolate();
    for (let hundredth = 0; hundredth < 200; hundredth++) {
      for (let call = 0; call < 20; call++) {
        await one.call(new GatewayError('upstream_credential', 'x'), placeName('mock', `m${hundredth}-${call}`, 'key'));
      }
      await deployment.pass(10);
    }
    expect(deployment.sent.length).toBeGreaterThanOrEqual(15);
    expect(deployment.sent.length).toBeLessThanOrEqual(21);
  });

  it('do not leave without calls', async () => {
    const deployment = new Deployment();
    const one = deployment.isolate();
    await one.call();
    await deployment.pass(60_000);
    expect(deployment.sent).toEqual(['exchange']);
  });
});

describe('who finds out', () => {
  it('is one of all isolates, and the others hear of it', async () => {
    const { deployment, other, one } = await fallen();
    const isolates = [one, other, ...Array.from({ length: 8 }, () => deployment.isolate())];
    await deployment.pass(1_000);
    for (const each of isolates) await each.call();
    await deployment.pass(5_000);
    const admissions = await Promise.all(isolates.flatMap((each) => Array.from({ length: 50 }, () => each.admit())));
    expect(admissions.filter((each) => each === 'probe')).toHaveLength(1);
    expect(admissions.filter((each) => each === 'refused')).toHaveLength(499);
    const prober = isolates[Math.floor(admissions.indexOf('probe') / 50)] ?? one;
    prober.health().begin(place, settings, 'probe').ended(1);
    await deployment.pass(1_000);
    for (const each of isolates) await each.admit();
    await settled();
    expect(await Promise.all(isolates.map((each) => each.admit()))).toEqual(isolates.map(() => 'go'));
  });

  it('is heard of at its first content: its answer may take minutes', async () => {
    const { deployment, one, other } = await fallen();
    await deployment.pass(1_000);
    await other.call();
    await deployment.pass(5_000);
    const health = one.health();
    const trying = health.begin(place, settings, await health.admit(place, settings));
    expect(await other.admit()).toBe('refused');
    trying.began();
    await deployment.pass(1_000);
    await other.admit();
    await settled();
    expect(await other.admit()).toBe('go');
  });

  it('keeps it open everywhere for twice as long where it fails', async () => {
    const { deployment, one, other } = await fallen();
    await deployment.pass(1_000);
    await other.call();
    await deployment.pass(5_000);
    expect(await one.call(dead)).toBe('probe');
    await deployment.pass(1_000);
    await other.call();
    await settled();
    expect(other.places.retryAt(place)).toBe(deployment.now + 9_000);
  });

  it('is somebody else where the first says nothing', async () => {
    const { deployment, one, other } = await fallen();
    await deployment.pass(1_000);
    await other.call();
    await deployment.pass(5_000);
    const health = one.health();
    expect(await health.admit(place, settings)).toBe('probe');
    expect(await other.admit()).toBe('refused');
    health.begin(place, settings, 'probe').left();
    await deployment.pass(1_000);
    expect(await other.admit()).toBe('probe');
  });

  it('is this isolate alone where the object does not answer: a call waits for it a tenth of a second', async () => {
    const { deployment, one } = await fallen();
    await deployment.pass(6_000);
    deployment.board = { ...deployment.board, probe: () => new Promise(() => undefined), exchange: () => new Promise(() => undefined) };
    const waiting = Array.from({ length: 100 }, () => one.admit());
    const told: Admission[] = [];
    for (const each of waiting) void each.then((admission) => told.push(admission));
    await settled();
    expect(told).toEqual(Array.from({ length: 99 }, () => 'refused'));
    await deployment.pass(100);
    expect(told.filter((each) => each === 'probe')).toHaveLength(1);
  });
});

describe('an object that fails', () => {
  const failing: BoardStub = {
    exchange: async () => {
      throw new Error('overloaded');
    },
    probe: () => {
      throw new Error('overloaded');
    },
    reset: async () => {
      throw new Error('overloaded');
    },
    list: async () => {
      throw new Error('overloaded');
    },
  };

  it('fails no call, and is told later what it missed', async () => {
    const deployment = new Deployment();
    const working = deployment.board;
    deployment.board = failing;
    const { one, other } = await fallen(deployment);
    await deployment.pass(1_000);
    expect(await one.admit()).toBe('refused');
    deployment.board = working;
    await deployment.pass(1_000);
    await one.call();
    await deployment.pass(1_000);
    await other.call();
    expect(await other.admit()).toBe('refused');
    await one.done();
    await other.done();
  });

  it('and whose answer nobody waits for, because its request was cancelled, is told again', async () => {
    const deployment = new Deployment();
    const [one, other] = [deployment.isolate(), deployment.isolate()];
    for (let call = 0; call < 3; call++) await one.call(dead);
    await deployment.pass(1_000);
    const working = deployment.board;
    deployment.board = { ...working, exchange: () => new Promise(() => undefined) };
    const { sleep } = deployment;
    deployment.sleep = () => new Promise(() => undefined);
    await one.call(dead);
    Object.assign(deployment, { board: working, sleep });
    await deployment.pass(2_000);
    await one.admit();
    await settled();
    await other.call(undefined, placeName('mock', 'b', 'key'));
    expect(await other.admit()).toBe('refused');
  });

  it('leaves each isolate to itself', async () => {
    const deployment = new Deployment({ board: failing });
    const { one } = await fallen(deployment);
    await deployment.pass(5_000);
    expect(await one.call()).toBe('probe');
    expect(await one.admit()).toBe('go');
    expect(await one.desk.seen()).toMatchObject([{ place, state: 'closed' }]);
  });

  it('and begins anew is told again what is open', async () => {
    const { deployment, one, other } = await fallen();
    await deployment.pass(1_000);
    deployment.board = deployment.newBoard();
    for (let second = 0; second < 2; second++) {
      await deployment.pass(1_000);
      await one.admit();
      await settled();
    }
    expect(await one.admit()).toBe('refused');
    await other.call();
    expect(await other.admit()).toBe('refused');
  });
});
