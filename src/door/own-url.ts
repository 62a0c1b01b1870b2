/** The origin of the last request, which is that of the next one: reading it anew costs more than all else that is asked of a URL. */
let last: { readonly base: string; readonly url: URL | null } | undefined;

/** The origin at which the gateway was asked, as a URL without a path; `null` where its host is none. */
export function ownOrigin({ url }: Request): URL | null {
  const end = url.indexOf('/', url.indexOf('://') + 3);
  const base = end < 0 ? url : url.slice(0, end);
  if (last?.base !== base) last = { base, url: URL.parse(base) };
  return last.url;
}
