import { GatewayError } from '../../core/errors.ts';
import type { Identity } from '../../core/exchange.ts';
import type { PlanIdentity } from '../../core/identity.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Awaitable } from '../../core/policy.ts';
import type { Ports } from '../../core/ports.ts';
import { fill } from '../../core/template.ts';
import type { AppRef } from '../../core/tenant.ts';
import { AuthorizationFault } from '../../state/oauth/authorization-server.ts';
import { keyIdOf } from '../identify.ts';
import { clearedCookie, cookieFor, FLOW, flowOf, type Person, type PersonFlow, personId, randomId, type SignedIn } from './browser.ts';
import { organisationLogin } from './login.ts';
import type { Opened } from './opened.ts';
import { onwardPage, otherPersonPage, signedInPage } from './pages.ts';
import { missingFrom, type OAuthPlan } from './settings.ts';

// Pages of the gateway that are for one caller's user: the browser signs in at the organisation's provider first, as it
// does for a client, and is let on where it is that user.

/** One request of a browser, and with what somebody is signed in. */
export interface SigningIn extends Opened {
  readonly request: Request;
  readonly ports: Ports;
  /** An app that may be used, as of nobody in particular. */
  app(ref: AppRef): Awaitable<Identity | undefined>;
}

/** Where the provider sends browsers back to. */
export const CALLBACK = '/oauth/callback';
export const OVER = 'It was not begun in this browser, its time is over, or it was finished before.';

/** Leads to the provider, and from there back to the page at this path. Throws a `LoginFault`. */
export async function askToSignIn(person: Person, back: string, signing: SigningIn): Promise<Response> {
  const { oauth, settings, server, request, ports, plan } = signing;
  const { login } = oauth.settings;
  if (login === undefined) throw new GatewayError('internal', 'A sign-in was asked for where there is none.');
  const id = randomId();
  const started = await organisationLogin.start(login, `${settings.issuer}${CALLBACK}`, id, ports, plan.local);
  const flow: PersonFlow = { id, step: 'person', person, until: ports.clock.now() + FLOW, login: started.login };
  const cookie = (await cookieFor(server, request, { ...flow, back })) ?? (await cookieFor(server, request, flow));
  if (cookie === undefined) throw new GatewayError('internal', 'A person is too long for a cookie.');
  return onwardPage(started.url, [cookie]);
}

/** Whether this browser was found to be the person's, ten minutes ago at most. */
export async function isSignedIn(person: Person, { request, server, ports }: Pick<SigningIn, 'request' | 'server' | 'ports'>) {
  return (await flowOf(server, request, await personId(person), 'signed-in', ports.clock.now())) !== undefined;
}

/** Back from the provider: once, and on to the page only for whom it is. */
export async function signedIn(flow: PersonFlow, answer: URLSearchParams, signing: SigningIn): Promise<Response> {
  const { oauth, settings, server, request, ports, plan } = signing;
  const { login } = oauth.settings;
  if (login === undefined || !(await server.takeOnce(flow.id, flow.until))) throw new AuthorizationFault(OVER);
  const cleared = clearedCookie(request, flow.id);
  const claims = await organisationLogin.finish(login, answer, `${settings.issuer}${CALLBACK}`, flow.login, ports, plan.local);
  const entry = plan.identities.find((each) => keyIdOf(each) === flow.person.by);
  if (entry === undefined || !(await isPerson(entry, flow.person, claims, signing.app))) return otherPersonPage([cleared]);
  if (entry === oauth.entry) checkMaySignIn(claims, oauth);
  const known: SignedIn = { id: await personId(flow.person), step: 'signed-in', until: ports.clock.now() + FLOW };
  const cookie = await cookieFor(server, request, known);
  const cookies = cookie === undefined ? [cleared] : [cleared, cookie];
  return flow.back === undefined ? signedInPage(cookies) : redirect(flow.back, cookies);
}

/** Whether the entry by which the caller came reads the same user of the same organisation out of what the provider says. */
async function isPerson(entry: PlanIdentity, { org, app, user }: Person, claims: JsonObject, find: SigningIn['app']): Promise<boolean> {
  const { as } = entry;
  const facts = { claims };
  if (as?.user === undefined || fill(as.user, facts) !== user) return false;
  // Where the provider says the organisation, the caller's app must be of it. Otherwise the entry itself names one app for everybody.
  const said = as.org === undefined ? undefined : fill(as.org, facts);
  if (as.org !== undefined && said === undefined) return false;
  const name = as.org === undefined ? fill(as.app, facts) : app;
  const team = as.org === undefined && as.team !== undefined ? fill(as.team, facts) : undefined;
  return name !== undefined && (await find({ app: name, org: said, team }))?.org === org;
}

/** Throws `not_allowed` where the provider does not say of somebody what the operator asks for. */
export function checkMaySignIn(claims: JsonObject, { settings }: OAuthPlan): void {
  const missing = missingFrom(claims, settings.claims);
  if (missing !== undefined)
    throw new GatewayError('not_allowed', `You may not use this gateway: your "${missing}" is not what the operator asks for.`);
}

export function redirect(to: string, cookies: readonly string[]): Response {
  const headers = new Headers({ location: to, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' });
  for (const cookie of cookies) headers.append('set-cookie', cookie);
  return new Response(null, { status: 302, headers });
}
