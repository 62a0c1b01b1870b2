import type { JsonObject } from '../../core/json.ts';
import { isObject, parseJson } from '../../core/json.ts';
import type { Authorization, AuthorizationServer, ClientFacts } from '../../state/oauth/authorization-server.ts';

/** Milliseconds from the client's request to the end of the sign-in. */
export const FLOW = 600_000;
/** What browsers take of one cookie, with its name. */
const MOST_COOKIE = 4_000;

/** Something on its way in one browser. It lies sealed in a cookie there, and nowhere else. */
interface Step {
  /** What the form or the provider brings back, and the cookie of the same browser must hold. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/** Of a sign-in: what the provider must say again, and what proves that its code is ours (RFC 7636). */
export interface Asked {
  readonly nonce: string;
  readonly verifier: string;
}

/** A sign-in for a client, at one of its two steps. */
export interface Flow extends Step {
  readonly step: 'consent' | 'login';
  readonly authorization: Authorization;
  readonly client: ClientFacts;
  /** Of the step `login`. */
  readonly login?: Asked;
}

/** A caller's user, as an entry of the configuration reads it out of what the provider says. */
export interface Person {
  /** Of the entry: `oauth:people`. */
  readonly by: string;
  readonly org: string;
  readonly app: string;
  readonly user: string;
}

/** A sign-in for a page of the gateway that is for one person. */
export interface PersonFlow extends Step {
  readonly step: 'person';
  readonly person: Person;
  /** The path of the page; absent where it is too long for a cookie, and the person has to open it again. */
  readonly back?: string;
  readonly login: Asked;
}

/** That a browser is somebody's: the id is made of whom, so that it is found by that, and says nothing to anybody else. */
export interface SignedIn extends Step {
  readonly step: 'signed-in';
}

interface Steps {
  readonly consent: Flow;
  readonly login: Flow;
  readonly person: PersonFlow;
  readonly 'signed-in': SignedIn;
}

/** 128 bits. */
export const randomId = (): string => base64url(crypto.getRandomValues(new Uint8Array(16)));
export const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');

/** The id under which a browser holds that it is this person's. */
export async function personId({ by, org, user }: Person): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(JSON.stringify([by, org, user])));
  return base64url(new Uint8Array(digest).slice(0, 16));
}

/** Each sign-in has a cookie of its own, so that two windows do not disturb each other. Plain http there is on loopback alone, and knows no `__Host-`. */
const cookieName = (request: Request, id: string) => `${isSecure(request) ? '__Host-' : ''}weir-oauth-${id.slice(0, 12)}`;

const isSecure = ({ url }: Request) => url.startsWith('https:');

/** The header that puts a flow into the browser; `undefined` where it is larger than a browser keeps. */
export async function cookieFor(server: AuthorizationServer, request: Request, flow: Steps[keyof Steps]): Promise<string | undefined> {
  const value = await server.seal(JSON.stringify(flow), flow.step);
  const cookie = `${cookieName(request, flow.id)}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${FLOW / 1000}${isSecure(request) ? '; Secure' : ''}`;
  return cookie.length > MOST_COOKIE ? undefined : cookie;
}

export const clearedCookie = (request: Request, id: string): string =>
  `${cookieName(request, id)}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0${isSecure(request) ? '; Secure' : ''}`;

/** The flow that a browser brings back; `undefined` for one of another browser, another step, that is over, or none at all. */
export async function flowOf<Name extends keyof Steps>(
  server: AuthorizationServer,
  request: Request,
  id: string,
  step: Name,
  now: number,
): Promise<Steps[Name] | undefined> {
  if (!/^[\w-]{22}$/.test(id)) return undefined;
  const name = `${cookieName(request, id)}=`;
  const cookies = (request.headers.get('cookie') ?? '').split(';').map((each) => each.trim());
  const sealed = cookies.find((each) => each.startsWith(name))?.slice(name.length);
  const text = sealed === undefined ? undefined : await server.open(sealed, step);
  const flow = text === undefined ? undefined : asFlow<Steps[Name]>(parseJson(text));
  return flow?.id === id && flow.step === step && now < flow.until ? flow : undefined;
}

/** What was sealed here is what it was. */
const asFlow = <Kept extends Steps[keyof Steps]>(value: unknown): Kept | undefined =>
  isObject(value) ? (value as JsonObject & Kept) : undefined;
