/** A range of addresses: those whose first `bits` of 128 are those of `base`. IPv4 stands in `::ffff:0:0/96` (RFC 4291 section 2.5.5.2). */
export interface Cidr {
  readonly base: bigint;
  readonly bits: number;
}

const IPV4_PREFIX = 0xffffn << 32n;
const GROUP = /^[0-9a-f]{1,4}$/i;

/** An address of IPv4 or IPv6 as one number of 128 bits; `undefined` for anything else, zones included. */
export function parseIp(text: string): bigint | undefined {
  const v4 = parseIpv4(text);
  return v4 === undefined ? parseIpv6(text) : IPV4_PREFIX | v4;
}

/** Four decimal numbers without leading zeros, which some read as octal (RFC 6943 section 3.1.1). */
function parseIpv4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) return undefined;
  return parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

function parseIpv6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, at) => groupsOf(half, at === halves.length - 1));
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const given = head.length + (tail?.length ?? 0);
  if (tail === undefined ? given !== 8 : given > 7) return undefined;
  const groups = [...head, ...Array.from({ length: 8 - given }, () => 0n), ...(tail ?? [])];
  return groups.reduce((value, group) => (value << 16n) | group, 0n);
}

/** Groups of 16 bits; the last two of an address may be written as IPv4. */
function groupsOf(half: string, isLast: boolean): readonly bigint[] | undefined {
  if (half === '') return [];
  const groups: bigint[] = [];
  const parts = half.split(':');
  for (const [at, part] of parts.entries()) {
    const v4 = isLast && at === parts.length - 1 && part.includes('.') ? parseIpv4(part) : undefined;
    if (v4 !== undefined) groups.push(v4 >> 16n, v4 & 0xffffn);
    else if (GROUP.test(part)) groups.push(BigInt(`0x${part}`));
    else return undefined;
  }
  return groups;
}

/** `10.0.0.0/8`, `2001:db8::/32`, or one address; `undefined` for anything else, also where bits behind the prefix are set. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = '', prefix, ...more] = text.split('/');
  const base = parseIp(address);
  if (base === undefined || more.length > 0) return undefined;
  const offset = address.includes(':') ? 0 : 96;
  if (prefix === undefined) return { base, bits: 128 };
  if (!/^(?:0|[1-9]\d{0,2})$/.test(prefix)) return undefined;
  const bits = Number(prefix) + offset;
  if (bits > 128 || (base & ((1n << BigInt(128 - bits)) - 1n)) !== 0n) return undefined;
  return { base, bits };
}

export const inCidr = (address: bigint, { base, bits }: Cidr): boolean => {
  const rest = BigInt(128 - bits);
  return address >> rest === base >> rest;
};
