import { describe, expect, it } from 'vitest';
import { fakePorts } from '../../core/fakes.ts';
import { anonymous, subscriberOf } from './anonymous.ts';

const prove = async (ip?: string, headers: { readonly [name: string]: string } = {}, token?: string) =>
  anonymous.witness({}, 'test').prove(
    {
      request: new Request('https://weir.example', { headers }),
      mostBody: 1,
      ...(ip === undefined ? {} : { ip }),
      ...(token === undefined ? {} : { token }),
    },
    fakePorts(),
  );

describe('anybody', () => {
  it('counts as the address that the call comes from, and all whose address is not known as one', async () => {
    expect(await prove('192.0.2.1')).toEqual({ facts: { ip: '192.0.2.1' }, user: '192.0.2.1' });
    expect(await prove()).toMatchObject({ user: 'unknown' });
    expect(await prove('nonsense')).toMatchObject({ user: 'unknown' });
  });

  it('is nobody who says who he is', async () => {
    expect(await prove('192.0.2.1', {}, 'weir_live_wrong')).toBeUndefined();
    expect(await prove('192.0.2.1', { authorization: 'Digest x' })).toBeUndefined();
  });

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:0:0:ffff::', '2001:db8:0:0::/64'],
    ['2001:db8:0:1::1', '2001:db8:0:1::/64'],
  ])('%s is of the subscriber %s', (ip, subscriber) => {
    expect(subscriberOf(ip)).toBe(subscriber);
  });
});
