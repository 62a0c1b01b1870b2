import { asString, isArray, isObject, type JsonObject } from '../../core/json.ts';
import { type Deployment, type DeploymentContext, deploymentOf } from './litellm-deployments.ts';
import { litellmProviders } from './litellm-providers.ts';
import { readSettings, type Settings } from './litellm-settings.ts';
import type { ConfigPart, ModelPart, Notes, SecretNeeded, WeightedTarget } from './plan.ts';
import { ProviderBook } from './providers.ts';

export interface ConfigImport {
  readonly config: ConfigPart;
  readonly secrets: readonly SecretNeeded[];
  readonly settings: Settings;
  /** Names of models by the names of the access groups that they are in. */
  readonly accessGroups: ReadonlyMap<string, readonly string[]>;
}

interface Entry {
  readonly name: string;
  readonly entry: JsonObject;
}

const WILDCARD = /^([^/*]+)\/\*$/;
const VIRTUAL = /^[^/\s\p{C}]{1,128}$/u;
/** Weights are a million at most. */
const MOST_WEIGHT = 1_000_000;

/** A proxy's config.yaml, as it is once it is parsed, in parts of a configuration of Weir's. */
export function importConfig(config: JsonObject, env: DeploymentContext['env'], notes: Notes): ConfigImport {
  const settings = readSettings(config, notes);
  const entries = entriesIn(config, notes);
  const likes = Object.values(litellmProviders).map(({ like }) => like);
  const context: DeploymentContext = { book: new ProviderBook(likes), notes, env, credentials: credentialsIn(config) };
  // First: their names are what callers write, so the providers must be called so.
  for (const { name, entry } of entries.filter(({ name }) => name.includes('*'))) wildcard(name, entry, context);
  const groups = new Map<string, Deployment[]>();
  for (const { name, entry } of entries.filter(({ name }) => !name.includes('*'))) {
    const deployment = deploymentOf(name, entry, context);
    if (deployment !== undefined) groups.set(name, [...(groups.get(name) ?? []), deployment]);
  }
  const models = modelsOf(groups, settings, notes);
  return {
    config: { providers: context.book.providers, models },
    secrets: context.book.secrets,
    settings,
    accessGroups: accessGroupsIn(entries),
  };
}

function entriesIn(config: JsonObject, notes: Notes): readonly Entry[] {
  const list = isArray(config.model_list) ? config.model_list : [];
  return list.flatMap((each, at) => {
    const name = isObject(each) ? asString(each.model_name) : undefined;
    if (isObject(each) && name !== undefined) return [{ name, entry: each }];
    notes.left(`model_list[${at}]`, 'has no model_name');
    return [];
  });
}

function credentialsIn({ credential_list: list }: JsonObject): ReadonlyMap<string, JsonObject> {
  const entries = (isArray(list) ? list : []).flatMap((each) => {
    const name = isObject(each) ? asString(each.credential_name) : undefined;
    return isObject(each) && name !== undefined && isObject(each.credential_values) ? [[name, each.credential_values] as const] : [];
  });
  return new Map(entries);
}

/** `openai/*`: any model of a provider, under the name that stands before the slash. */
function wildcard(name: string, entry: JsonObject, context: DeploymentContext): void {
  const params = isObject(entry.litellm_params) ? entry.litellm_params : {};
  const id = WILDCARD.exec(name)?.[1];
  if (id === undefined || !WILDCARD.test(asString(params.model) ?? '')) {
    context.notes.left(`model ${name}`, 'callers name any model as provider/model; there are no other patterns');
    return;
  }
  deploymentOf(name, entry, context, id);
}

function accessGroupsIn(entries: readonly Entry[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const { name, entry } of entries) {
    const groups = isObject(entry.model_info) && isArray(entry.model_info.access_groups) ? entry.model_info.access_groups : [];
    for (const group of groups.flatMap((each) => asString(each) ?? [])) found.set(group, [...(found.get(group) ?? []), name]);
  }
  return found;
}

function modelsOf(groups: ReadonlyMap<string, readonly Deployment[]>, settings: Settings, notes: Notes): ConfigPart['models'] {
  const models: { [name: string]: ModelPart } = {};
  for (const [name, deployments] of groups) {
    const part = modelPart(name, deployments, groups, settings, notes);
    if (VIRTUAL.test(name)) models[name] = part;
    else if (!isItself(name, part))
      notes.left(`model ${name}`, 'a virtual model has no slash and no space in its name: callers who ask for it must ask for another');
  }
  for (const [alias, group] of settings.aliases) {
    const part = models[group];
    if (part !== undefined && VIRTUAL.test(alias)) models[alias] = part;
    else
      notes.left(
        `model_group_alias ${alias}`,
        part === undefined ? `there is no model group "${group}"` : 'a virtual model has no slash and no space in its name',
      );
  }
  return models;
}

/** `provider/model` works without being listed. */
const isItself = (name: string, { targets }: ModelPart) => targets.length === 1 && targets[0] === name;

function modelPart(
  name: string,
  deployments: readonly Deployment[],
  groups: ReadonlyMap<string, readonly Deployment[]>,
  settings: Settings,
  notes: Notes,
): ModelPart {
  const own = shared(name, deployments, notes);
  const known = new Set(own.map(({ model }) => model));
  const others = (settings.fallbacks.get(name) ?? settings.fallbacks.get('*') ?? []).flatMap((group) => {
    if (group === name) return [];
    const found = groups.get(group);
    if (found === undefined) notes.left(`fallback ${group} of ${name}`, 'there is no model group of that name');
    return (found ?? []).flatMap(({ target }) => (known.has(target) ? [] : [target]));
  });
  const last = [...new Set(others)];
  return {
    ...(own.length === 1
      ? { strategy: 'failover' as const, targets: [...own.map(({ model }) => model), ...last] }
      : { strategy: 'weighted' as const, targets: [...own, ...last.map((model) => ({ model, weight: 0 }))] }),
    ...(settings.attempts === undefined ? {} : { retry: { attempts: settings.attempts } }),
    ...(Object.keys(settings.timeout).length === 0 ? {} : { timeout: settings.timeout }),
  };
}

/** The deployments of a group with their shares: by weight where one has it, else by requests, else by tokens, else alike. */
function shared(name: string, deployments: readonly Deployment[], notes: Notes): readonly WeightedTarget[] {
  const by = (['weight', 'rpm', 'tpm'] as const).find((field) => deployments.some((each) => each[field] !== undefined));
  for (const field of ['rpm', 'tpm'] as const) {
    if (!deployments.some((each) => each[field] !== undefined)) continue;
    const use = by === field && deployments.length > 1 ? 'is the share of each target; ' : '';
    notes.changed(
      `litellm_params.${field} of ${name}`,
      `${use}a provider has no rate limit of its own: limits are of keys, apps, teams and organisations`,
    );
  }
  const first = Math.min(...deployments.map(({ order }) => order ?? 1));
  const weights = deployments.map((each) => ((each.order ?? 1) > first ? 0 : by === undefined ? 1 : (each[by] ?? 0)));
  const most = Math.max(...weights);
  const scale = most > MOST_WEIGHT ? MOST_WEIGHT / most : 1;
  const targets = new Map<string, number>();
  deployments.forEach(({ target }, at) => {
    targets.set(target, (targets.get(target) ?? 0) + (weights[at] ?? 0) * scale);
  });
  return [...targets].map(([model, weight]) => ({ model, weight }));
}
