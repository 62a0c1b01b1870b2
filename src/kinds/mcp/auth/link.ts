import type { Credentials } from '../../../core/credentials.ts';
import { isArray, isObject, type JsonObject, parseJson } from '../../../core/json.ts';

/** Milliseconds for which a link leads somewhere, and in which whoever followed it has to come back. */
export const LINK_FOR = 10 * 60_000;
export const CONNECT_PATH = '/oauth/connect';

/** What somebody is asked to do in a browser, sealed into the link: for whom, and at which source of which route. */
export interface ConnectLink {
  readonly id: string;
  readonly route: string;
  readonly source: string;
  /** Whose the grant will be. */
  readonly holder: string;
  readonly org: string;
  readonly app?: string | undefined;
  readonly user?: string | undefined;
  /** The id of the key or identity that the caller came with; absent where an operator asked. */
  readonly by?: string | undefined;
  /** What the server asked for, beside what it always asks for. */
  readonly scopes?: readonly string[] | undefined;
  /** Where the server said that its metadata lies. */
  readonly metadata?: string | undefined;
  /** How often its scopes were widened. */
  readonly steps: number;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/** The address that a browser is sent to. */
export async function linkTo(
  origin: string,
  link: Omit<ConnectLink, 'id' | 'until'>,
  now: number,
  credentials: Credentials,
): Promise<string> {
  const sealed = await credentials.seal(JSON.stringify({ use: 'link', ...link, id: crypto.randomUUID(), until: now + LINK_FOR }));
  return `${origin}${CONNECT_PATH}?link=${sealed}`;
}

/** `undefined` for what this gateway did not seal, and what is too old. */
export async function readLink(sealed: string, now: number, credentials: Credentials): Promise<ConnectLink | undefined> {
  const said = await opened(sealed, 'link', credentials);
  if (said === undefined || typeof said.until !== 'number' || said.until < now) return undefined;
  const { id, route, source, holder, org, app, user, by, scopes, metadata, steps, until } = said;
  if (
    typeof id !== 'string' ||
    typeof route !== 'string' ||
    typeof source !== 'string' ||
    typeof holder !== 'string' ||
    typeof org !== 'string' ||
    // Whose user it is could not be asked.
    (typeof user === 'string' && typeof by !== 'string')
  )
    return undefined;
  return {
    ...{ id, route, source, holder, org, until },
    steps: typeof steps === 'number' ? steps : 0,
    ...(typeof app === 'string' ? { app } : {}),
    ...(typeof user === 'string' ? { user } : {}),
    ...(typeof by === 'string' ? { by } : {}),
    ...(isArray(scopes) ? { scopes: scopes.filter((each) => typeof each === 'string') } : {}),
    ...(typeof metadata === 'string' ? { metadata } : {}),
  };
}

/** What was sealed here for one use. */
export async function opened(sealed: string, use: string, credentials: Credentials): Promise<JsonObject | undefined> {
  const text = sealed.length > 16_384 ? undefined : await credentials.open(sealed);
  const said = text === undefined ? undefined : parseJson(text);
  return isObject(said) && said.use === use ? said : undefined;
}
