import { describe, expect, it } from 'vitest';
import { fakePorts } from '../../../../core/fakes.ts';
import type { Pin, Seen, ToolPins } from '../../../../core/governance.ts';
import { callOf, fakeContext, fakeHome, fakeSource, namesOf, refusalOf, tool } from '../fakes.ts';
import { seenTool, stripped } from './definition.ts';
import { pin } from './index.ts';

/** What is known of tools, and what was noted. */
function fakePins(book: ReadonlyMap<string, Pin> | undefined) {
  const seen: Seen[] = [];
  const pins: ToolPins = {
    read: async () => book,
    see: async (_place, what) => {
      seen.push(what);
      return book ?? new Map(what.tools.map(({ name, digest }) => [name, { status: 'approved', approved: digest, seen: digest }]));
    },
  };
  return { pins, seen };
}

const contextWith = (pins: ToolPins | undefined) => {
  const { call } = fakeContext();
  if (call === undefined) throw new Error('no call');
  return fakeContext({}, { call: { ...call, ports: { ...fakePorts(), governance: { pins } } } });
};

const digestOf = async (item: Parameters<typeof seenTool>[0]) => (await seenTool(item, []))?.digest ?? '';

describe('a pinned source', () => {
  it('goes by what a tool is, whatever is said of it', async () => {
    const approved = await digestOf(tool('read'));
    const { pins } = fakePins(new Map([['read', { status: 'approved', approved, seen: approved }]]));
    const own = (more: object) => pin.wrap({}, fakeSource({ tools: [tool('read', { ...more })] }), fakeHome());
    expect(await namesOf(own({}), contextWith(pins))).toEqual(['read']);
    expect(await namesOf(own({ title: 'x' }), contextWith(pins))).toEqual([]);
    expect(await refusalOf(own({ title: 'x' }).request(callOf('read'), contextWith(pins)))).toMatchObject({
      data: { code: 'tool_quarantined', requestId: 'req_1' },
    });
  });

  it('is read whole the first time, however its list is paged', async () => {
    const tools = Array.from({ length: 5 }, (_, at) => tool(`t${at}`));
    const { pins, seen } = fakePins(undefined);
    const wrapped = pin.wrap({}, fakeSource({ tools, page: 2 }), fakeHome());
    await wrapped.list('tools', undefined, contextWith(pins));
    expect(seen.map(({ tools: noted, isWhole, trust, holdsHidden }) => [noted.length, isWhole, trust, holdsHidden])).toEqual([
      [5, true, 'first', true],
    ]);
  });

  it('is asked again for its list as seldom as the operator allows', async () => {
    const source = fakeSource({ tools: [tool('read')] });
    const approved = await digestOf(tool('read'));
    const { pins } = fakePins(new Map([['read', { status: 'approved', approved, seen: approved }]]));
    const context = contextWith(pins);
    const often = pin.wrap({ recheck: 0 }, source, fakeHome());
    for (let at = 0; at < 3; at++) await often.request(callOf('read'), context);
    expect(source.listed()).toBe(3);
    const seldom = pin.wrap({}, source, fakeHome());
    for (let at = 0; at < 3; at++) await seldom.request(callOf('read'), context);
    expect(source.listed()).toBe(4);
    // Another caller may be shown something else.
    await seldom.request(callOf('read'), { ...context, principal: 'app_2' });
    expect(source.listed()).toBe(5);
    expect(source.asked.length).toBe(7);
  });

  it('lets nothing be called by an earlier list', async () => {
    const { pins } = fakePins(undefined);
    const source = fakeSource({ tools: [tool('read')] });
    const failed = new Error('away') as never;
    const away = { ...source, list: async (...rest: Parameters<typeof source.list>) => ({ ...(await source.list(...rest)), failed }) };
    await expect(pin.wrap({}, away, fakeHome()).request(callOf('read'), contextWith(pins))).rejects.toThrow('away');
    expect(source.asked).toEqual([]);
  });

  it('has no tools where nobody keeps what was approved', async () => {
    const wrapped = pin.wrap({}, fakeSource({ tools: [tool('read')] }), fakeHome());
    await expect(namesOf(wrapped, contextWith(undefined))).rejects.toMatchObject({ code: 'not_supported' });
    await expect(wrapped.request(callOf('read'), contextWith(undefined))).rejects.toMatchObject({ code: 'not_supported' });
    expect(await namesOf(wrapped, contextWith(undefined), 'prompts')).toEqual([]);
  });
});

describe('what is pinned', () => {
  it('is the same in whatever order it is written, and another with anything in it', async () => {
    const one = { name: 'a', description: 'd', inputSchema: { type: 'object', properties: { x: {}, y: {} } } };
    expect(await digestOf({ inputSchema: { properties: { y: {}, x: {} }, type: 'object' }, description: 'd', name: 'a' })).toBe(
      await digestOf(one),
    );
    const others = [
      { ...one, unheardOf: 1 },
      { ...one, description: 'd ' },
      { ...one, icons: [] },
      { ...one, name: 'b' },
    ];
    const digests = await Promise.all([one, ...others].map(digestOf));
    expect(new Set(digests).size).toBe(5);
  });

  it.each([[{}], [{ name: '' }], [{ name: 7 }], [{ name: 'a\u0000b' }], [{ name: 'x'.repeat(300) }]])(
    'is nothing without a name: %j',
    async (item) => {
      expect(await seenTool(item, [])).toBeUndefined();
    },
  );

  it('loses what hides in descriptions alone, also where an argument is called like one', () => {
    const hides = 'a\u200Bb';
    const item = {
      name: 't',
      description: hides,
      inputSchema: { properties: { description: { type: 'string', description: hides, default: hides, enum: [hides] } } },
      annotations: { title: hides },
    };
    expect(stripped(item)).toEqual({
      name: 't',
      description: 'ab',
      inputSchema: { properties: { description: { type: 'string', description: 'ab', default: hides, enum: [hides] } } },
      annotations: { title: 'ab' },
    });
  });
});
