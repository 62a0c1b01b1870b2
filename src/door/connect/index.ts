import type { Context, Hono } from 'hono';
import type { ConnectAsk } from '../../admin/deps.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Identity } from '../../core/exchange.ts';
import { isObject, parseJson } from '../../core/json.ts';
import type { Plan } from '../../core/plan.ts';
import type { Clock, Ports } from '../../core/ports.ts';
import { readText } from '../../core/reader.ts';
import type { AppRef } from '../../core/tenant.ts';
import { checkRoute } from '../../identity/api-key/allowed.ts';
import type { AppRing } from '../../identity/apps/ring.ts';
import { accountOf } from '../../kinds/mcp/auth/account.ts';
import { CLIENT_METADATA_PATH, clientDocument } from '../../kinds/mcp/auth/clients.ts';
import { beginConsent, type Connected, type ConnectHome, finishConsent, readState, storeKey } from '../../kinds/mcp/auth/connect.ts';
import { CONNECT_PATH, type ConnectLink, LINK_FOR, linkTo, readLink } from '../../kinds/mcp/auth/link.ts';
import type { OAuthSetting, SourceAccess } from '../../kinds/mcp/auth/settings.ts';
import { McpSettings } from '../../kinds/mcp/settings.ts';
import { forgetConnection, noteConnection } from '../../state/credentials/connection-rows.ts';
import type { CredentialDesk } from '../../state/credentials/index.ts';
import type { AuthorizationServer } from '../../state/oauth/authorization-server.ts';
import { checkIngress } from '../ingress.ts';
import { principalOf } from '../mcp-principal.ts';
import { faultAnswer } from '../oauth/authorize.ts';
import type { Person } from '../oauth/browser.ts';
import { LoginFault } from '../oauth/login.ts';
import { openServer } from '../oauth/opened.ts';
import { onwardPage } from '../oauth/pages.ts';
import { askToSignIn, isSignedIn, type SigningIn } from '../oauth/person.ts';
import { issuerOf } from '../oauth/settings.ts';
import { browserOf, clearedCookie, cookie, randomText } from './browser.ts';
import { connectPage, donePage, faultPage } from './pages.ts';
import { readerOf } from './reader.ts';

type After = (work: Promise<unknown>) => void;
type Variables = { Variables: { requestId?: string } };
type DoorContext = Context<Variables>;

/** What connecting accounts needs of the door. */
export interface ConnectDoor {
  readonly local: boolean;
  readonly db: D1Database | undefined;
  /** Absent where the deployment keeps no credentials. */
  readonly credentials: CredentialDesk | undefined;
  /** Signs in who opens a link; absent where the deployment has no place for it. */
  readonly server: AuthorizationServer | undefined;
  readonly apps: AppRing;
  identify(request: Request, after: After): Promise<Identity> | Identity;
  plan(after: After): Promise<Plan> | Plan;
  ports(after: After): Ports;
}

/** Bytes of a form or a body: a key and a link. */
const MOST_BODY = 64 * 1024;
const SOURCE = `${CONNECT_PATH}/:route/:source`;

/** The methods of a path that is served here, as `Allow` lists them; `undefined` for one that is not. */
export function connectMethods(path: string): string | undefined {
  if (path === CLIENT_METADATA_PATH || path === `${CONNECT_PATH}/callback`) return 'GET';
  if (path === CONNECT_PATH) return 'GET, POST';
  return /^\/oauth\/connect\/[^/]+\/[^/]+$/.test(path) ? 'GET, POST, PUT, DELETE' : undefined;
}

/** Mounts the pages on which accounts are connected, what callers do without a page, and what the gateway says of itself as a client. */
export function mountConnect(app: Hono<Variables>, door: ConnectDoor): void {
  app.get(CLIENT_METADATA_PATH, async (context) => {
    checkIngress(context.req.raw);
    const origin = originOf(await door.plan(afterOf(context)), context.req.raw);
    return Response.json(clientDocument(origin), { headers: { 'cache-control': 'public, max-age=300' } });
  });
  app.get(CONNECT_PATH, (context) => browse(context, door, show));
  app.post(CONNECT_PATH, (context) => browse(context, door, begin));
  app.get(`${CONNECT_PATH}/callback`, (context) => browse(context, door, finish));
  for (const method of ['get', 'post', 'put', 'delete'] as const) app[method](SOURCE, (context) => call(context, door, method));
}

const afterOf =
  (context: DoorContext): After =>
  (work) =>
    context.executionCtx.waitUntil(work);

/** The gateway's address as the operator says it, or else as it was reached. */
const originOf = (plan: Plan, request: Request): string => issuerOf(plan) ?? new URL(request.url).origin;

interface Visit {
  readonly request: Request;
  readonly plan: Plan;
  readonly desk: CredentialDesk;
  readonly door: ConnectDoor;
  readonly home: ConnectHome;
  /** With what the reader of a page is signed in. Throws what `openServer` throws. */
  signing(): SigningIn;
}

/** Throws `state_off` where the deployment keeps no credentials. */
async function visit(context: DoorContext, door: ConnectDoor): Promise<Visit> {
  const request = context.req.raw;
  checkIngress(request);
  const after = afterOf(context);
  const plan = await door.plan(after);
  const { credentials: desk } = door;
  const credentials = desk?.credentials;
  if (desk === undefined || credentials === undefined) throw off();
  const ports = door.ports(after);
  const { egress, clock, secrets } = ports;
  const home = { outbound: { egress, clock, local: door.local }, credentials, secrets, origin: originOf(plan, request) };
  const app = (ref: AppRef) => door.apps.identify(ref, after);
  const signing = () => ({ ...openServer(plan, request, door.server), request, ports, app });
  return { request, plan, desk, door, home, signing };
}

const off = () => new GatewayError('state_off', 'This gateway keeps no credentials of callers: the operator sets the secret WEIR_SECRET.');

async function browse(context: DoorContext, door: ConnectDoor, answer: (visit: Visit) => Promise<Response>): Promise<Response> {
  try {
    return await answer(await visit(context, door));
  } catch (thrown) {
    if (thrown instanceof LoginFault) return faultAnswer(thrown);
    const error = GatewayError.from(thrown);
    if (error.code === 'internal') console.error('An account could not be connected', error.cause);
    return faultPage(error.message, error.status);
  }
}

/** Throws `not_found` where the route has no such source, or its callers have nothing to connect. */
function accessAt(plan: Plan, route: string, source: string): SourceAccess {
  const settings = plan.servers.get(route);
  const found = settings instanceof McpSettings ? settings.sources.find(({ name }) => name === source) : undefined;
  const access = found?.kind.access?.(found.settings);
  if (access !== undefined) return access;
  throw new GatewayError('not_found', 'There is no source of this name whose callers connect an account of their own.');
}

async function linkIn({ home, plan }: Visit, sealed: string): Promise<{ readonly link: ConnectLink; readonly access: SourceAccess }> {
  const link = await readLink(sealed, home.outbound.clock.now(), home.credentials);
  if (link === undefined) throw new GatewayError('invalid_request', 'This link is too old, or none of this gateway.');
  return { link, access: accessAt(plan, link.route, link.source) };
}

/** The page that says what is going to happen. The browser is told something that it must show again. */
const show = (visit: Visit): Promise<Response> => page(visit, new URL(visit.request.url).searchParams.get('link') ?? '');

async function page(visit: Visit, sealed: string, fault?: string): Promise<Response> {
  const { link, access } = await linkIn(visit, sealed);
  const reader = readerOf(link, visit.plan);
  const elsewhere = reader && (await signInFirst(reader, sealed, visit));
  if (elsewhere !== undefined) return elsewhere;
  const { auth, url } = access;
  const browser = browserOf(visit.request) ?? randomText();
  const shown = {
    ...{ link: sealed, browser, source: link.source, host: new URL(url).host, asksKey: auth.use === 'user-key', fault },
    help: auth.use === 'user-key' ? auth.help : undefined,
    who: whoOf(link),
    isKnown: reader !== undefined,
  };
  return connectPage(shown, [cookie(visit.request, browser)]);
}

/** Where the browser goes first that was not found to be the reader's; `undefined` for one that was. */
async function signInFirst(reader: Person, sealed: string, { signing }: Visit): Promise<Response | undefined> {
  const desk = signing();
  return (await isSignedIn(reader, desk)) ? undefined : askToSignIn(reader, `${CONNECT_PATH}?link=${encodeURIComponent(sealed)}`, desk);
}

const whoOf = ({ org, app, user }: ConnectLink): readonly (readonly [string, string])[] => [
  ...(app === undefined ? [['Organisation', org] as const] : [['App', app] as const]),
  ...(user === undefined ? [] : [['User', user] as const]),
];

/** What the form of that page sends: somebody wants to go on, in the browser that saw it. */
async function begin(visit: Visit): Promise<Response> {
  const { request, home } = visit;
  const text = await readText(request, MOST_BODY);
  const form = new URLSearchParams(text ?? '');
  const browser = browserOf(request);
  if (browser === undefined || form.get('browser') !== browser)
    throw new GatewayError('invalid_request', 'This browser has not seen the page that it answers, or takes no cookies.');
  const sealed = form.get('link') ?? '';
  const { link, access } = await linkIn(visit, sealed);
  const reader = readerOf(link, visit.plan);
  const elsewhere = reader && (await signInFirst(reader, sealed, visit));
  if (elsewhere !== undefined) return elsewhere;
  if (isOAuth(access)) return onwardPage(await beginConsent(link, access, browser, home), []);
  if (access.auth.use !== 'user-key') throw new GatewayError('not_found', 'Nobody consents to this source.');
  const account = accountOf(access);
  const connection = home.credentials.connection(link.holder, account);
  try {
    await storeKey(connection, form.get('key') ?? '');
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code === 'invalid_request') return page(visit, sealed, thrown.message);
    throw thrown;
  }
  await note(visit, { link, account });
  return donePage(link.source, [clearedCookie(request)]);
}

const isOAuth = (access: SourceAccess): access is SourceAccess & { readonly auth: OAuthSetting } => access.auth.use === 'oauth';

/** Where the authorization server sends the browser back to. */
async function finish(visit: Visit): Promise<Response> {
  const { request, home, plan } = visit;
  const asked = new URL(request.url).searchParams;
  const state = asked.get('state') ?? '';
  const found = await readState(state, home.credentials);
  if (found === undefined) throw new GatewayError('invalid_request', 'This is no answer to a question of this gateway.');
  const browser = browserOf(request);
  if (browser === undefined)
    throw new GatewayError('invalid_request', 'Another browser began this. Open the link and consent in the same one.');
  const access = accessAt(plan, found.link.route, found.link.source);
  if (!isOAuth(access)) throw new GatewayError('not_found', 'Nobody consents to this source.');
  const returned = {
    state,
    code: asked.get('code') ?? undefined,
    issuer: asked.get('iss') ?? undefined,
    error: asked.get('error') ?? undefined,
  };
  const connected = await finishConsent(returned, access, browser, home);
  await note(visit, connected);
  return donePage(connected.link.source, [clearedCookie(request)]);
}

/** For those who administer it. What was granted is good without. */
async function note({ desk, door, home }: Visit, { link, account, issuer, scopes }: Connected): Promise<void> {
  const id = await desk.connectionId(link.holder, account);
  if (door.db === undefined || id === undefined) return;
  const { org, app, user, route, source } = link;
  const said = { issuer: issuer ?? null, scopes: scopes === undefined ? null : scopes.join(' ') };
  const row = {
    id,
    org,
    app: app ?? null,
    user: user ?? null,
    route,
    source,
    kind: issuer === undefined ? 'key' : 'oauth',
    ...said,
  } as const;
  await noteConnection(door.db, row, home.outbound.clock.now()).catch((cause: unknown) =>
    console.error('A connection was not noted', cause),
  );
}

/** The link by which an operator consents for a whole organisation. Throws `not_found` where the source is none that is consented to so. */
export async function operatorLink(
  { org, route, source }: ConnectAsk,
  request: Request,
  plan: Plan,
  { clock, credentials: desk }: { readonly clock: Clock; readonly credentials?: CredentialDesk | undefined },
): Promise<{ readonly url: string; readonly expiresAt: number }> {
  const credentials = desk?.credentials;
  if (credentials === undefined) throw off();
  const { auth } = accessAt(plan, route, source);
  if (auth.use !== 'oauth' || auth.shared !== true)
    throw new GatewayError('not_found', 'Nobody consents to this source for an organisation.');
  const now = clock.now();
  const link = { route, source, holder: `org ${org}`, org, steps: 0 };
  return { url: await linkTo(originOf(plan, request), link, now, credentials), expiresAt: now + LINK_FOR };
}

/** What callers do themselves, with their own credential at the gateway: see, begin, store a key, disconnect. */
async function call(context: DoorContext, door: ConnectDoor, method: 'get' | 'post' | 'put' | 'delete'): Promise<Response> {
  const who = await door.identify(context.req.raw, afterOf(context));
  const here = await visit(context, door);
  const { plan, home, desk } = here;
  const [route, source] = [context.req.param('route') ?? '', context.req.param('source') ?? ''];
  checkRoute(who, route);
  const access = accessAt(plan, route, source);
  const { auth } = access;
  if (auth.use === 'client-credentials' || auth.use === 'token-exchange' || (auth.use === 'oauth' && auth.shared === true))
    throw new GatewayError('not_found', 'Callers connect nothing of their own with this source.');
  const holder = `principal ${principalOf(who)}`;
  const account = accountOf(access);
  const connection = home.credentials.connection(holder, account);
  const link = { route, source, holder, org: who.org, app: who.app, user: who.user, by: who.keyId, steps: 0 };
  if (method === 'put') {
    if (auth.use !== 'user-key')
      throw new GatewayError(
        'invalid_request',
        'Nobody stores a key for this source: it is consented to in the browser. POST gives the link.',
      );
    await storeKey(connection, await keyIn(context.req.raw));
    await note(here, { link, account });
  }
  if (method === 'delete') {
    await connection.drop();
    const id = await desk.connectionId(holder, account);
    if (door.db !== undefined && id !== undefined) await forgetConnection(door.db, id);
  }
  const isConnected = method === 'put' || (method !== 'delete' && (await connection.use({})) !== undefined);
  const shown = { route, source, use: auth.use, connected: isConnected };
  if (method !== 'post') return Response.json(shown, { headers: PRIVATE });
  const now = home.outbound.clock.now();
  return Response.json(
    { ...shown, url: await linkTo(home.origin, link, now, home.credentials), expiresAt: now + LINK_FOR },
    { headers: PRIVATE },
  );
}

const PRIVATE = { 'cache-control': 'no-store' };

async function keyIn(request: Request): Promise<string> {
  const text = await readText(request, MOST_BODY);
  const body = text === undefined ? undefined : parseJson(text);
  if (isObject(body) && typeof body.key === 'string' && Object.keys(body).length === 1) return body.key;
  throw new GatewayError('invalid_request', 'The body is {"key": "…"}.', { param: 'key' });
}
