import { GatewayError } from './errors.ts';

// One label of a host name as the URL parser leaves it: lower case, punycode, no percent signs (RFC 1123 and underscores).
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
// The URL parser has already turned every spelling of an IPv4 address (decimal, hex, octal, full-width) into this one.
const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Names that never mean a public host: RFC 6761, RFC 6762, RFC 8375, ICANN's reservation of `.internal`, and private habits. */
const PRIVATE_SUFFIXES = ['local', 'localhost', 'localdomain', 'internal', 'intranet', 'private', 'corp', 'home', 'lan', 'arpa', 'onion'];

/**
 * Why the gateway must not connect there, for the operator; `undefined` where it may.
 *
 * A deployed gateway connects to public names over https only, at any port. Every IP literal is refused: telling public
 * from private ranges (mapped, NAT64, 6to4, carrier-grade NAT, …) is a race that is lost sooner or later, and no provider
 * is addressed by one. A local run may also reach loopback, by http or https; other private addresses it refuses too.
 */
export function addressFault(url: URL, local: boolean): string | undefined {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'it is not an https URL';
  if (url.username !== '' || url.password !== '') return 'it holds credentials';
  const host = url.hostname;
  if (LOOPBACK.test(host)) return local ? undefined : 'it is a loopback address, which only local runs may reach';
  if (url.protocol === 'http:') return local ? 'plain http is for loopback addresses in local runs' : 'it is not https';
  if (host.startsWith('[') || IPV4.test(host)) return 'it is an IP address: name the host';
  return nameFault(host);
}

function nameFault(host: string): string | undefined {
  if (host.endsWith('.')) return 'its host ends in a dot';
  const labels = host.split('.');
  if (labels.length < 2) return 'its host has a single label';
  if (host.length > 253 || !labels.every((label) => LABEL.test(label))) return 'its host is not a host name';
  const suffix = labels.at(-1) ?? '';
  return PRIVATE_SUFFIXES.includes(suffix) ? `.${suffix} is not a public domain` : undefined;
}

/** Throws `address_refused` where the gateway must not connect. The message never repeats the address. */
export function checkAddress(url: URL, local: boolean): void {
  const fault = addressFault(url, local);
  if (fault !== undefined) throw new GatewayError('address_refused', `The address of the provider is refused: ${fault}.`);
}
