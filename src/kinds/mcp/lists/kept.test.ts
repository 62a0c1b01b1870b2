import { beforeEach, describe, expect, it } from 'vitest';
import { GatewayError } from '../../../core/errors.ts';
import { Wire } from '../../../core/wire.ts';
import type { Caller, Offer, Page, Source, SourceContext } from '../sources/source.ts';
import { RpcError } from '../wire/errors.ts';
import { keepLists } from './kept.ts';
import { ListRoom, ListStore } from './store.ts';

let now = 0;
const clock = { now: () => now };
beforeEach(() => {
  now = 1_000_000;
});

const caller = (keyId: string, run?: string): Caller => ({ org: 'o', team: 't', app: 'a', keyId, run });
function contextOf(who: Caller = caller('k'), more: Partial<SourceContext> = {}): SourceContext {
  return {
    client: { era: 'modern', version: '2026-07-28', capabilities: {} },
    principal: 'a',
    caller: who,
    signal: new AbortController().signal,
    notify: () => undefined,
    ask: () => Promise.reject(new Error('nobody is asked')),
    ...more,
  };
}

/** A source that counts how often it is asked, and does what it is told. */
class Counted implements Source {
  asked = 0;
  page: Omit<Page, 'items'> = {};
  fails: Error | undefined;
  hangs = false;
  offer(): Offer {
    return { capabilities: { tools: {} } };
  }
  async list(): Promise<Page> {
    this.asked += 1;
    if (this.hangs) await new Promise(() => undefined);
    if (this.fails !== undefined) throw this.fails;
    return { items: [{ name: `t${this.asked}` }], ...this.page };
  }
  async request(_: unknown, context: SourceContext): Promise<Wire> {
    context.notify('notifications/tools/list_changed', {});
    return Wire.of({});
  }
}

function open(fresh = 30_000) {
  const source = new Counted();
  const store = new ListStore(new ListRoom(100_000));
  const kept = keepLists(source, store, { name: 's', clock, fresh });
  const list = async (context = contextOf(), cursor?: string) => kept.list('tools', cursor, context);
  return { source, kept, store, list };
}
const nameIn = ({ items }: Page) => items[0]?.name;

describe('a list is kept', () => {
  it('as long as its source says, or as long as usual where it does not, and no longer than may be', async () => {
    for (const [ttlMs, good, over] of [
      [undefined, 29_999, 30_000],
      [5_000, 4_999, 5_000],
      [3_600_000, 299_999, 300_000],
    ] as const) {
      const { source, list } = open();
      source.page = { ttlMs };
      await list();
      now += good;
      const again = await list();
      expect([nameIn(again), again.ttlMs]).toEqual(['t1', ttlMs === undefined ? undefined : 1]);
      now += over - good;
      expect(nameIn(await list())).toBe('t2');
    }
  });

  it.each([0, -1, Number.NaN])('not at all where it says %d', async (ttlMs) => {
    const { source, list } = open(0);
    source.page = { ttlMs };
    await list();
    await list();
    expect(source.asked).toBe(2);
  });

  it('for one caller in all its runs, and for all where it says so and it has one page', async () => {
    const { source, list } = open();
    await list(contextOf(caller('k', 'one')));
    await list(contextOf(caller('k', 'two')));
    expect(source.asked).toBe(1);
    await list(contextOf(caller('other')));
    await list(contextOf(caller('k'), { principal: 'person' }));
    await list(contextOf(caller('k'), { client: { era: 'legacy', version: '2025-11-25', capabilities: {} } }));
    expect(source.asked).toBe(4);
    const shared = open();
    shared.source.page = { cacheScope: 'public' };
    await shared.list(contextOf(caller('one')));
    await shared.list(contextOf(caller('two')));
    expect(shared.source.asked).toBe(1);
    const paged = open();
    paged.source.page = { cacheScope: 'public', nextCursor: 'of one' };
    await paged.list(contextOf(caller('one')));
    await paged.list(contextOf(caller('two')));
    expect(paged.source.asked).toBe(2);
  });

  it('until the source says that it has changed, in the middle of whatever', async () => {
    const { source, kept, store, list } = open();
    await list();
    await kept.request({ method: 'tools/call', params: Wire.of({}) }, contextOf());
    expect(store.changes('s')).toBe(1);
    expect(nameIn(await list())).toBe('t2');
    expect(source.asked).toBe(2);
  });

  it('for when the source is not there, ten minutes, and says so; not where it refuses', async () => {
    const { source, list } = open();
    await list();
    source.fails = new GatewayError('upstream_unreachable', 'gone');
    now += 31_000;
    expect(await list()).toMatchObject({ items: [{ name: 't1' }], ttlMs: 0, failed: { code: 'upstream_unreachable' } });
    for (const refusal of [new GatewayError('upstream_credential', 'no'), new RpcError(-32601, 'no')]) {
      source.fails = refusal;
      await expect(list()).rejects.toBe(refusal);
    }
    source.fails = new GatewayError('upstream_unreachable', 'gone');
    now += 600_000;
    await expect(list()).rejects.toMatchObject({ code: 'upstream_unreachable' });
  });
});

describe('a source that does not answer', () => {
  it('is waited for so long, and then not again for ten seconds, and twenty', async () => {
    const { source, list } = open();
    source.hangs = true;
    const soon = contextOf(caller('k'), { listingWithin: 20 });
    const codes = async () => expect(await list(soon).catch((error: GatewayError) => error.code)).toBe('upstream_timeout');
    const asked: number[] = [];
    for (const later of [0, 9_999, 1, 19_999, 1]) {
      now += later;
      await codes();
      asked.push(source.asked);
    }
    expect(asked).toEqual([1, 1, 2, 2, 3]);
  });

  it('is waited for as long as for anything by who has nobody else to wait for', async () => {
    const { source, list } = open();
    source.hangs = true;
    const left = new AbortController();
    const waiting = list(contextOf(caller('k'), { signal: left.signal }));
    const soon = await Promise.race([waiting, new Promise((resolve) => setTimeout(() => resolve('waits'), 50))]);
    expect(soon).toBe('waits');
    waiting.catch(() => undefined);
    left.abort();
  });

  it('is there again once it has answered anything', async () => {
    const { source, kept, list } = open();
    source.hangs = true;
    const soon = contextOf(caller('k'), { listingWithin: 20 });
    await list(soon).catch(() => undefined);
    source.hangs = false;
    await expect(list(soon)).rejects.toMatchObject({ code: 'upstream_timeout' });
    await kept.request({ method: 'tools/call', params: Wire.of({}) }, soon);
    expect(nameIn(await list(soon))).toBe('t2');
  });
});

describe('a source that fails', () => {
  const soon = (who = caller('k')) => contextOf(who, { listingWithin: 20 });

  it('is not asked again by lists of several for two seconds, of the same caller', async () => {
    const { source, list } = open();
    source.fails = new GatewayError('upstream_invalid', 'a page');
    const asked: number[] = [];
    for (const later of [0, 1_999, 1]) {
      now += later;
      await expect(list(soon())).rejects.toBe(source.fails);
      asked.push(source.asked);
    }
    expect(asked).toEqual([1, 1, 2]);
    await list(soon(caller('other'))).catch(() => undefined);
    await list(contextOf()).catch(() => undefined);
    expect(source.asked).toBe(4);
  });

  it('is asked again at once where nothing is kept, where it has refused, and when it has answered anything', async () => {
    const { source, list } = open(0);
    source.fails = new GatewayError('upstream_invalid', 'a page');
    for (let times = 0; times < 2; times++) await list(soon()).catch(() => undefined);
    expect(source.asked).toBe(2);
    const other = open();
    for (const refusal of [new RpcError(-32601, 'no'), new GatewayError('upstream_credential', 'no')]) {
      other.source.fails = refusal;
      await expect(other.list(soon())).rejects.toBe(refusal);
    }
    other.source.fails = new GatewayError('upstream_invalid', 'a page');
    await other.list(soon()).catch(() => undefined);
    other.source.fails = undefined;
    await expect(other.list(soon())).rejects.toMatchObject({ code: 'upstream_invalid' });
    await other.kept.request({ method: 'tools/call', params: Wire.of({}) }, soon());
    expect(nameIn(await other.list(soon()))).toBe('t4');
  });

  it('or did not answer, is waited for by one when the pause is over, and not by the others', async () => {
    const { source, list } = open();
    source.hangs = true;
    await list(soon()).catch(() => undefined);
    now += 10_000;
    const all = [list(soon()), list(soon()), list(soon(caller('other')))];
    expect(await Promise.all(all.map((each) => each.catch((error: GatewayError) => error.code)))).toEqual(
      all.map(() => 'upstream_timeout'),
    );
    expect(source.asked).toBe(2);
    now += 20_000;
    source.hangs = false;
    expect(nameIn(await list(soon()))).toBe('t3');
  });
});

describe('whether a source needs a session', () => {
  it('is asked of it once in a while, for each caller, and says nothing of whether it answers lists', async () => {
    const { source, store } = open();
    let asked = 0;
    const needing = Object.assign(source, { needsSession: () => ++asked > 0 });
    const kept = keepLists(needing, store, { name: 's', clock, fresh: 30_000 });
    const soon = contextOf(caller('k'), { listingWithin: 20 });
    expect([await kept.needsSession?.(soon), await kept.needsSession?.(soon), asked]).toEqual([true, true, 1]);
    await kept.needsSession?.(contextOf(caller('other'), { listingWithin: 20 }));
    now += 30_000;
    await kept.needsSession?.(soon);
    expect(asked).toBe(3);
    source.hangs = true;
    const waits = async () => Promise.resolve(kept.list('tools', undefined, soon)).catch(() => undefined);
    await waits();
    now += 10_000;
    expect(await kept.needsSession?.(contextOf(caller('third'), { listingWithin: 20 }))).toBe(true);
    await waits();
    // In vain twice: the pause is longer now, whatever was said of the session in between.
    now += 10_000;
    expect(await kept.needsSession?.(contextOf(caller('fourth'), { listingWithin: 20 }))).toBe(false);
    await waits();
    expect(source.asked).toBe(2);
  });
});

describe('what is kept', () => {
  it('has a bound: what was not asked for longest goes first', () => {
    const store = new ListStore(new ListRoom(2_000));
    const kept = (size: number) => ({ value: { items: [{ name: 'x'.repeat(size) }] }, at: 0, until: 1 });
    store.put('s', 'a', kept(500));
    store.put('s', 'b', kept(500));
    expect(store.page('a')).toBeDefined();
    store.put('s', 'c', kept(500));
    expect([store.page('a'), store.page('b'), store.page('c')].map((each) => each !== undefined)).toEqual([true, false, true]);
    store.put('s', 'large', kept(5_000));
    expect(store.page('large')).toBeUndefined();
    store.forget('other');
    expect(store.page('a')).toBeDefined();
    store.forget('s');
    expect(store.page('a')).toBeUndefined();
  });

  it('has the room together with others, and is nobody else’s', () => {
    const room = new ListRoom(2_000);
    const [one, other] = [new ListStore(room), new ListStore(room)];
    const kept = (name: string) => ({ value: { items: [{ name: name.repeat(500) }] }, at: 0, until: 1 });
    const nameOf = (store: ListStore, key: string) => String(store.page(key)?.value.items[0]?.name ?? '-')[0];
    one.put('s', 'a', kept('o'));
    other.put('s', 'a', kept('p'));
    expect([nameOf(one, 'a'), nameOf(other, 'a'), nameOf(other, 'b')]).toEqual(['o', 'p', '-']);
    one.page('a');
    one.put('s', 'b', kept('q'));
    expect([nameOf(one, 'a'), nameOf(one, 'b'), nameOf(other, 'a')]).toEqual(['o', 'q', '-']);
    other.put('s', 'a', kept('p'));
    expect([nameOf(one, 'a'), nameOf(one, 'b'), nameOf(other, 'a')]).toEqual(['-', 'q', 'p']);
    one.forget('s');
    for (const key of ['c', 'd']) other.put('s', key, kept('r'));
    expect(['a', 'c', 'd'].map((key) => nameOf(other, key))).toEqual(['-', 'r', 'r']);
  });

  it('gives its room back when its session is over', async () => {
    const { kept, store, list } = open();
    await list();
    expect(store.changes('s')).toBe(0);
    await kept.close?.();
    expect(store.changes('s')).toBe(1);
  });
});
