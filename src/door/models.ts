import type { Context, Hono } from 'hono';
import { GatewayError } from '../core/errors.ts';
import type { Exchange } from '../core/exchange.ts';
import type { Plan } from '../core/plan.ts';
import { findListed, listModels, mayAsk } from '../kinds/llm/models/list.ts';
import { aiSdk, anthropic, gemini, type ModelsShape, ollama, openai } from '../kinds/llm/models/shapes.ts';
import { AI_SDK_VERSIONS, modelsPaths } from './paths.ts';
import { routeFor } from './route.ts';

/** Who asks, and what there is. */
export interface Caller {
  readonly plan: Plan;
  readonly exchange: Exchange;
}

type DoorContext = Context<{ Variables: { requestId?: string } }>;
type Respond = (context: DoorContext, answer: (caller: Caller) => Promise<object>) => Promise<Response>;

/** Anthropic's clients always say which version of their API they speak. */
export const speaksAnthropic = (request: Request) => request.headers.has('anthropic-version');

/** Two vendors' libraries use `/v1/models` as OpenAI's do: one names its version, the other has a header for its key. */
function shapeFor(request: Request): ModelsShape {
  if (speaksAnthropic(request)) return anthropic;
  return request.headers.has('x-goog-api-key') ? gemini : openai;
}

const GEMINI_PATHS = ['/v1beta', '/v1beta/v1beta', '/v1beta/v1', '/v1alpha'].map((prefix) => `${prefix}/models`);

/** The lists of models, and single models, in each dialect's shape: what this key may ask for. */
export function mountModels(app: Hono<{ Variables: { requestId?: string } }>, respond: Respond): void {
  const mount = (path: string, shape: (request: Request) => ModelsShape) => {
    app.get(path, (context) => respond(context, (caller) => listed(caller, shape(context.req.raw), context.req.raw)));
    app.get(`${path}/:id{.+}`, (context) =>
      respond(context, (caller) => one(caller, shape(context.req.raw), context.req.param('id') ?? '')),
    );
  };
  for (const path of modelsPaths) mount(path, shapeFor);
  for (const path of GEMINI_PATHS) mount(path, () => gemini);
  for (const version of AI_SDK_VERSIONS) {
    app.get(`/${version}/ai/config`, (context) => respond(context, (caller) => listed(caller, aiSdk(version), context.req.raw)));
  }
  app.get('/api/tags', (context) => respond(context, (caller) => listed(caller, ollama, context.req.raw)));
}

async function listed({ plan, exchange }: Caller, shape: ModelsShape, request: Request): Promise<object> {
  const may = mayAsk(routeFor(plan, exchange.who), exchange);
  const models = [];
  for (const model of listModels(plan, exchange.ports.clock.now())) if (await may(model.id)) models.push(model);
  return shape.list(models, new URL(request.url).searchParams);
}

async function one({ plan, exchange }: Caller, shape: ModelsShape, id: string): Promise<object> {
  const model = findListed(plan, id, exchange.ports.clock.now());
  const may = mayAsk(routeFor(plan, exchange.who), exchange);
  if (model !== undefined && (await may(model.id))) return shape.one(model);
  throw new GatewayError('model_not_found', `There is no model "${id.slice(0, 200)}" in the list.`);
}
