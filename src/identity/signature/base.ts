import type { Signed } from './fields.ts';

/** What a component of the request itself is, by name (RFC 9421 section 2.2). */
const DERIVED: { readonly [name: string]: (request: Request, url: URL) => string } = {
  '@method': ({ method }) => method,
  '@target-uri': ({ url }) => url,
  '@authority': (_request, { host }) => host,
  '@scheme': (_request, { protocol }) => protocol.slice(0, -1),
  '@request-target': (_request, { pathname, search }) => pathname + search,
  '@path': (_request, { pathname }) => pathname,
  '@query': (_request, { search }) => (search === '' ? '?' : search),
};

/**
 * The text that was signed (section 2.5); `undefined` where it names what the request does not have, what is not known
 * here, or something twice.
 */
export function signatureBase(request: Request, { components, text }: Signed): string | undefined {
  if (new Set(components).size !== components.length) return undefined;
  const url = new URL(request.url);
  const lines: string[] = [];
  for (const name of components) {
    const value = componentOf(request, url, name);
    if (value === undefined) return undefined;
    lines.push(`"${name}": ${value}`);
  }
  return [...lines, `"@signature-params": ${text}`].join('\n');
}

function componentOf(request: Request, url: URL, name: string): string | undefined {
  if (name.startsWith('@')) return Object.hasOwn(DERIVED, name) ? DERIVED[name]?.(request, url) : undefined;
  if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)) return undefined;
  return request.headers.get(name)?.trim();
}

/** Whether what makes the request what it is was signed: its method and all of its address. */
export const coversTarget = ({ components }: Signed): boolean =>
  components.includes('@method') &&
  (components.includes('@target-uri') ||
    components.includes('@request-target') ||
    (components.includes('@path') && components.includes('@query')));
