/** What a server says of why it wants a credential (RFC 6750 §3, RFC 9728 §5.1). */
export interface Challenge {
  readonly error?: string | undefined;
  readonly scope?: string | undefined;
  /** Where the metadata of the resource lies. */
  readonly resourceMetadata?: string | undefined;
}

const LONGEST = 8_192;
/** `name=token` or `name="text"`: RFC 9110 §11.2. */
const PARAMETER = /([!#$%&'*+.^_`|~\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g;

/** The challenge of the scheme Bearer in `WWW-Authenticate`; empty where there is none. */
export function readChallenge(headers: Headers): Challenge {
  const text = headers.get('www-authenticate') ?? '';
  const at = /(?:^|,)\s*bearer(?=\s|,|$)/i.exec(text);
  if (at === null || text.length > LONGEST) return {};
  const rest = text.slice(at.index + at[0].length);
  const found = new Map<string, string>();
  for (const [, name = '', quoted, plain] of rest.matchAll(PARAMETER)) {
    const key = name.toLowerCase();
    if (!found.has(key)) found.set(key, quoted === undefined ? (plain ?? '') : quoted.replace(/\\(.)/g, '$1'));
  }
  return { error: found.get('error'), scope: found.get('scope'), resourceMetadata: found.get('resource_metadata') };
}

/** The scopes of a text that lists them (RFC 6749 §3.3). */
export const scopesIn = (text: string | undefined): readonly string[] => [
  ...new Set((text ?? '').split(' ').filter((each) => each !== '')),
];

export const union = (...lists: readonly (readonly string[])[]): readonly string[] => [...new Set(lists.flat())];
