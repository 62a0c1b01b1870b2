import { asksNothing } from '../../admin/litellm/fields.ts';
import type { LitellmLimits } from '../../admin/litellm/limits.ts';
import { asNumber, asString, isArray, isObject, type JsonObject } from '../../core/json.ts';
import type { Notes } from './plan.ts';

/** What the settings of a proxy say that Weir has too. */
export interface Settings {
  /** Names of model groups after each one, and after all of them under `*`. */
  readonly fallbacks: ReadonlyMap<string, readonly string[]>;
  /** Names of groups by other names of theirs. */
  readonly aliases: ReadonlyMap<string, string>;
  readonly attempts?: number;
  /** Milliseconds. */
  readonly timeout: { readonly total?: number; readonly firstToken?: number };
  /** Of everything together. */
  readonly limits: LitellmLimits;
  readonly zone?: string;
}

const NOT_NEEDED = 'is not needed: the gateway keeps its own state';
const LOGGING = 'calls are logged by the gateway itself: GET /admin/v1/requests, /metrics';
const CACHE = 'there is no cache of answers';
const ROUTING = 'virtual models say how targets are chosen';

/** Settings that are read, or that need a word of their own, by where they stand. */
const WHY: { readonly [setting: string]: string } = {
  master_key: 'the secret WEIR_ADMIN_TOKEN has its place',
  database_url: NOT_NEEDED,
  salt_key: NOT_NEEDED,
  store_model_in_db: 'the configuration is stored, by revision',
  callbacks: LOGGING,
  success_callback: LOGGING,
  failure_callback: LOGGING,
  service_callbacks: LOGGING,
  cache: CACHE,
  cache_params: CACHE,
  drop_params: 'not needed: what a translation cannot carry is left out and named in x-weir-loss',
  modify_params: 'not needed: dialects are translated',
  context_window_fallbacks: 'a call that is too long is the caller’s error: nothing else is tried',
  content_policy_fallbacks: 'an answer that was refused is an answer: nothing else is tried',
  allowed_fails: 'a target that fails is passed over in the call at hand; there is no time for which it is left out',
  cooldown_time: 'a target that fails is passed over in the call at hand; there is no time for which it is left out',
  allowed_fails_policy: 'a target that fails is passed over in the call at hand; there is no time for which it is left out',
  retry_policy: 'what is tried again depends on the error, by itself',
  routing_strategy_args: ROUTING,
  enable_pre_call_checks: ROUTING,
  redis_host: NOT_NEEDED,
  redis_port: NOT_NEEDED,
  redis_password: NOT_NEEDED,
  redis_url: NOT_NEEDED,
  default_team_settings: 'teams are made by the admin API, each with its own rules',
  default_internal_user_params: 'there are no users to whom defaults could be given',
  default_key_generate_params: 'keys are made with what is asked for: limits for all stand on the team or the organisation',
  upperbound_key_generate_params: 'keys are made with what is asked for: limits for all stand on the team or the organisation',
  max_parallel_requests: 'a limit of every key alike is written on each key',
  environment_variables: 'set what is secret as secrets of the Worker',
};

const READ: { readonly [section: string]: readonly string[] } = {
  router_settings: ['fallbacks', 'default_fallbacks', 'model_group_alias', 'num_retries', 'timeout', 'stream_timeout', 'routing_strategy'],
  litellm_settings: ['fallbacks', 'default_fallbacks', 'num_retries', 'request_timeout', 'max_budget', 'budget_duration', 'timezone'],
  general_settings: ['global_max_parallel_requests'],
};
const SECTIONS: readonly string[] = ['model_list', 'credential_list', ...Object.keys(READ)];

export function readSettings(config: JsonObject, notes: Notes): Settings {
  const [router, litellm, general] = ['router_settings', 'litellm_settings', 'general_settings'].map((name) =>
    section(config, name, notes),
  );
  for (const [name, value] of Object.entries(config)) {
    if (!SECTIONS.includes(name) && !asksNothing(value)) notes.left(name, WHY[name] ?? 'has no counterpart');
  }
  const both = { ...litellm, ...router };
  const strategy = asString(both.routing_strategy) ?? 'simple-shuffle';
  if (strategy !== 'simple-shuffle') {
    notes.changed(
      `router_settings.routing_strategy ${strategy}`,
      'targets of a group are drawn by weight; the order by what they are doing is not kept',
    );
  }
  const retries = asNumber(both.num_retries);
  if (retries !== undefined) notes.changed(`num_retries ${retries}`, `${Math.min(retries + 1, 10)} attempts at each target, then the next`);
  return {
    fallbacks: fallbacksIn(both, notes),
    aliases: aliasesIn(both, notes),
    ...(retries === undefined ? {} : { attempts: Math.max(1, Math.min(retries + 1, 10)) }),
    timeout: timeoutsIn(both),
    limits: limitsIn(litellm ?? {}, general ?? {}),
    ...(typeof litellm?.timezone === 'string' ? { zone: litellm.timezone } : {}),
  };
}

/** Time limits are an hour at most for a first token, a day in all. */
function timeoutsIn(settings: JsonObject): Settings['timeout'] {
  const total = milliseconds(asNumber(settings.timeout) ?? asNumber(settings.request_timeout), 86_400_000);
  const firstToken = milliseconds(asNumber(settings.stream_timeout), 3_600_000);
  return { ...(total === undefined ? {} : { total }), ...(firstToken === undefined ? {} : { firstToken }) };
}

const milliseconds = (seconds: number | undefined, most: number): number | undefined =>
  seconds === undefined || seconds <= 0 ? undefined : Math.min(Math.max(1, Math.round(seconds * 1_000)), most);

function limitsIn(litellm: JsonObject, general: JsonObject): LitellmLimits {
  const amount = asNumber(litellm.max_budget);
  const duration = asString(litellm.budget_duration);
  const parallel = asNumber(general.global_max_parallel_requests);
  return {
    ...(amount === undefined ? {} : { max_budget: amount }),
    ...(duration === undefined || amount === undefined ? {} : { budget_duration: duration }),
    ...(parallel === undefined ? {} : { max_parallel_requests: parallel }),
  };
}

/** One section; everything in it that is not read is noted. */
function section(config: JsonObject, name: string, notes: Notes): JsonObject {
  const found = config[name];
  if (!isObject(found)) return {};
  for (const [setting, value] of Object.entries(found)) {
    if (READ[name]?.includes(setting) !== true && !asksNothing(value))
      notes.left(`${name}.${setting}`, WHY[setting] ?? 'has no counterpart');
  }
  return found;
}

/** `[{"gpt-4": ["claude"]}]`, and `default_fallbacks` for those that have none. */
function fallbacksIn(settings: JsonObject, notes: Notes): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const entry of isArray(settings.fallbacks) ? settings.fallbacks : []) {
    for (const [group, others] of Object.entries(isObject(entry) ? entry : {})) {
      const names = isArray(others) ? others.flatMap((each) => asString(each) ?? []) : [];
      if (isArray(others) && names.length < others.length) notes.left(`a fallback of ${group}`, 'a fallback is the name of a model group');
      found.set(group, names);
    }
  }
  const all = isArray(settings.default_fallbacks) ? settings.default_fallbacks.flatMap((each) => asString(each) ?? []) : [];
  if (all.length > 0 && !found.has('*')) found.set('*', all);
  return found;
}

function aliasesIn({ model_group_alias: written }: JsonObject, notes: Notes): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [alias, value] of Object.entries(isObject(written) ? written : {})) {
    const group = isObject(value) ? asString(value.model) : asString(value);
    if (group === undefined) notes.left(`model_group_alias ${alias}`, 'an alias is the name of a model group');
    else found.set(alias, group);
    if (isObject(value) && value.hidden === true)
      notes.changed(`model_group_alias ${alias}`, 'it is hidden there, and listed by GET /v1/models here');
  }
  return found;
}
