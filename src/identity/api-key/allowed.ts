import { type Cidr, inCidr, parseCidr, parseIp } from '../../core/cidr.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Identity } from '../../core/exchange.ts';

/** Where a call comes from, as far as the platform vouches for it. */
export interface Origin {
  readonly ip: string | undefined;
  /** ISO 3166-1 alpha-2, in capitals. */
  readonly country: string | undefined;
}

/** Throws `not_allowed` where a level lists addresses or countries and this call's is not among them, or is not known. */
export function checkOrigin({ allowed }: Identity, { ip, country }: Origin): void {
  if (allowed === undefined) return;
  const address = allowed.ips.length === 0 || ip === undefined ? undefined : parseIp(ip);
  for (const ranges of allowed.ips) {
    if (address === undefined || !ranges.some((range) => holds(range, address))) {
      throw new GatewayError('not_allowed', 'This key may not be used from this address.');
    }
  }
  for (const countries of allowed.countries) {
    if (country === undefined || !countries.includes(country)) {
      throw new GatewayError('not_allowed', 'This key may not be used from this country.');
    }
  }
}

function holds(range: string, address: bigint): boolean {
  const cidr: Cidr | undefined = parseCidr(range);
  return cidr !== undefined && inCidr(address, cidr);
}

/** Throws `not_allowed` where a level lists routes and this one is not among them. */
export function checkRoute({ allowed }: Identity, route: string): void {
  for (const routes of allowed?.routes ?? []) {
    if (!routes.includes(route)) throw new GatewayError('not_allowed', `This key may not use the route "${route}".`);
  }
}
