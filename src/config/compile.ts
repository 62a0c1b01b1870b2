import type { z } from 'zod';
import type { KindName } from '../core/exchange.ts';
import { present } from '../core/fields.ts';
import { isObject } from '../core/json.ts';
import {
  DEFAULT_LIMITS,
  DEFAULT_STATE,
  type Plan,
  type PlanLimits,
  type PlanPolicy,
  type PlanRoute,
  type PlanState,
} from '../core/plan.ts';
import type { Policy } from '../core/policy.ts';
import type { Secrets } from '../core/ports.ts';
import { compileMcp, type McpDocument, type McpSettings } from '../kinds/mcp/settings.ts';
import { freezeData } from './freeze.ts';
import { compileIdentities } from './identities.ts';
import { compileModels } from './models.ts';
import { type Path, Problems, scan } from './problems.ts';
import { compileProviders } from './providers.ts';
import type { Rolls } from './rolls.ts';
import { type ConfigSchema, makeSchema } from './schema.ts';
import { drainTime } from './schema-pieces.ts';

export interface CompileOptions {
  readonly revision: number;
  /** Loopback upstreams and literal keys are for local runs. */
  readonly local: boolean;
  readonly rolls: Rolls;
  /** Says which built-in providers have their credential. */
  readonly secrets?: Secrets;
}

/** What the parts of one compilation share. */
export interface Context extends CompileOptions {
  readonly schema: ConfigSchema;
  readonly problems: Problems;
  /** Ids of every provider, those with faults of their own included, so that one fault is not reported twice. */
  readonly providers: ReadonlySet<string>;
  readonly models: ReadonlySet<string>;
}

/**
 * Checks a document whole and makes the plan an isolate serves from.
 * Throws `config_invalid` with every fault by its path; a document with faults makes no plan.
 */
export function compile(document: unknown, options: CompileOptions): Plan {
  const problems = new Problems();
  scan(document, problems);
  problems.throwIfAny();
  const schema = makeSchema(options.rolls);
  problems.addIssues([], schema.document.safeParse(document).error?.issues ?? []);
  const whole = isObject(document) ? document : {};
  const context: Context = {
    ...options,
    schema,
    problems,
    providers: new Set([...options.rolls.providers.map(({ id }) => id), ...entries(whole.providers).map(([id]) => id)]),
    models: new Set(entries(whole.models).map(([id]) => id)),
  };
  const plan = compileParts(whole, context);
  problems.throwIfAny();
  return plan;
}

function compileParts(whole: { readonly [part: string]: unknown }, context: Context): Plan {
  const { schema, problems, rolls, local, revision, secrets } = context;
  const listed = new Map(parsed(schema.provider, entries(whole.providers), 'providers').map((each) => [each.name, each]));
  const providers = compileProviders(listed, { revision, rolls, local, secrets, problems });
  const models = compileModels(entries(whole.models), context);
  const policies = compilePolicies(whole.policies, ['policies'], context);
  const compiled = compileRoutes(whole.routes, { written: whole.policies, compiled: policies }, context);
  const vault = new Set([...providers.values()].flatMap((provider) => Object.values(provider.vault ?? {})));
  const drains = [...compiled.routes, ...models.values()].some(({ drain = 0 }) => drain > 0);
  return Object.freeze({
    revision,
    local,
    providers,
    models,
    ...compiled,
    limits: compileLimits(whole.limits, context),
    state: compileState(whole.state, context),
    identities: compileIdentities(whole.identities, context),
    ...(drains ? { drains } : {}),
    ...(vault.size === 0 ? {} : { vault: Object.freeze([...vault]) }),
  });
}

const entries = (value: unknown): [string, unknown][] => (isObject(value) ? Object.entries(value) : []);

/** The entries that the schema accepts, as it makes them; what it refuses is reported with the whole document. */
function parsed<T>(schema: z.ZodType<T>, from: readonly [string, unknown][], section: string) {
  return from.flatMap(([name, value]) => {
    const { data } = schema.safeParse(value);
    return data === undefined ? [] : [{ name, path: [section, name], entry: data }];
  });
}

/** `kind`: of the route that they are written for; absent where they are written for all. */
function compilePolicies(written: unknown, path: Path, { rolls, problems }: Context, kind?: KindName): readonly PlanPolicy[] {
  if (!Array.isArray(written)) return [];
  return written.flatMap((entry: unknown, step) => {
    if (!isObject(entry)) return [];
    const { use, ...rest } = entry;
    const policy = rolls.policies.find((each) => each.name === use);
    if (policy === undefined) return [];
    if (kind !== undefined && !holdsFor(policy, kind)) {
      problems.add([...path, step, 'use'], `has no meaning for a route of kind "${kind}"`);
    }
    const settings = policy.config.safeParse(rest);
    if (!settings.success) {
      problems.addIssues([...path, step], settings.error.issues);
      return [];
    }
    const touches = typeof policy.touches === 'function' ? policy.touches(settings.data) : policy.touches;
    return [Object.freeze({ policy, settings: freezeData(settings.data), touches })];
  });
}

const holdsFor = ({ kinds }: Policy, kind: KindName): boolean => kinds?.includes(kind) ?? true;

/** Policies as they were written, and as they are held. */
interface Policies {
  readonly written: unknown;
  readonly compiled: readonly PlanPolicy[];
}

const forKind = ({ compiled }: Policies, kind: KindName): readonly PlanPolicy[] => compiled.filter(({ policy }) => holdsFor(policy, kind));

function compileRoutes(written: unknown, global: Policies, context: Context): Pick<Plan, 'routes' | 'servers'> {
  const routes: PlanRoute[] = [];
  const servers = new Map<string, McpSettings>();
  const names = new Set<string>();
  for (const [step, value] of (Array.isArray(written) ? written : []).entries()) {
    const own = isObject(value) ? value.policies : undefined;
    const { data } = context.schema.route.safeParse(value);
    const policies = compilePolicies(own, ['routes', step, 'policies'], context, data?.kind);
    if (data === undefined) continue;
    if (names.has(data.name)) context.problems.add(['routes', step, 'name'], `is used twice: "${data.name}"`);
    const isNew = !names.has(data.name);
    names.add(data.name);
    if (data.kind === 'mcp') {
      servers.set(data.name, compileServer(data, step, [global, { written: own, compiled: policies }], context));
      continue;
    }
    if (routes.length > 0 && isNew) context.problems.add(['routes', step, 'kind'], 'is there already: there is one route of kind "llm"');
    const require = freezeData(present(data.require ?? {}));
    const all = Object.freeze([...forKind(global, 'llm'), ...policies]);
    routes.push(Object.freeze({ name: data.name, kind: data.kind, policies: all, require, ...drainTime(data.onDisconnect) }));
  }
  if (routes.length === 0)
    routes.push(Object.freeze({ name: 'llm', kind: 'llm', policies: Object.freeze(forKind(global, 'llm')), require: {} }));
  return { routes: Object.freeze(routes), servers };
}

function compileServer(
  { name: _, kind: __, policies: ___, ...document }: McpRoute,
  step: number,
  policies: readonly Policies[],
  { local, problems }: Context,
) {
  const held = policies.flatMap((each) => forKind(each, 'mcp'));
  // Its sessions compile it anew, with what is written for all routes as if it were the route's own.
  const written = policies.flatMap((each) => (Array.isArray(each.written) ? each.written : [])).filter(isObject);
  const own = written.flatMap(({ use, ...rest }) =>
    held.some(({ policy }) => policy.name === use) ? [{ ...rest, use: String(use) }] : [],
  );
  const { settings, problems: found } = compileMcp({ ...document, ...(own.length === 0 ? {} : { policies: own }) }, { local }, held);
  for (const { path, message } of found) problems.add(['routes', step, ...path], message);
  return settings;
}

type McpRoute = Omit<McpDocument, 'policies'> & { readonly name: string; readonly kind: 'mcp'; readonly policies?: unknown };

function compileLimits(written: unknown, { schema }: Context): PlanLimits {
  const { data } = schema.limits.safeParse(written ?? {});
  const {
    body = DEFAULT_LIMITS.body,
    ping = DEFAULT_LIMITS.ping,
    hold = DEFAULT_LIMITS.hold,
    allowances = DEFAULT_LIMITS.allowances,
  } = data ?? {};
  return Object.freeze({ body, ping, hold, allowances });
}

const HOUR = 3_600_000;

function compileState(written: unknown, { schema }: Context): PlanState {
  const { data } = schema.state.safeParse(written ?? {});
  return Object.freeze({
    responses: data?.responseDays === undefined ? DEFAULT_STATE.responses : data.responseDays * 24 * HOUR,
    signatures: data?.signatureHours === undefined ? DEFAULT_STATE.signatures : data.signatureHours * HOUR,
    idempotency: data?.idempotencyHours === undefined ? DEFAULT_STATE.idempotency : data.idempotencyHours * HOUR,
    items: data?.items ?? DEFAULT_STATE.items,
    bytes: data?.bytes ?? DEFAULT_STATE.bytes,
  });
}
