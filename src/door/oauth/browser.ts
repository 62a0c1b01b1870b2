import type { JsonObject } from '../../core/json.ts';
import { isObject, parseJson } from '../../core/json.ts';
import type { Authorization, AuthorizationServer, ClientFacts } from '../../state/oauth/authorization-server.ts';

/** Milliseconds from the client's request to the end of the sign-in. */
export const FLOW = 600_000;
/** What browsers take of one cookie, with its name. */
const MOST_COOKIE = 4_000;

/** One sign-in on its way, at one of its two steps. It lies sealed in a cookie of the browser, and nowhere else. */
export interface Flow {
  /** What the form or the provider brings back, and the cookie of the same browser must hold. */
  readonly id: string;
  readonly step: 'consent' | 'login';
  readonly authorization: Authorization;
  readonly client: ClientFacts;
  /** Milliseconds since the epoch. */
  readonly until: number;
  /** Of the step `login`: what the provider must say again, and what proves that its code is ours (RFC 7636). */
  readonly login?: { readonly nonce: string; readonly verifier: string };
}

/** 128 bits. */
export const randomId = (): string => base64url(crypto.getRandomValues(new Uint8Array(16)));
export const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');

/** Each sign-in has a cookie of its own, so that two windows do not disturb each other. Plain http there is on loopback alone, and knows no `__Host-`. */
const cookieName = (request: Request, id: string) => `${isSecure(request) ? '__Host-' : ''}weir-oauth-${id.slice(0, 12)}`;

const isSecure = ({ url }: Request) => url.startsWith('https:');

/** The header that puts a flow into the browser; `undefined` where it is larger than a browser keeps. */
export async function cookieFor(server: AuthorizationServer, request: Request, flow: Flow): Promise<string | undefined> {
  const value = await server.seal(JSON.stringify(flow), flow.step);
  const cookie = `${cookieName(request, flow.id)}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${FLOW / 1000}${isSecure(request) ? '; Secure' : ''}`;
  return cookie.length > MOST_COOKIE ? undefined : cookie;
}

export const clearedCookie = (request: Request, id: string): string =>
  `${cookieName(request, id)}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0${isSecure(request) ? '; Secure' : ''}`;

/** The flow that a browser brings back; `undefined` for one of another browser, another step, that is over, or none at all. */
export async function flowOf(
  server: AuthorizationServer,
  request: Request,
  id: string,
  step: Flow['step'],
  now: number,
): Promise<Flow | undefined> {
  if (!/^[\w-]{22}$/.test(id)) return undefined;
  const name = `${cookieName(request, id)}=`;
  const cookies = (request.headers.get('cookie') ?? '').split(';').map((each) => each.trim());
  const sealed = cookies.find((each) => each.startsWith(name))?.slice(name.length);
  const text = sealed === undefined ? undefined : await server.open(sealed, step);
  const flow = text === undefined ? undefined : asFlow(parseJson(text));
  return flow?.id === id && flow.step === step && now < flow.until ? flow : undefined;
}

/** What was sealed here is what it was. */
const asFlow = (value: unknown): Flow | undefined => (isObject(value) ? (value as JsonObject & Flow) : undefined);
