import { GatewayError } from '../../core/errors.ts';
import type { Identity } from '../../core/exchange.ts';
import type { Proof } from '../../core/identity.ts';
import type { JsonObject } from '../../core/json.ts';
import { readText } from '../../core/reader.ts';
import { AuthorizationFault, type Grantor } from '../../state/oauth/authorization-server.ts';
import type { Granted } from '../../state/oauth/given-tokens.ts';
import { clearedCookie, cookieFor, FLOW, type Flow, flowOf, randomId } from './browser.ts';
import { LoginFault, organisationLogin } from './login.ts';
import { consentPage, faultPage, onwardPage } from './pages.ts';
import { CALLBACK, checkMaySignIn, OVER, redirect, type SigningIn, signedIn } from './person.ts';
import { allowedScopes, grantable } from './settings.ts';

/** One request of a browser, and what it is answered with. */
export interface Browsing extends SigningIn {
  /** Whose a gateway key is. Throws `invalid_key`, `not_allowed`. */
  keyHolder(key: string): Promise<Identity>;
  /** As whom something proven will count. Throws `invalid_key` where that is nobody. */
  standsFor(proof: Proof): Promise<Identity>;
}

const MOST_FORM = 16 * 1024;

/** `GET /oauth/authorize`: what a client asks for is shown before anything else happens. */
export async function authorize(browsing: Browsing): Promise<Response> {
  const { request, server, settings, ports } = browsing;
  const { authorization, client } = await server.read(settings, new URL(request.url).search);
  const flow: Flow = { id: randomId(), step: 'consent', authorization, client, until: ports.clock.now() + FLOW };
  const cookie = await cookieFor(server, request, flow);
  if (cookie === undefined) throw new AuthorizationFault('The request of the application is too long.');
  return askConsent(flow, browsing, [cookie]);
}

/** `POST /oauth/consent`: the answer of whoever sits there, in the same browser. */
export async function consent(browsing: Browsing): Promise<Response> {
  const { request, server, settings, ports, oauth } = browsing;
  const site = request.headers.get('sec-fetch-site');
  const text = await readText(request, MOST_FORM).catch(() => undefined);
  const form = new URLSearchParams(text ?? '');
  const isOwn = site === null || site === 'same-origin' || site === 'none';
  const flow = isOwn ? await flowOf(server, request, form.get('flow') ?? '', 'consent', ports.clock.now()) : undefined;
  if (flow === undefined) throw new AuthorizationFault('It was not begun in this browser, or its time is over.');
  const cleared = clearedCookie(request, flow.id);
  if (form.get('decision') !== 'allow') {
    return onwardPage(await server.refused(settings, flow.authorization, 'access_denied', 'The user did not allow it.'), [cleared]);
  }
  const { login } = oauth.settings;
  if (login === undefined) return signInWithKey(form.get('key') ?? '', flow, browsing);
  const id = randomId();
  const started = await organisationLogin.start(login, `${settings.issuer}${CALLBACK}`, id, ports, browsing.plan.local);
  const next: Flow = { ...flow, id, step: 'login', until: ports.clock.now() + FLOW, login: started.login };
  const cookie = await cookieFor(server, request, next);
  if (cookie === undefined) throw new AuthorizationFault('The request of the application is too long.');
  return onwardPage(started.url, [cleared, cookie]);
}

/** `GET /oauth/callback`: back from the organisation's provider. What comes of another browser, or a second time, is nobody's. */
export async function callback(browsing: Browsing): Promise<Response> {
  const { request, server, settings, ports, oauth, plan } = browsing;
  const answer = new URL(request.url).searchParams;
  const person = await flowOf(server, request, answer.get('state') ?? '', 'person', ports.clock.now());
  if (person !== undefined) return signedIn(person, answer, browsing);
  const flow = await flowOf(server, request, answer.get('state') ?? '', 'login', ports.clock.now());
  const { login } = oauth.settings;
  if (flow?.login === undefined || login === undefined || !(await server.takeOnce(flow.id, flow.until))) {
    throw new AuthorizationFault(OVER);
  }
  const cleared = clearedCookie(request, flow.id);
  try {
    const claims = await organisationLogin.finish(login, answer, `${settings.issuer}${CALLBACK}`, flow.login, ports, plan.local);
    checkMaySignIn(claims, oauth);
    const counts = await browsing.standsFor({ facts: { claims, client: { id: flow.authorization.clientId } } });
    const to = await grantTo(flow, { name: `${login.issuer} ${String(claims.sub)}`, counts }, { claims }, browsing);
    return redirect(to, [cleared]);
  } catch (thrown) {
    if (thrown instanceof LoginFault && thrown.isDenial) {
      return redirect(await server.refused(settings, flow.authorization, 'access_denied', thrown.message), [cleared]);
    }
    return faultAnswer(thrown, [cleared]);
  }
}

/** Without a provider, whoever has a gateway key lets a client act as it. */
async function signInWithKey(key: string, flow: Flow, browsing: Browsing): Promise<Response> {
  const { request } = browsing;
  try {
    const who = await browsing.keyHolder(key.trim());
    const claims: JsonObject = { sub: who.keyId, org: who.org, team: who.team, app: who.app };
    const to = await grantTo(flow, { name: `key ${who.keyId}`, counts: who }, { claims, key: who.keyId }, browsing);
    return onwardPage(to, [clearedCookie(request, flow.id)]);
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code !== 'internal') return askConsent(flow, browsing, [], thrown.message);
    throw thrown;
  }
}

function grantTo(
  { authorization, client }: Flow,
  who: Grantor,
  granted: Granted,
  { plan, oauth, server, settings }: Browsing,
): Promise<string> {
  const there = grantable(authorization.scopes, authorization.resource, settings.issuer, plan, oauth);
  const asked = { ...authorization, clientName: client.name };
  return server.grant(settings, asked, who, allowedScopes(there, granted.claims, oauth), granted);
}

function askConsent({ id, authorization, client }: Flow, browsing: Browsing, cookies: readonly string[], fault?: string): Response {
  const { plan, oauth, settings } = browsing;
  const scopes = grantable(authorization.scopes, authorization.resource, settings.issuer, plan, oauth).map((name) => {
    const description = oauth.settings.scopes?.[name]?.description;
    return { name, ...(description === undefined ? {} : { description }) };
  });
  const { redirectUri, resource } = authorization;
  const shown = { id, client, redirectUri, resource, scopes, asksKey: oauth.settings.login === undefined };
  return consentPage({ ...shown, ...(fault === undefined ? {} : { fault }) }, { cookies, ...(fault === undefined ? {} : { status: 400 }) });
}

/** What a browser is told of what was thrown; a client only where its address is known to be its own. */
export function faultAnswer(thrown: unknown, cookies: readonly string[] = []): Response {
  if (thrown instanceof AuthorizationFault && thrown.redirectTo !== undefined) {
    return new Response(null, { status: 302, headers: { location: thrown.redirectTo, 'cache-control': 'no-store' } });
  }
  if (thrown instanceof AuthorizationFault) return faultPage(thrown.message, { cookies });
  if (thrown instanceof LoginFault) {
    console.error('A sign-in failed', thrown.message, thrown.cause);
    return faultPage(thrown.message, { status: thrown.isDenial ? 400 : 502, cookies });
  }
  const error = GatewayError.from(thrown);
  if (error.code === 'internal') console.error('unhandled', error.cause);
  return faultPage(error.message, { status: error.status, cookies });
}
