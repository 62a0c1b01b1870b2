import type { Context, Hono } from 'hono';
import { GatewayError } from '../../core/errors.ts';
import type { Identity } from '../../core/exchange.ts';
import type { PlanIdentity, Proof } from '../../core/identity.ts';
import type { Plan } from '../../core/plan.ts';
import type { Ports } from '../../core/ports.ts';
import type { AppRing } from '../../identity/apps/ring.ts';
import type { AuthorizationServer } from '../../state/oauth/authorization-server.ts';
import type { ServerSettings } from '../../state/oauth/provider.ts';
import { CORS_HEADERS } from '../cors.ts';
import { checkIngress } from '../ingress.ts';
import { checkCallerOrigin } from '../mcp-origin.ts';
import { assertionsOf } from './assertion.ts';
import { authorize, type Browsing, callback, consent, faultAnswer } from './authorize.ts';
import { type Opened, openServer } from './opened.ts';

type After = (work: Promise<unknown>) => void;

/** What the authorization server needs of the door. */
export interface OAuthDoor {
  readonly local: boolean;
  /** Absent where the deployment has no place or no secret for it. */
  readonly server: AuthorizationServer | undefined;
  identify(request: Request, after: After): Promise<Identity> | Identity;
  standsFor(entry: PlanIdentity, proof: Proof, after: After): Promise<Identity>;
  readonly apps: AppRing;
  plan(after: After): Promise<Plan> | Plan;
  ports(after: After): Ports;
}

type Variables = { Variables: { requestId?: string } };
type DoorContext = Context<Variables>;

const METADATA = '/.well-known/oauth-authorization-server';
const METHODS: { readonly [path: string]: string } = {
  '/oauth/authorize': 'GET',
  '/oauth/consent': 'POST',
  '/oauth/callback': 'GET',
  '/oauth/token': 'POST',
  '/oauth/revoke': 'POST',
  '/oauth/register': 'POST',
};

/** The methods of a path that is served here, as `Allow` lists them; `undefined` for one that is not. */
export const oauthMethods = (path: string): string | undefined => (Object.hasOwn(METHODS, path) ? METHODS[path] : undefined);

/** Mounts the authorization server: pages for browsers, and endpoints for clients. */
export function mountOAuth(app: Hono<Variables>, door: OAuthDoor): void {
  app.get(METADATA, (context) => ask(context, door, (server, settings) => metadata(server, settings)));
  app.post('/oauth/token', (context) =>
    ask(context, door, (server, settings, { plan, oauth }, after) => {
      const standsFor = (proof: Proof) => door.standsFor(oauth.entry, proof, after);
      return server.endpoints.token(settings, context.req.raw, assertionsOf({ plan, oauth, server, ports: door.ports(after), standsFor }));
    }),
  );
  app.post('/oauth/revoke', (context) => ask(context, door, (server, settings) => server.endpoints.revoke(settings, context.req.raw)));
  app.post('/oauth/register', (context) =>
    ask(context, door, (server, settings) => {
      if (!settings.registration) throw new GatewayError('not_found', 'Clients do not register themselves at this gateway.');
      return server.endpoints.register(settings, context.req.raw);
    }),
  );
  app.get('/oauth/authorize', (context) => browse(context, door, authorize));
  app.post('/oauth/consent', (context) => browse(context, door, consent));
  app.get('/oauth/callback', (context) => browse(context, door, callback));
}

/** Throws what `openServer` throws. */
async function open(request: Request, door: OAuthDoor, after: After): Promise<Opened> {
  checkIngress(request);
  return openServer(await door.plan(after), request, door.server);
}

/** An endpoint for clients, from pages of any origin too: nothing in it goes by cookies. */
async function ask(
  context: DoorContext,
  door: OAuthDoor,
  answer: (server: AuthorizationServer, settings: ServerSettings, opened: Opened, after: After) => Promise<Response>,
): Promise<Response> {
  const after: After = (work) => context.executionCtx.waitUntil(work);
  const opened = await open(context.req.raw, door, after);
  const response = await answer(opened.server, opened.settings, opened, after);
  for (const [name, value] of Object.entries(CORS_HEADERS)) response.headers.set(name, value);
  return response;
}

async function metadata(server: AuthorizationServer, settings: ServerSettings): Promise<Response> {
  return Response.json(await server.metadata(settings), { headers: { 'cache-control': 'public, max-age=300' } });
}

/** A page. On somebody's own machine it is opened under a loopback name alone (DNS rebinding). */
async function browse(context: DoorContext, door: OAuthDoor, answer: (browsing: Browsing) => Promise<Response>) {
  const request = context.req.raw;
  const after: After = (work) => context.executionCtx.waitUntil(work);
  try {
    const opened = await open(request, door, after);
    checkCallerOrigin(request, door.local, ['*']);
    return await answer({
      ...opened,
      request,
      ports: door.ports(after),
      app: (ref) => door.apps.identify(ref, after),
      keyHolder: (key) => keyHolder(key, request, door, after),
      standsFor: (proof) => door.standsFor(opened.oauth.entry, proof, after),
    });
  } catch (thrown) {
    return faultAnswer(thrown);
  }
}

/** As if the key came with a request from the same place: where it may not be used, nobody signs in with it. */
async function keyHolder(key: string, { url, headers, cf }: Request, door: OAuthDoor, after: After): Promise<Identity> {
  const ip = headers.get('cf-connecting-ip');
  const shown = /^[\x21-\x7e]{1,512}$/.test(key) ? key : '-';
  const request = new Request(url, {
    headers: { 'x-weir-key': shown, ...(ip === null ? {} : { 'cf-connecting-ip': ip }) },
    ...(cf === undefined ? {} : { cf: { ...cf } }),
  });
  const who = await door.identify(request, after);
  if (who.scopes !== undefined || !who.keyId.startsWith('key_')) throw new GatewayError('invalid_key', 'This is not a gateway key.');
  return who;
}
