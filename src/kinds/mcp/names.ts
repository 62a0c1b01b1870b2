import { hashOf } from '../../core/stable-hash.ts';

/** What stands between a prefix and a name: a prefix never holds it, nor ends in half of it. */
export const BETWEEN = '__';
/** Digits of the hash that ends a name which had to be cut, and what stands before them. */
const HASH = 8;

/** The name a client sees. The same name of the same source is always the same; two of one source are never one. */
export function exposedName(prefix: string, name: string, longest: number): string {
  if (prefix === '') return name;
  const whole = prefix + BETWEEN + name;
  if (whole.length <= longest) return whole;
  return `${whole.slice(0, longest - HASH - 1)}_${hashOf(whole).slice(0, HASH)}`;
}

/** The source's own name; `undefined` where it may have been cut, and its list must be asked. */
export function ownName(prefix: string, exposed: string, longest: number): string | undefined {
  if (prefix === '') return exposed;
  return exposed.length < longest ? exposed.slice(prefix.length + BETWEEN.length) : undefined;
}

export const isOf = (prefix: string, exposed: string): boolean => prefix !== '' && exposed.startsWith(prefix + BETWEEN);

/** How addresses of a source with a prefix begin: they stay addresses, and templates stay templates (RFC 6570). */
const SCHEME = 'weir:';
/** Those of user interfaces (MCP Apps) stay of their scheme, which hosts insist on: the prefix stands in the authority. */
const UI = 'ui://';
const UI_AUTHORITY = `${UI}weir.`;

export function exposedUri(prefix: string, uri: string): string {
  if (prefix === '') return uri;
  return uri.startsWith(UI) ? `${UI_AUTHORITY}${prefix}/${uri.slice(UI.length)}` : `${SCHEME}${prefix}/${uri}`;
}

/** The prefix that an address names and the source's own address; no prefix where it names none. */
export function readUri(exposed: string): { readonly prefix: string; readonly uri: string } {
  const [start, scheme] = exposed.startsWith(UI_AUTHORITY) ? [UI_AUTHORITY, UI] : [SCHEME, ''];
  const slash = exposed.indexOf('/', start.length);
  if (!exposed.startsWith(start) || slash < 0) return { prefix: '', uri: exposed };
  return { prefix: exposed.slice(start.length, slash), uri: scheme + exposed.slice(slash + 1) };
}
