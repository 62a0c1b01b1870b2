import { GatewayError } from '../../core/errors.ts';
import type { Identity } from '../../core/exchange.ts';
import type { Proof } from '../../core/identity.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Plan } from '../../core/plan.ts';
import type { Ports } from '../../core/ports.ts';
import { readText } from '../../core/reader.ts';
import { AuthorizationFault, type AuthorizationServer } from '../../state/oauth/authorization-server.ts';
import type { Granted } from '../../state/oauth/given-tokens.ts';
import type { ServerSettings } from '../../state/oauth/provider.ts';
import { clearedCookie, cookieFor, FLOW, type Flow, flowOf, randomId } from './browser.ts';
import { LoginFault, type OrganisationLogin } from './login.ts';
import { consentPage, faultPage, onwardPage } from './pages.ts';
import { allowedScopes, grantable, missingFrom, type OAuthPlan } from './settings.ts';

/** One request of a browser, and what it is answered with. */
export interface Browsing {
  readonly request: Request;
  readonly plan: Plan;
  readonly oauth: OAuthPlan;
  readonly server: AuthorizationServer;
  readonly settings: ServerSettings;
  readonly ports: Ports;
  readonly login: OrganisationLogin;
  /** Whose a gateway key is. Throws `invalid_key`, `not_allowed`. */
  keyHolder(key: string): Promise<Identity>;
  /** As whom something proven will count. Throws `invalid_key` where that is nobody. */
  standsFor(proof: Proof): Promise<Identity>;
}

const MOST_FORM = 16 * 1024;
const CALLBACK = '/oauth/callback';

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
  const started = await browsing.login.start(login, `${settings.issuer}${CALLBACK}`, id, ports, browsing.plan.local);
  const next: Flow = { ...flow, id, step: 'login', until: ports.clock.now() + FLOW, login: started.login };
  const cookie = await cookieFor(server, request, next);
  if (cookie === undefined) throw new AuthorizationFault('The request of the application is too long.');
  return onwardPage(started.url, [cleared, cookie]);
}

/** `GET /oauth/callback`: back from the organisation's provider. What comes of another browser, or a second time, is nobody's. */
export async function callback(browsing: Browsing): Promise<Response> {
  const { request, server, settings, ports, oauth, plan } = browsing;
  const answer = new URL(request.url).searchParams;
  const flow = await flowOf(server, request, answer.get('state') ?? '', 'login', ports.clock.now());
  const { login } = oauth.settings;
  if (flow?.login === undefined || login === undefined || !(await server.takeOnce(flow.id, flow.until))) {
    throw new AuthorizationFault('It was not begun in this browser, its time is over, or it was finished before.');
  }
  const cleared = clearedCookie(request, flow.id);
  try {
    const claims = await browsing.login.finish(login, answer, `${settings.issuer}${CALLBACK}`, flow.login, ports, plan.local);
    const missing = missingFrom(claims, oauth.settings.claims);
    if (missing !== undefined)
      throw new GatewayError('not_allowed', `You may not use this gateway: your "${missing}" is not what the operator asks for.`);
    await browsing.standsFor({ facts: { claims, client: { id: flow.authorization.clientId } } });
    const to = await grantTo(flow, `${login.issuer} ${String(claims.sub)}`, { claims }, browsing);
    return redirect(to, cleared);
  } catch (thrown) {
    if (thrown instanceof LoginFault && thrown.isDenial) {
      return redirect(await server.refused(settings, flow.authorization, 'access_denied', thrown.message), cleared);
    }
    if (thrown instanceof LoginFault) console.error('A sign-in failed', thrown.message, thrown.cause);
    if (thrown instanceof LoginFault) return faultPage(thrown.message, { status: 502, cookies: [cleared] });
    if (thrown instanceof GatewayError && thrown.code !== 'internal') {
      return faultPage(thrown.message, { status: thrown.status, cookies: [cleared] });
    }
    throw thrown;
  }
}

/** Without a provider, whoever has a gateway key lets a client act as it. */
async function signInWithKey(key: string, flow: Flow, browsing: Browsing): Promise<Response> {
  const { request } = browsing;
  try {
    const who = await browsing.keyHolder(key.trim());
    const claims: JsonObject = { sub: who.keyId, org: who.org, team: who.team, app: who.app };
    const to = await grantTo(flow, `key ${who.keyId}`, { claims, key: who.keyId }, browsing);
    return onwardPage(to, [clearedCookie(request, flow.id)]);
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code !== 'internal') return askConsent(flow, browsing, [], thrown.message);
    throw thrown;
  }
}

function grantTo({ authorization }: Flow, who: string, granted: Granted, { plan, oauth, server, settings }: Browsing): Promise<string> {
  const there = grantable(authorization.scopes, authorization.resource, settings.issuer, plan, oauth);
  return server.grant(settings, authorization, who, allowedScopes(there, granted.claims, oauth), granted);
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

const redirect = (to: string, cookie: string): Response =>
  new Response(null, {
    status: 302,
    headers: { location: to, 'set-cookie': cookie, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' },
  });

/** What a browser is told of what was thrown; a client only where its address is known to be its own. */
export function faultAnswer(thrown: unknown): Response {
  if (thrown instanceof AuthorizationFault && thrown.redirectTo !== undefined) {
    return new Response(null, { status: 302, headers: { location: thrown.redirectTo, 'cache-control': 'no-store' } });
  }
  if (thrown instanceof AuthorizationFault) return faultPage(thrown.message);
  if (thrown instanceof LoginFault) {
    console.error('A sign-in failed', thrown.message, thrown.cause);
    return faultPage(thrown.message, { status: 502 });
  }
  const error = GatewayError.from(thrown);
  if (error.code === 'internal') console.error('unhandled', error.cause);
  return faultPage(error.message, { status: error.status });
}
