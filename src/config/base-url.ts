import { addressFault } from '../core/address.ts';
import type { Dialect } from '../core/dialect.ts';

export type BaseUrl = { readonly url: string } | { readonly fault: string };

/** Reads an operator's base URL: absolute, without credentials, query or fragment, and at an address that is allowed. */
export function readBaseUrl(text: string, dialects: readonly Dialect[], local: boolean): BaseUrl {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) return { fault: 'is not an absolute http(s) URL' };
  if (url.username !== '' || url.password !== '') return { fault: 'must not hold credentials: put them under key' };
  if (url.search !== '' || url.hash !== '') return { fault: 'must have neither a query nor a fragment' };
  const refused = addressFault(url, local);
  if (refused !== undefined) return { fault: `is refused: ${refused}` };
  const base = (url.origin + url.pathname).replace(/\/+$/, '');
  const whole = dialects.find(({ path }) => base.endsWith(path));
  if (whole !== undefined) return { fault: `must not end in ${whole.path}: the gateway appends it` };
  return { url: base };
}

/**
 * The base URL for one dialect. Where the dialect's path begins with the version segment (`/v1/messages`), a base that
 * ends in that segment is meant the same as one that does not.
 */
export function baseUrlFor(dialect: Dialect, base: string): string {
  const trimmed = base.replace(/\/+$/, '');
  const version = /^\/v\d+[a-z]*(?=\/)/.exec(dialect.path)?.[0];
  return version !== undefined && trimmed.endsWith(version) ? trimmed.slice(0, -version.length) : trimmed;
}
