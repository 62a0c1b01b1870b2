import { reset, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import type { GrantAsk, GrantKeeper } from '../../core/credentials.ts';
import { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { ConnectionObject, type ConnectionParts } from './connection-object.ts';

/** Grants are numbers: one that was refused is over, and the next is one more. */
class Counting implements GrantKeeper {
  renewals = 0;
  gives: JsonObject | undefined | Error = {};
  hold: Promise<void> = Promise.resolve();
  readonly takenBackOnes: JsonObject[] = [];
  standing = ({ n, whose }: JsonObject, ask: GrantAsk) =>
    whose !== ask.with?.whose ? 'foreign' : ask.refused === String(n) ? 'over' : 'good';
  isUsable = ({ usable }: JsonObject) => usable === true;
  shown = ({ n, whose }: JsonObject) => ({ n, ...(whose === undefined ? {} : { whose }) });
  async renewed(grant: JsonObject | undefined, { with: asked }: GrantAsk): Promise<JsonObject | undefined> {
    this.renewals += 1;
    await this.hold;
    if (this.gives instanceof Error) throw this.gives;
    return this.gives && { ...grant, ...asked, n: Number(grant?.n ?? 0) + 1 };
  }
  async takenBack(grant: JsonObject): Promise<void> {
    this.takenBackOnes.push(grant);
  }
}

class Tested extends ConnectionObject {
  static parts: ConnectionParts;
  protected override open = () => Tested.parts;
}

let keeper: Counting;
beforeEach(async () => {
  await reset();
  keeper = new Counting();
  Tested.parts = { secrets: ['a secret'], keeper };
});

/** In an object of this name, opened anew. */
const inside = <T>(name: string, work: (object: Tested, state: DurableObjectState) => Promise<T>): Promise<T> =>
  runInDurableObject(env.CONNECTIONS.getByName(name), (_object, state) => work(new Tested(state, env), state));

const used = async (object: Tested, ask: GrantAsk = {}): Promise<unknown> => JSON.parse(await object.use(ask));

describe('a grant', () => {
  it('is renewed once for all who find it over, and shown to each', async () => {
    await inside('a', async (object) => {
      await object.put({ n: 1 });
      expect(await used(object)).toEqual({ grant: { n: 1 } });
      const all = await Promise.all(Array.from({ length: 50 }, () => used(object, { refused: '1' })));
      expect(new Set(all.map((each) => JSON.stringify(each)))).toEqual(new Set(['{"grant":{"n":2}}']));
      expect(keeper.renewals).toBe(1);
      // Who comes late with the old one has the new one too.
      expect(await used(object, { refused: '1' })).toEqual({ grant: { n: 2 } });
      expect(keeper.renewals).toBe(1);
    });
  });

  it('is gone where nobody renews it, and stays where that can be tried again', async () => {
    await inside('b', async (object) => {
      await object.put({ n: 1 });
      keeper.gives = new GatewayError('upstream_authorization', 'away');
      expect(await used(object, { refused: '1' })).toEqual({ code: 'upstream_authorization', message: 'away' });
      expect(await used(object)).toEqual({ grant: { n: 1 } });
      keeper.gives = undefined;
      expect(await used(object, { refused: '1' })).toEqual({});
      expect(await used(object)).toEqual({});
    });
  });

  it('that is got for one thing is not shown for another, though both are asked for at once', async () => {
    await inside('j', async (object) => {
      const ask = (whose: string) => used(object, { obtain: {}, with: { whose } });
      const all = await Promise.all(Array.from({ length: 20 }, (_, n) => ask(`w${n % 2}`)));
      expect(all.every((each, n) => JSON.stringify(each).includes(`"whose":"w${n % 2}"`))).toBe(true);
      expect(keeper.renewals).toBeLessThan(5);
    });
  });

  it('that is good still is shown where it cannot be renewed now', async () => {
    await inside('c', async (object) => {
      await object.put({ n: 1, usable: true });
      keeper.gives = new Error('away');
      expect(await used(object, { refused: '1' })).toEqual({ grant: { n: 1 } });
    });
  });

  it('does not come back where it was taken back while it was renewed', async () => {
    await inside('d', async (object) => {
      await object.put({ n: 1 });
      const { promise, resolve } = Promise.withResolvers<void>();
      keeper.hold = promise;
      const renewing = used(object, { refused: '1' });
      while (keeper.renewals === 0) await new Promise((next) => setTimeout(next, 1));
      expect(await object.drop()).toBe(true);
      resolve();
      await renewing;
      expect(await object.drop()).toBe(false);
      expect(keeper.takenBackOnes).toEqual([{ n: 1 }]);
    });
  });
});

describe('storage', () => {
  const SECRET_TEXT = 'refresh-token-canary';
  const stored = (state: DurableObjectState) => [...state.storage.kv.list<Uint8Array>()].map(([name, value]) => [name, value] as const);

  it('holds nothing that can be read, nor be moved to another object', async () => {
    await inside('e', async (object, state) => {
      await object.put({ n: 7, refreshToken: SECRET_TEXT });
      await object.expect('id', { verifier: SECRET_TEXT }, Date.now() + 60_000);
      const raw = await Promise.all(stored(state).map(([, value]) => new Response(JSON.stringify(value)).text()));
      expect(raw.join('')).not.toContain(SECRET_TEXT);
      const bytes = state.storage.kv.get<Uint8Array>('grant');
      if (bytes === undefined) throw new Error('nothing kept');
      expect(new TextDecoder().decode(bytes)).not.toContain(SECRET_TEXT);
      await inside('f', async (other, elsewhere) => {
        elsewhere.storage.kv.put('grant', bytes);
        expect(await used(other)).not.toMatchObject({ grant: { n: 7 } });
      });
      state.storage.kv.put('expected moved', { sealed: bytes, until: Date.now() + 60_000 });
      expect(await object.take('moved')).toBeNull();
    });
  });

  it('is opened with the secret before the one in use, and with no other', async () => {
    keeper.gives = undefined;
    await inside('g', async (object, state) => {
      await object.put({ n: 3 });
      Tested.parts = { secrets: ['new', 'a secret'], keeper };
      expect(await used(new Tested(state, env))).toEqual({ grant: { n: 3 } });
      Tested.parts = { secrets: ['new'], keeper };
      expect(await used(new Tested(state, env))).toEqual({});
    });
  });

  it('gives what is expected once, in time, and knows what was used', async () => {
    await inside('h', async (object, state) => {
      const until = Date.now() + 60_000;
      await object.expect('one', { v: 1 }, until);
      await object.expect('late', { v: 2 }, Date.now() - 1);
      const both = await Promise.all([object.take('one'), object.take('one')]);
      expect(both.filter((each) => each !== null)).toEqual(['{"v":1}']);
      expect(await object.take('late')).toBeNull();
      expect(await object.take('never')).toBeNull();
      expect([await object.once('x', until), await object.once('x', until), await object.once('y', until)]).toEqual([true, false, true]);
      for (let n = 0; n < 40; n++) await object.expect(`n${n}`, { n }, until + n);
      expect(stored(state).filter(([name]) => name.startsWith('expected ')).length).toBeLessThanOrEqual(32);
      expect(await object.take('n39')).toBe('{"n":39}');
    });
  });

  it('is swept when what stood in it has ended', async () => {
    await inside('i', async (object, state) => {
      await object.expect('one', { v: 1 }, Date.now() - 5);
      await object.once('x', Date.now() - 5);
      await object.alarm();
      expect(stored(state)).toEqual([]);
      await object.put({ n: 1 });
      await object.once('x', Date.now() - 5);
      await object.alarm();
      expect(stored(state).map(([name]) => name)).toEqual(['grant']);
    });
  });
});
