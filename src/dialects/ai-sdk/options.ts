import type { Chat, Reasoning } from '../../core/chat.ts';
import { optionalObject, present } from '../../core/fields.ts';
import { asNumber, asString, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { ID } from './fields.ts';

type Said = Pick<Chat, 'user' | 'parallelToolCalls' | 'store' | 'reasoning'>;

export interface CallOptions extends Said {
  /** Whether a JSON schema is to be held to the letter. */
  readonly strict?: boolean;
  /** What has no place in the canonical chat, by dialect: of this one, `providerOptions.<provider>.<name>`. */
  readonly extra: { readonly [dialect: string]: JsonObject };
}

/** An option that another dialect has a field for, by its name there. */
const FIELDS: { readonly [provider: string]: { readonly dialect: string; readonly names: { readonly [option: string]: string } } } = {
  openai: {
    dialect: 'openai-chat',
    names: {
      serviceTier: 'service_tier',
      metadata: 'metadata',
      promptCacheKey: 'prompt_cache_key',
      promptCacheRetention: 'prompt_cache_retention',
      safetyIdentifier: 'safety_identifier',
      textVerbosity: 'verbosity',
      prediction: 'prediction',
      logitBias: 'logit_bias',
    },
  },
  google: { dialect: 'gemini', names: { safetySettings: 'safetySettings', cachedContent: 'cachedContent' } },
};

/** Options that were read into the canonical chat, and so are left over nowhere. */
const READ: ReadonlySet<string> = new Set([
  'gateway.user',
  'openai.user',
  'openai.parallelToolCalls',
  'openai.store',
  'openai.reasoningEffort',
  'openai.strictJsonSchema',
  'anthropic.thinking',
  'anthropic.effort',
  'anthropic.disableParallelToolUse',
  'google.thinkingConfig',
]);

/**
 * The options of a call by provider. They are meant for the vendor whose name they bear; what means the same elsewhere is
 * understood for every vendor, since the caller need not know which one answers.
 */
export function readOptions(value: Json | undefined): CallOptions {
  const options = optionalObject(value, 'providerOptions') ?? {};
  const of = (provider: string): JsonObject => (isObject(options[provider]) ? options[provider] : {});
  const { openai, anthropic, gateway } = { openai: of('openai'), anthropic: of('anthropic'), gateway: of('gateway') };
  const serial = asBoolean(anthropic.disableParallelToolUse);
  const extra = leftOver(options);
  const strict = asBoolean(openai.strictJsonSchema);
  return {
    ...present({
      user: asString(gateway.user) ?? asString(openai.user),
      parallelToolCalls: asBoolean(openai.parallelToolCalls) ?? (serial === undefined ? undefined : !serial),
      store: openai.store === false ? (false as const) : undefined,
      reasoning: readReasoning(openai, anthropic, of('google')),
      strict,
    }),
    extra,
  };
}

const asBoolean = (value: Json | undefined) => (typeof value === 'boolean' ? value : undefined);

const MODES = { enabled: 'enabled', adaptive: 'adaptive', disabled: 'disabled' } as const;

function readReasoning(openai: JsonObject, anthropic: JsonObject, google: JsonObject): Reasoning | undefined {
  const thinking = isObject(anthropic.thinking) ? anthropic.thinking : {};
  const config = isObject(google.thinkingConfig) ? google.thinkingConfig : {};
  const budget = asNumber(thinking.budgetTokens) ?? asNumber(config.thinkingBudget);
  const { type } = thinking;
  const reasoning: Reasoning = present({
    effort: asString(openai.reasoningEffort) ?? asString(anthropic.effort) ?? asString(config.thinkingLevel),
    mode: type === 'enabled' || type === 'adaptive' || type === 'disabled' ? MODES[type] : budgetMode(budget),
    budgetTokens: budget !== undefined && budget > 0 ? budget : undefined,
  });
  return Object.keys(reasoning).length === 0 ? undefined : reasoning;
}

/** Gemini's own words: 0 is no thinking, -1 as much as the model likes. */
function budgetMode(budget: number | undefined): Reasoning['mode'] {
  if (budget === undefined) return undefined;
  if (budget === 0) return 'disabled';
  return budget < 0 ? 'adaptive' : 'enabled';
}

function leftOver(options: JsonObject): { readonly [dialect: string]: JsonObject } {
  const extra: { [dialect: string]: { [field: string]: Json } } = {};
  const put = (dialect: string, field: string, value: Json) => {
    extra[dialect] ??= {};
    extra[dialect][field] = value;
  };
  for (const [provider, settings] of Object.entries(options)) {
    for (const [name, value] of Object.entries(isObject(settings) ? settings : {})) {
      if (value === undefined || value === null || READ.has(`${provider}.${name}`)) continue;
      const other = FIELDS[provider];
      const field = other?.names[name];
      if (other !== undefined && field !== undefined) put(other.dialect, field, value);
      else put(ID, `${PREFIX}${provider}.${name}`, value);
    }
  }
  const { thinkingConfig } = isObject(options.google) ? options.google : {};
  if (isObject(thinkingConfig) && thinkingConfig.includeThoughts !== undefined) {
    put('gemini', 'generationConfig.thinkingConfig.includeThoughts', thinkingConfig.includeThoughts);
  }
  return extra;
}

const PREFIX = 'providerOptions.';

/** The options of a call, with what was left over of the caller's own. */
export function writeOptions(chat: Chat, own: JsonObject): JsonObject | undefined {
  const { reasoning, parallelToolCalls, user, store, responseFormat } = chat;
  const thinking = present({ type: reasoning?.mode, budgetTokens: reasoning?.budgetTokens });
  const strict = responseFormat?.type === 'schema' ? responseFormat.strict : undefined;
  const said: { [provider: string]: JsonObject } = {
    openai: present({ parallelToolCalls, store, strictJsonSchema: strict }),
    anthropic: Object.keys(thinking).length === 0 ? {} : { thinking },
    gateway: present({ user }),
  };
  for (const [path, value] of Object.entries(own)) {
    const [, provider, name] = /^providerOptions\.([^.]+)\.(.+)$/s.exec(path) ?? [];
    if (provider !== undefined && name !== undefined) said[provider] = { ...said[provider], [name]: value };
  }
  const spoken = Object.entries(said).filter(([, settings]) => Object.keys(settings).length > 0);
  return spoken.length === 0 ? undefined : Object.fromEntries(spoken);
}
