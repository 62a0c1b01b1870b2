import { z } from 'zod';
import { parseIp } from '../../core/cidr.ts';
import { defineIdentity } from '../../core/identity.ts';

/** Whom calls count as whose address is not known: all of them together. */
const UNKNOWN = 'unknown';

/** Anybody, held to limits for each address that calls come from. */
export const anonymous = defineIdentity({
  use: 'anonymous',
  config: z.strictObject({}),
  examples: [
    {
      use: 'anonymous',
      name: 'public',
      as: { org: 'acme', app: 'playground' },
      limits: [
        { unit: 'requests', limit: 20, window: '1m' },
        { unit: 'usd', limit: 0.05, window: 'day' },
      ],
    },
  ],
  facts: ['ip'],
  anybody: true,
  witness: () => ({
    prove: ({ token, ip, request }) => {
      // Who says who he is, is not nobody.
      if (token !== undefined || request.headers.has('authorization')) return undefined;
      const user = ip === undefined ? UNKNOWN : subscriberOf(ip);
      return { facts: { ip: user }, user };
    },
  }),
});

/** An address of IPv4, or of IPv6 the network that one subscriber has: 64 bits, below which everybody may choose freely. */
export function subscriberOf(ip: string): string {
  const address = parseIp(ip);
  if (address === undefined) return UNKNOWN;
  if (address >> 32n === 0xffffn) return [24n, 16n, 8n, 0n].map((shift) => String((address >> shift) & 0xffn)).join('.');
  const groups = [112n, 96n, 80n, 64n].map((shift) => ((address >> shift) & 0xffffn).toString(16));
  return `${groups.join(':')}::/64`;
}
