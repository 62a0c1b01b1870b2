import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fakeExchange, fakePorts } from '../../../../core/fakes.ts';
import { OwnerKeys } from '../../../../state/secret.ts';
import { memoryContinuity } from '../../continuity/fakes.ts';
import { StoredIds } from './ids.ts';

/** Signed as in production: a weaker signature would let some of what follows pass. */
const sign = async (owner: string, text: string) => (await OwnerKeys.derive('secret', owner)).name(text);
const continuity = { ...memoryContinuity(), sign };
const idsOf = (principal: string) =>
  new StoredIds(fakeExchange({ who: { keyId: 'key_a', org: 'o', team: 't', app: 'a', principal }, ports: { ...fakePorts(), continuity } }));

describe('a wrapped id', () => {
  it('comes back to the key it was handed to, and says the same every time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.stringMatching(/^[a-z0-9-]{1,20}$/), fc.stringMatching(/^[\w:./-]{1,60}$/), async (provider, id) => {
        const wrapped = await idsOf('mine').wrap('file', { provider, id });
        expect(wrapped).toMatch(/^file-weir_[\w-]+$/);
        expect(await idsOf('mine').wrap('file', { provider, id })).toBe(wrapped);
        expect(await idsOf('mine').unwrap('file', wrapped)).toEqual({ provider, id });
      }),
      { numRuns: 50 },
    );
  });

  it('is nothing to another key, of another kind, or changed in any letter', async () => {
    const mine = idsOf('mine');
    const wrapped = await mine.wrap('file', { provider: 'up', id: 'file-1' });
    await expect(idsOf('yours').unwrap('file', wrapped)).rejects.toMatchObject({ code: 'not_found', status: 404 });
    await expect(mine.unwrap('batch', wrapped)).rejects.toMatchObject({ code: 'not_found' });
    await expect(mine.unwrap('batch', wrapped.replace('file-', 'batch_'))).rejects.toMatchObject({ code: 'not_found' });
    for (let at = 0; at < wrapped.length; at++) {
      const changed = wrapped.slice(0, at) + (wrapped[at] === 'A' ? 'B' : 'A') + wrapped.slice(at + 1);
      await expect(mine.unwrap('file', changed)).rejects.toMatchObject({ code: 'not_found' });
    }
  });

  it('stands in place of every id of an object', async () => {
    const mine = idsOf('mine');
    const object = { id: 'batch_1', input_file_id: 'file-1', output_file_id: null, metadata: { id: 'x' } };
    const wrapped = await mine.wrapObject('batch', 'up', object);
    expect(wrapped).toMatchObject({ output_file_id: null, metadata: { id: 'x' } });
    expect(await mine.unwrap('batch', String(wrapped.id))).toEqual({ provider: 'up', id: 'batch_1' });
    expect(await mine.unwrap('file', String(wrapped.input_file_id))).toEqual({ provider: 'up', id: 'file-1' });
  });

  it('is listed for its own key alone', async () => {
    const mine = idsOf('mine');
    await mine.own('file', 'up', [{ id: 'file-1', purpose: 'batch' }]);
    expect(await mine.owned('file', 'up', ['file-1', 'file-2'])).toEqual(new Set(['file-1']));
    expect(await mine.owned('file', 'other', ['file-1'])).toEqual(new Set());
    expect(await idsOf('yours').owned('file', 'up', ['file-1'])).toEqual(new Set());
    expect(await mine.noteOf('file', { provider: 'up', id: 'file-1' })).toEqual({ purpose: 'batch' });
    expect(await mine.noteOf('file', { provider: 'up', id: 'file-2' })).toEqual({});
  });
});

it('needs a place to be signed', () => {
  expect(() => new StoredIds(fakeExchange())).toThrow(/WEIR_SECRET/);
});
