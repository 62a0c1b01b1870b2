import { asksNothing } from '../../admin/litellm/fields.ts';
import { asNumber, asString, isArray, isObject, type JsonObject } from '../../core/json.ts';
import type { ModelPart, Notes, WeightedTarget } from './plan.ts';
import type { VirtualKeys } from './portkey-virtual-keys.ts';

export interface PortkeyConfig {
  /** Of the virtual model that it becomes. */
  readonly name: string;
  readonly config: JsonObject;
}

export interface ConfigContext {
  readonly keys: VirtualKeys;
  readonly notes: Notes;
  /** For targets that take the caller's model. */
  readonly model?: string | undefined;
}

/** What of a config, and of each of its targets, is read. */
const READ: readonly string[] = [
  ...[
    'strategy',
    'targets',
    'provider',
    'virtual_key',
    'api_key',
    'override_params',
    'weight',
    'retry',
    'request_timeout',
    'name',
    'custom_host',
  ],
  ...[
    'azure_resource_name',
    'resource_name',
    'azure_api_version',
    'api_version',
    'azure_deployment_id',
    'deployment_id',
    'azure_model_name',
  ],
  ...['aws_region', 'aws_access_key_id', 'aws_secret_access_key', 'vertex_project_id', 'vertex_region', 'vertex_service_account_json'],
];

const WHY: { readonly [field: string]: string } = {
  cache: 'there is no cache of answers',
  input_guardrails: 'guardrails are policies of the configuration',
  output_guardrails: 'guardrails are policies of the configuration',
  before_request_hooks: 'hooks are policies of the configuration',
  after_request_hooks: 'hooks are policies of the configuration',
  forward_headers: 'which headers go to a provider, the provider says',
  on_status_codes: 'what is tried elsewhere depends on the error, by itself',
  cb_config: 'there is no time for which a target that fails is left out',
  strict_open_ai_compliance: 'answers are in the dialect of the caller',
};

/** A config as virtual models: one under its own name, and for conditions on the model one under each name that they look for. */
export function importConfig({ name, config }: PortkeyConfig, context: ConfigContext): ReadonlyMap<string, ModelPart> {
  const strategy = isObject(config.strategy) ? config.strategy : {};
  noteUnread(`config ${name}`, config, context);
  if (strategy.mode === 'conditional') return conditional(name, config, strategy, context);
  const part = modelPart(name, config, context);
  return new Map(part === undefined ? [] : [[name, part]]);
}

function noteUnread(where: string, part: JsonObject, { notes }: ConfigContext): void {
  for (const [field, value] of Object.entries(part)) {
    if (!READ.includes(field) && !asksNothing(value)) notes.left(`${field} of ${where}`, WHY[field] ?? 'has no counterpart');
  }
  const strategy = isObject(part.strategy) ? part.strategy : {};
  for (const field of ['on_status_codes', 'cb_config'])
    if (!asksNothing(strategy[field])) notes.left(`strategy.${field} of ${where}`, WHY[field] ?? '');
  const retry = isObject(part.retry) ? part.retry : {};
  if (!asksNothing(retry.on_status_codes)) notes.left(`retry.on_status_codes of ${where}`, WHY.on_status_codes ?? '');
  const { model: _, ...parameters } = isObject(part.override_params) ? part.override_params : {};
  for (const parameter of Object.keys(parameters))
    notes.left(`override_params.${parameter} of ${where}`, 'parameters are what callers send: a target adds none');
}

function modelPart(name: string, config: JsonObject, context: ConfigContext): ModelPart | undefined {
  const targets = targetsOf(`config ${name}`, config, context);
  const [only] = targets;
  if (only === undefined) {
    context.notes.left(`config ${name}`, 'none of its targets comes over');
    return undefined;
  }
  const alike = targets.length === 1 || targets.slice(1).every(({ weight }) => weight === 0);
  return {
    ...(alike ? { strategy: 'failover', targets: targets.map(({ model }) => model) } : { strategy: 'weighted', targets }),
    ...attemptsOf(config),
    ...timeoutOf(config),
  };
}

const attemptsOf = ({ retry }: JsonObject): Pick<ModelPart, 'retry'> => {
  const retries = isObject(retry) ? asNumber(retry.attempts) : undefined;
  return retries === undefined ? {} : { retry: { attempts: Math.max(1, Math.min(10, retries + 1)) } };
};

const timeoutOf = ({ request_timeout }: JsonObject): Pick<ModelPart, 'timeout'> => {
  const total = asNumber(request_timeout);
  return total === undefined || total < 1 ? {} : { timeout: { total: Math.min(Math.round(total), 86_400_000) } };
};

const listOf = (part: JsonObject): readonly JsonObject[] => (isArray(part.targets) ? part.targets.filter(isObject) : []);

/** Targets in the order in which they are asked: those with a share, then the others. */
function targetsOf(where: string, part: JsonObject, context: ConfigContext): readonly WeightedTarget[] {
  const inner = listOf(part);
  if (inner.length === 0) return leafOf(where, part, context);
  const mode = isObject(part.strategy) ? asString(part.strategy.mode) : undefined;
  const each = inner.map((target, at) => {
    const place = `target ${asString(target.name) ?? at + 1} of ${where}`;
    noteUnread(place, target, context);
    if (isObject(target.strategy) && target.strategy.mode === 'conditional') {
      context.notes.left(place, 'conditions inside another strategy cannot be told apart by name');
      return [];
    }
    return targetsOf(place, target, context).map((found) => ({ ...found, weight: found.weight * shareOf(target, mode) }));
  });
  if (mode === 'loadbalance') return balanced(where, inner, each, context);
  if (mode === 'single') return each[0] ?? [];
  return inOrder(where, inner, each, context);
}

const shareOf = (target: JsonObject, mode: string | undefined): number => (mode === 'loadbalance' ? (asNumber(target.weight) ?? 1) : 1);

/** One after the other: what comes first keeps its shares, the rest has none. */
function inOrder(
  where: string,
  inner: readonly JsonObject[],
  each: readonly (readonly WeightedTarget[])[],
  { notes }: ConfigContext,
): readonly WeightedTarget[] {
  const [first = [], ...rest] = each.filter((targets) => targets.length > 0);
  const shared = inner.slice(1).find((target) => isObject(target.strategy) && target.strategy.mode === 'loadbalance');
  if (shared !== undefined) notes.changed(where, 'what is balanced behind the first target is asked one after the other');
  return distinct([...first, ...rest.flat().map(({ model }) => ({ model, weight: 0 }))]);
}

function balanced(
  where: string,
  inner: readonly JsonObject[],
  each: readonly (readonly WeightedTarget[])[],
  { notes }: ConfigContext,
): readonly WeightedTarget[] {
  if (inner.some((target) => isObject(target.strategy) && target.strategy.mode === 'fallback')) {
    notes.changed(where, 'fallbacks inside a balanced target come after all of them');
  }
  const all = each.flat();
  return distinct([...all.filter(({ weight }) => weight > 0), ...all.filter(({ weight }) => weight === 0)]);
}

/** A target that is named twice has both shares. */
function distinct(targets: readonly WeightedTarget[]): readonly WeightedTarget[] {
  const weights = new Map<string, number>();
  for (const { model, weight } of targets) weights.set(model, (weights.get(model) ?? 0) + weight);
  return [...weights].map(([model, weight]) => ({ model, weight }));
}

function leafOf(where: string, target: JsonObject, { keys, notes, model: fallback }: ConfigContext): readonly WeightedTarget[] {
  const params = isObject(target.override_params) ? target.override_params : {};
  const named = asString(params.model) ?? asString(target.azure_deployment_id) ?? asString(target.deployment_id) ?? fallback;
  const provider = keys.providerOf(where, target);
  if (provider === undefined) return [];
  if (named === undefined) {
    notes.left(where, 'it takes the model that the caller asks for, and a virtual model names its own: say one with --model');
    return [];
  }
  // `@slug/model`: the model says which credential too.
  return [{ model: `${provider}/${named.replace(/^@[^/]+\//, '')}`, weight: 1 }];
}

/** Conditions on the name of the model are virtual models of these names; nothing else about a call can choose. */
function conditional(name: string, config: JsonObject, strategy: JsonObject, context: ConfigContext): ReadonlyMap<string, ModelPart> {
  const targets = new Map(listOf(config).map((target, at) => [asString(target.name) ?? String(at), target]));
  const found = new Map<string, ModelPart>();
  const put = (model: string, target: string | undefined) => {
    const inner = target === undefined ? undefined : targets.get(target);
    if (inner === undefined) return context.notes.left(`config ${name}`, `it has no target "${target}"`);
    noteUnread(`target ${target} of config ${name}`, inner, context);
    const part = modelPart(`${name} (${target})`, { ...inherited(config), ...inner }, context);
    if (part !== undefined) found.set(model, part);
  };
  for (const condition of isArray(strategy.conditions) ? strategy.conditions.filter(isObject) : []) {
    const models = modelsIn(isObject(condition.query) ? condition.query : {});
    if (models === undefined)
      context.notes.left(`a condition of config ${name}`, `only the name of the model chooses: ${JSON.stringify(condition.query)}`);
    else for (const model of models) put(model, asString(condition.then));
  }
  if (strategy.default !== undefined) put(name, asString(strategy.default));
  return found;
}

const inherited = ({ retry, request_timeout }: JsonObject): JsonObject => ({
  ...(retry === undefined ? {} : { retry }),
  ...(request_timeout === undefined ? {} : { request_timeout }),
});

/** `{"params.model": {"$eq": "fast"}}`, `{"params.model": {"$in": […]}}`. */
function modelsIn(query: JsonObject): readonly string[] | undefined {
  const { 'params.model': condition, ...others } = query;
  if (Object.keys(others).length > 0) return undefined;
  if (typeof condition === 'string') return [condition];
  if (!isObject(condition) || Object.keys(condition).length !== 1) return undefined;
  if (typeof condition.$eq === 'string') return [condition.$eq];
  return isArray(condition.$in) && condition.$in.every((each) => typeof each === 'string') ? condition.$in : undefined;
}
