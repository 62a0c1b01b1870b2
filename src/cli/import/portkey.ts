import { asString, isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { Misuse, type Shell } from '../shell.ts';
import type { ImportOptions } from './index.ts';
import { type ImportPlan, type ModelPart, Notes, nameOf } from './plan.ts';
import { importConfig, type PortkeyConfig } from './portkey-config.ts';
import { portkeyProviders } from './portkey-providers.ts';
import { importTenants } from './portkey-tenants.ts';
import { VirtualKeys } from './portkey-virtual-keys.ts';
import { notePrices } from './prices.ts';
import { ProviderBook } from './providers.ts';
import { listIn, readJsonFile, sha256Of } from './sources.ts';

const ORG = 'portkey';

/** From configs as JSON, and an export of virtual keys, API keys and workspaces. */
export async function portkeyPlan(files: readonly string[], options: ImportOptions, shell: Shell): Promise<ImportPlan> {
  const paths = [...files, ...(options.configs?.split(',') ?? [])];
  if (paths.length === 0 && options.tables === undefined) {
    throw new Misuse('weir import portkey needs --configs with files of JSON, or --tables with an export.');
  }
  const notes = new Notes();
  const exported: Json = options.tables === undefined ? {} : await readJsonFile(options.tables, shell);
  const tables = isObject(exported) ? exported : { api_keys: exported };
  const configs = (await Promise.all(paths.map(async (path) => configsIn(await readJsonFile(path, shell), path)))).flat();
  const book = new ProviderBook(Object.values(portkeyProviders).map(({ like }) => like));
  const keys = new VirtualKeys(rowsOf(tables, 'virtual_keys', 'virtualKeys', 'providers'), book, notes);
  keys.placeAll();
  const models = modelsOf([...configs, ...rowsOf(tables, 'configs').flatMap((row) => configsIn(row, ''))], {
    keys,
    notes,
    model: options.model,
  });
  const apiKeys = rowsOf(tables, 'api_keys', 'apiKeys', 'keys');
  const hashes = new Map(await Promise.all(apiKeys.flatMap(({ key }) => (typeof key === 'string' ? [hashed(key)] : []))));
  const orgs = importTenants(
    { workspaces: rowsOf(tables, 'workspaces'), apiKeys },
    { org: nameOf(options.org ?? ORG), now: shell.now(), sha256: (text) => hashes.get(text) ?? '' },
    notes,
  );
  notePrices({ config: { providers: book.providers, models }, orgs }, notes);
  const from = `Portkey (${[...paths, options.tables].filter((each) => each !== undefined).join(', ')})`;
  return { from, config: { providers: book.providers, models }, secrets: book.secrets, orgs, notes: notes.list };
}

const hashed = async (key: string) => [key, await sha256Of(key)] as const;

/** A table under one of its names: a list, or an answer of the API that holds one. */
const rowsOf = (tables: JsonObject, ...names: readonly string[]): readonly JsonObject[] =>
  names.flatMap((name) => listIn(tables[name] ?? []));

/** A config by itself, an answer of the API, or a list of them. Throws `Misuse` where it is none. */
function configsIn(value: Json, path: string): readonly PortkeyConfig[] {
  if (isArray(value)) return value.flatMap((each) => configsIn(each, path));
  if (!isObject(value)) throw new Misuse(`${path} holds no config of Portkey's.`);
  if (isObject(value.data) || isArray(value.data)) return configsIn(value.data, path);
  const inner = isObject(value.config) ? value.config : value;
  const file = path
    .split(/[\\/]/)
    .at(-1)
    ?.replace(/\.json$/i, '');
  return [{ name: modelName(asString(value.slug) ?? asString(value.name) ?? file ?? 'portkey'), config: inner }];
}

/** Letters that virtual models have. */
const modelName = (text: string): string => text.replace(/[/\s\p{C}]+/gu, '-').slice(0, 128) || 'portkey';

function modelsOf(configs: readonly PortkeyConfig[], context: Parameters<typeof importConfig>[1]): { readonly [name: string]: ModelPart } {
  const models = new Map<string, ModelPart>();
  for (const config of configs) {
    for (const [name, part] of importConfig(config, context)) {
      if (models.has(name)) context.notes.left(`model ${name} of config ${config.name}`, 'another config has become a model of this name');
      else if (!/^[^/\s\p{C}]{1,128}$/u.test(name))
        context.notes.left(`model ${name} of config ${config.name}`, 'a virtual model has no slash and no space in its name');
      else models.set(name, part);
    }
  }
  return Object.fromEntries(models);
}
