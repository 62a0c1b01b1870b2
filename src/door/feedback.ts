import type { Context, Hono } from 'hono';
import { questionsOf } from '../core/cache/checks.ts';
import { GatewayError } from '../core/errors.ts';
import type { Identity } from '../core/exchange.ts';
import { isArray, isObject, type Json, type JsonObject, parseJson } from '../core/json.ts';
import type { Plan } from '../core/plan.ts';
import type { Ports, RequestRecord } from '../core/ports.ts';
import { freeCall } from '../kinds/llm/limits/free.ts';
import { type Feedback, recall, remember } from '../state/cache/feedback.ts';
import { purge } from '../state/cache/purges.ts';
import { getRecord } from '../state/records.ts';
import { runOf } from './call-facts.ts';
import { CORS_HEADERS } from './cors.ts';
import { holdOf } from './exchange.ts';
import { underHold } from './held.ts';
import { checkIngress } from './ingress.ts';
import { readJsonBody } from './json-body.ts';
import { routeFor } from './route.ts';

/** What the path of feedback needs of the door. */
export interface FeedbackDoor {
  readonly db: D1Database | undefined;
  newRequestId(): string;
  identify(request: Request, after: (work: Promise<unknown>) => void): Promise<Identity> | Identity;
  renewed(who: Identity): Promise<Identity | undefined>;
  plan(after: (work: Promise<unknown>) => void): Promise<Plan> | Plan;
  ports(after: (work: Promise<unknown>) => void): Ports;
}

type App = Hono<{ Variables: { requestId?: string } }>;
type DoorContext = Context<{ Variables: { requestId?: string } }>;

const REQUEST_ID = /^req_[0-9a-f]{32}$/;
const LONGEST_COMMENT = 2_000;
/** Milliseconds after which a row is looked for that is not there yet: the log is written behind the answers. */
const LOOKS = [0, 150, 300, 500, 800];
const SCORES: ReadonlyMap<Json | undefined, number> = new Map<Json | undefined, number>([
  [1, 1],
  ['good', 1],
  [-1, -1],
  ['bad', -1],
]);

const PATH = '/v1/feedback';

/** As `Allow` lists them; `undefined` for another path. */
export const feedbackMethods = (path: string): string | undefined => (path === PATH ? 'POST' : undefined);

/** What a caller says of an answer that it was given: `POST /v1/feedback`. */
export function mountFeedback(app: App, door: FeedbackDoor): void {
  app.post(PATH, (context) => take(context, door));
}

async function take(context: DoorContext, door: FeedbackDoor): Promise<Response> {
  const request = context.req.raw;
  checkIngress(request);
  const requestId = door.newRequestId();
  context.set('requestId', requestId);
  const after = (work: Promise<unknown>) => context.executionCtx.waitUntil(work);
  const who = await door.identify(request, after);
  const plan = await door.plan(after);
  const ports = door.ports(after);
  const arrival = { ports, request, requestId, startedAt: ports.clock.now(), renewed: door.renewed };
  const hold = holdOf(who, arrival, runOf(request.headers), routeFor(plan, who).name, undefined, plan.limits);
  // One request of the caller's limits, as any call, and no money.
  const said = await underHold(hold, after, async (taken) => {
    await taken?.take(freeCall('weir'));
    return feedback(readSaid(await readJsonBody(request, plan)), who, ports, door.db);
  });
  const { requestId: of, score, comment, at } = said;
  return Response.json(
    { request_id: of, score, comment, at },
    { headers: { ...hold?.headers, 'x-weir-request-id': requestId, 'x-request-id': requestId, 'request-id': requestId, ...CORS_HEADERS } },
  );
}

interface Said {
  readonly of: string;
  readonly score: number;
  readonly comment: string | null;
}

function readSaid(text: string): Said {
  const body = parseJson(text);
  if (!isObject(body)) throw new GatewayError('invalid_json', 'The body is not one JSON object.');
  const { request_id: of, score: given, comment = null } = body;
  if (typeof of !== 'string') throw invalid('request_id', 'the id of an answer, as its header x-weir-request-id says it');
  const score = SCORES.get(given);
  if (score === undefined) throw invalid('score', '1 or "good", or -1 or "bad"');
  if (comment !== null && typeof comment !== 'string') throw invalid('comment', 'a text');
  if (comment !== null && comment.length > LONGEST_COMMENT) throw invalid('comment', `${LONGEST_COMMENT} characters at most`);
  return { of, score, comment };
}

const invalid = (param: string, what: string) => new GatewayError('invalid_request', `\`${param}\` must be ${what}.`, { param });

async function feedback({ of, score, comment }: Said, who: Identity, ports: Ports, db: D1Database | undefined): Promise<Feedback> {
  if (db === undefined)
    throw new GatewayError('not_supported', 'Feedback needs the database, and none is bound. The operator binds a D1 database as DB.');
  const row = await rowOf(db, of, who);
  const known = await recall(db, of);
  if (known !== undefined) return known;
  const { cache } = row.facts ?? {};
  const given = isObject(cache) ? cache : {};
  const isMeant = given.semantic === true && given.hit === true;
  // What was bad goes before it is remembered: where that fails, it can be said again.
  if (score < 0) await forget(given, isMeant, row, who.org, ports, db);
  return remember(db, ports.clock, { requestId: of, org: who.org, app: who.app, score, comment }, isMeant ? row.route : undefined);
}

/** The row of one of the app's own calls; another one is none. */
async function rowOf(db: D1Database, id: string, who: Identity): Promise<RequestRecord> {
  for (const wait of REQUEST_ID.test(id) ? LOOKS : []) {
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const row = await getRecord(db, id);
    // Another's is looked for as long as one that never was.
    if (row?.org === who.org && row.app === who.app) return row;
  }
  throw new GatewayError('not_found', `Request with id '${id.slice(0, 200)}' not found.`);
}

/**
 * An answer that was right for its own question and wrong for this one stays, and is found by meaning no more; nor are
 * those that would have been next. One that was given as it was asked for is thrown away.
 */
async function forget(
  given: JsonObject,
  isMeant: boolean,
  { route }: RequestRecord,
  org: string,
  ports: Ports,
  db: D1Database,
): Promise<void> {
  const { key, also } = given;
  if (typeof key !== 'string') return;
  if (!isMeant) await purge(db, { key, org }, ports.clock.now());
  const others = isMeant && isArray(also) ? also.filter((each) => typeof each === 'string') : [];
  try {
    await ports.vectors?.delete(questionsOf(org, route), [key, ...others]);
  } catch (cause) {
    throw new GatewayError('overloaded', 'What was kept cannot be taken away now. Say it again in a moment.', { cause });
  }
}
