import type { z } from 'zod';
import type { Dialect, Quirks } from '../core/dialect.ts';
import type { PlanProvider } from '../core/plan.ts';
import type { Secrets } from '../core/ports.ts';
import type { Provider, ProviderSettings } from '../core/provider.ts';
import { baseUrlFor, readBaseUrl } from './base-url.ts';
import { freezeData } from './freeze.ts';
import { compilePrices } from './prices.ts';
import type { Path, Problems } from './problems.ts';
import type { Rolls } from './rolls.ts';
import type { ConfigSchema } from './schema.ts';

export interface ProviderContext {
  readonly revision: number;
  readonly rolls: Rolls;
  readonly local: boolean;
  /** Tells which built-in providers have their credential, and so are shown; absent: none. */
  readonly secrets: Secrets | undefined;
  readonly problems: Problems;
}

type Entry = z.output<ConfigSchema['provider']>;
type Dialects = Provider['dialects'];

/** Every provider that can be named: the built-in ones, then the document's own. */
export function compileProviders(
  listed: ReadonlyMap<string, { readonly path: Path; readonly entry: Entry }>,
  context: ProviderContext,
): ReadonlyMap<string, PlanProvider> {
  const plans = new Map<string, PlanProvider>();
  for (const provider of context.rolls.providers) {
    if (!listed.has(provider.id)) plans.set(provider.id, planOf(provider, [], isReady(provider, context.secrets), context));
  }
  for (const [id, { path, entry }] of listed) {
    const provider = resolve(id, entry, path, context);
    if (provider === undefined) continue;
    checkKey(provider, entry, path, context);
    checkSettings(provider, entry, path, context);
    // What a provider is like, it costs like: until the document says otherwise, that is the better guess for a budget.
    const prices = compilePrices(entry.prices, { ...context, catalogue: entry.like ?? id, path });
    plans.set(id, Object.freeze({ ...planOf(provider, keysOf(entry), true, context, entry.settings), prices, ...operatorsWord(entry) }));
  }
  return plans;
}

function isReady(provider: Provider, secrets: Secrets | undefined): boolean {
  if (provider.respond !== undefined) return true;
  return provider.auth.scheme !== 'none' && provider.secret !== undefined && secrets?.get(provider.secret) !== undefined;
}

/** The document's entry over the built-in provider it stands for or is like. */
function resolve(id: string, entry: Entry, path: Path, context: ProviderContext): Provider | undefined {
  const template = findTemplate(id, entry, path, context);
  if (template === 'unknown') return undefined;
  if (template?.respond !== undefined && entry.baseUrl !== undefined) {
    context.problems.add([...path, 'baseUrl'], `is not used: ${template.id} answers inside the gateway`);
  }
  const baseUrl = resolveBaseUrl(id, entry, template, path, context);
  const dialects = resolveDialects(entry, template, path, context);
  if (baseUrl === undefined || dialects === undefined) return undefined;
  const prefilled = entry.quirks?.prefill?.dialect;
  if (prefilled !== undefined && !Object.hasOwn(dialects, prefilled)) {
    const spoken = Object.keys(dialects).join(', ');
    context.problems.add([...path, 'quirks', 'prefill', 'dialect'], `is none that the provider speaks: ${spoken}`);
  }
  const [first] = keysOf(entry);
  const secret = first?.secret ?? (template?.id === id ? template.secret : usualSecret(id));
  const auth = template === undefined || (template.auth.scheme === 'none' && first !== undefined) ? BEARER : template.auth;
  return {
    // Bare model ids belong to the built-in provider alone: a copy of it must be named.
    ...(template?.id === id ? template : without(template, 'owns')),
    id,
    name: template?.id === id ? template.name : id,
    baseUrl,
    dialects,
    auth,
    ...(secret === undefined ? {} : { secret }),
    headers: { ...template?.headers, ...entry.headers },
    quirks: { ...template?.quirks, ...definedQuirks(entry.quirks) },
  };
}

const BEARER = { scheme: 'bearer' } as const;

type Key = NonNullable<Entry['key']>;

/** The credentials that a document gives, in order. */
const keysOf = ({ key, keys }: Entry): readonly Key[] => keys ?? (key === undefined ? [] : [key]);

/** What only the operator can know of a provider. */
function operatorsWord({ key, region, zeroRetention }: Entry): Pick<PlanProvider, 'passthrough' | 'region' | 'zeroRetention'> {
  return {
    ...(key?.passthrough === true ? { passthrough: true } : {}),
    ...(region === undefined ? {} : { region }),
    ...(zeroRetention === undefined ? {} : { zeroRetention }),
  };
}

/** `my-provider` → `MY_PROVIDER_API_KEY`. A copy never takes the key of what it is like: that key belongs to another address. */
const usualSecret = (id: string) => `${id.toUpperCase().replace(/[^A-Z0-9]+/g, '_')}_API_KEY`;

function without(template: Provider | undefined, field: 'owns'): Omit<Provider, 'owns'> | undefined {
  if (template === undefined) return undefined;
  const { [field]: _, ...rest } = template;
  return rest;
}

function findTemplate(id: string, entry: Entry, path: Path, { rolls, problems }: ProviderContext): Provider | 'unknown' | undefined {
  const builtIn = (name: string) => rolls.providers.find((provider) => provider.id === name);
  if (entry.like !== undefined) {
    const found = builtIn(entry.like);
    if (found !== undefined) return found;
    problems.add([...path, 'like'], `names no built-in provider: ${rolls.providers.map((provider) => provider.id).join(', ')}`);
    return 'unknown';
  }
  const own = builtIn(id);
  if (own !== undefined) return own;
  if (entry.baseUrl !== undefined && entry.dialects !== undefined) return undefined;
  problems.add(path, 'is no built-in provider: say which one it is like, or give both baseUrl and dialects');
  return 'unknown';
}

function resolveBaseUrl(
  id: string,
  entry: Entry,
  template: Provider | undefined,
  path: Path,
  context: ProviderContext,
): string | undefined {
  const text = entry.baseUrl ?? template?.baseUrl;
  if (text === undefined || template?.respond !== undefined) return template?.baseUrl;
  const settings = settingsOf(template, entry.settings);
  // An address without what belongs into it is no address yet: the missing setting is the fault that is told.
  if (entry.baseUrl === undefined && template !== undefined && missingOf(template, settings).length > 0) return text;
  const read = readBaseUrl(filled(text, settings), context.rolls.dialects, context.local);
  if ('url' in read) return read.url;
  const inherited = entry.baseUrl === undefined ? ` (it is ${text} for ${template?.id ?? id})` : '';
  context.problems.add([...path, 'baseUrl'], read.fault + inherited);
  return undefined;
}

/**
 * The entry's own dialects, or the template's. Where the entry moves the base URL, a dialect that the template keeps at
 * an address of its own is left out: calls meant for the new address must not go to the old one.
 */
function resolveDialects(entry: Entry, template: Provider | undefined, path: Path, context: ProviderContext): Dialects | undefined {
  if (entry.dialects !== undefined) return ownDialects(entry.dialects, path, context);
  const inherited = Object.entries(template?.dialects ?? {});
  if (entry.baseUrl === undefined) return Object.fromEntries(inherited);
  const [native, ...others] = inherited;
  const kept = others.filter(([, url]) => url === true);
  return Object.fromEntries(native === undefined ? kept : [[native[0], true as const], ...kept]);
}

function ownDialects(written: NonNullable<Entry['dialects']>, path: Path, context: ProviderContext): Dialects | undefined {
  if (Array.isArray(written)) return Object.fromEntries(written.map((id) => [id, true as const]));
  const entries = Object.entries(written).flatMap(([id, url]) => (url === undefined ? [] : [{ id, url }]));
  if (entries.length === 0) context.problems.add([...path, 'dialects'], 'must name at least one dialect');
  const read: [string, string | true][] = [];
  for (const { id, url } of entries) {
    if (url === true) {
      read.push([id, true]);
      continue;
    }
    const base = readBaseUrl(url, context.rolls.dialects, context.local);
    if ('url' in base) read.push([id, base.url]);
    else context.problems.add([...path, 'dialects', id], base.fault);
  }
  return read.length === 0 ? undefined : Object.fromEntries(read);
}

function definedQuirks(quirks: Entry['quirks']): Quirks {
  return Object.fromEntries(Object.entries(quirks ?? {}).filter(([, value]) => value !== undefined));
}

function checkKey(provider: Provider, entry: Entry, path: Path, { local, problems }: ProviderContext): void {
  for (const [step, key] of (entry.keys ?? []).entries()) {
    if (key.passthrough === true)
      problems.add([...path, 'keys', step], 'is for key alone: where callers bring their own there are no others');
    if (key.value !== undefined && !local) {
      problems.add([...path, 'keys', step, 'value'], 'is for local runs only: use {"secret": "NAME"} and set the secret');
    }
  }
  if (entry.key?.passthrough === true && provider.auth.scheme === 'signed') {
    problems.add([...path, 'key', 'passthrough'], 'is not for providers whose requests are signed: a signature cannot be handed on');
  }
  if (entry.key?.value !== undefined && !local) {
    problems.add([...path, 'key', 'value'], 'is for local runs only: use {"secret": "NAME"} and set the secret');
  }
}

/** The settings given, over the defaults of those that have one. */
function settingsOf(provider: Provider | undefined, given: Entry['settings']): ProviderSettings {
  const defaults = Object.entries(provider?.settings ?? {}).flatMap(([name, setting]) =>
    setting.default === undefined ? [] : [[name, setting.default] as const],
  );
  return Object.freeze({ ...Object.fromEntries(defaults), ...given });
}

const missingOf = (provider: Provider, settings: ProviderSettings) =>
  Object.keys(provider.settings ?? {}).filter((name) => settings[name] === undefined);

function checkSettings(provider: Provider, entry: Entry, path: Path, { problems }: ProviderContext): void {
  const known = Object.keys(provider.settings ?? {});
  for (const name of Object.keys(entry.settings ?? {})) {
    if (!known.includes(name))
      problems.add(
        [...path, 'settings', name],
        `is not a setting of this provider${known.length > 0 ? `: it has ${known.join(', ')}` : ''}`,
      );
  }
  // What the platform binds needs no settings: where nothing is bound, a call says what is missing.
  if (provider.bound !== undefined) return;
  for (const name of missingOf(provider, settingsOf(provider, entry.settings))) {
    problems.add([...path, 'settings', name], `must be given: ${provider.settings?.[name]?.description ?? 'the provider needs it'}`);
  }
}

/** An address with the settings in place of their names; one that is missing stays a name, and no call is made with it. */
const filled = (url: string, settings: ProviderSettings) =>
  url.replace(/\{([a-zA-Z]+)\}/g, (whole, name: string) => settings[name] ?? whole);

function planOf(
  provider: Provider,
  keys: readonly Key[],
  configured: boolean,
  { rolls }: ProviderContext,
  given?: Entry['settings'],
): PlanProvider {
  const settings = settingsOf(provider, given);
  const [first] = keys;
  const needsSecret = provider.auth.scheme !== 'none' && first?.value === undefined && first?.vault === undefined;
  const secretName = needsSecret ? provider.secret : undefined;
  const credentials = first?.passthrough === true ? ['own'] : keys.length < 2 ? ['key'] : keys.map((_, at) => String(at + 1));
  const credential = (secrets: Secrets, name?: string) => {
    const at = name === undefined ? 0 : credentials.indexOf(name);
    const key = keys[at];
    if (key?.vault !== undefined) return secrets.vault?.get(key.vault);
    const secret = at <= 0 ? secretName : key?.secret;
    return key?.value ?? (secret === undefined ? undefined : secrets.get(secret));
  };
  return Object.freeze({
    provider: freezeData(provider),
    dialects: Object.freeze(
      Object.entries(provider.dialects).flatMap(([id, url]) =>
        reach(rolls.dialects, provider, id, filled(url === true ? provider.baseUrl : url, settings)),
      ),
    ),
    settings,
    missing: missingOf(provider, settings),
    credentials: Object.freeze(credentials),
    credential,
    ...(secretName === undefined ? {} : { secretName }),
    ...vaultOf(keys, credentials),
    configured,
  });
}

/** Which of the credentials organisations keep themselves. */
function vaultOf(keys: readonly Key[], credentials: readonly string[]): Pick<PlanProvider, 'vault'> {
  const kept = keys.flatMap(({ vault }, at) => (vault === undefined ? [] : [[credentials[at] ?? '', vault] as const]));
  return kept.length === 0 ? {} : { vault: Object.freeze(Object.fromEntries(kept)) };
}

/** A dialect that a built-in provider lists and that is not on the roll is left out. */
function reach(dialects: readonly Dialect[], { transports }: Provider, id: string, url: string): PlanProvider['dialects'] {
  const dialect = dialects.find((each) => each.id === id);
  if (dialect === undefined) return [];
  const transport = transports?.[id];
  return [Object.freeze({ dialect, baseUrl: baseUrlFor(dialect, url), ...(transport === undefined ? {} : { transport }) })];
}
