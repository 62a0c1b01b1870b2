import { describe, expect, it } from 'vitest';
import { inCidr, parseCidr, parseIp } from './cidr.ts';

const holds = (range: string, address: string) => {
  const cidr = parseCidr(range);
  const ip = parseIp(address);
  return cidr === undefined || ip === undefined ? undefined : inCidr(ip, cidr);
};

describe('a range of addresses', () => {
  it.each([
    ['192.0.2.0/24', '192.0.2.255', true],
    ['192.0.2.0/24', '192.0.3.0', false],
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.8', false],
    ['192.0.2.6/31', '192.0.2.7', true],
    ['0.0.0.0/0', '255.255.255.255', true],
    // All of IPv4 is not all there is.
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '2001:db8::1', true],
    ['::/0', '10.0.0.1', true],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::', false],
    ['2001:DB8::1', '2001:db8:0:0:0:0:0:1', true],
    // The same address in both spellings (RFC 4291 section 2.5.5.2).
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['::ffff:10.0.0.0/104', '10.1.2.3', true],
    ['10.0.0.0/8', '::ffff:a01:203', true],
    ['10.0.0.0/8', '::10.1.2.3', false],
  ])('%s and %s: %s', (range, address, expected) => {
    expect(holds(range, address)).toBe(expected);
  });

  it.each([
    '',
    '10.0.0.1/8',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0',
    '10.0.0.256',
    '010.0.0.1',
    '2001:db8::1/32',
    '2001:db8::/129',
    '2001:db8',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '1:2:3:4:5:6:7::8',
    'fe80::1%eth0',
    '12345::',
    '::1.2.3',
    '1.2.3.4::',
    'x',
    '[::1]',
    ' 10.0.0.1',
  ])('is not %j', (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });
});
