import { ORG } from '../../admin/litellm/places.ts';
import type { JsonObject } from '../../core/json.ts';
import { Misuse, type Shell } from '../shell.ts';
import type { ImportOptions } from './index.ts';
import { importConfig } from './litellm-config.ts';
import { type LitellmTables, modelsOf, NO_TABLES, type ProxyOptions, tablesIn, tablesOf } from './litellm-source.ts';
import { importTenants } from './litellm-tenants.ts';
import { type ImportPlan, Notes, nameOf } from './plan.ts';
import { notePrices } from './prices.ts';
import { readJsonFile, readYamlFile, sha256Of } from './sources.ts';

/** From a proxy's config.yaml, an export of its tables, a running proxy, or several of them. */
export async function litellmPlan(files: readonly string[], options: ImportOptions, shell: Shell): Promise<ImportPlan> {
  const [file, ...more] = files;
  if (more.length > 0) throw new Misuse(`"${more.join(' ')}" is too much: weir import litellm takes one config.yaml.`);
  const proxy = proxyOf(options, shell);
  if (file === undefined && proxy === undefined && options.tables === undefined) {
    throw new Misuse('weir import litellm needs a config.yaml, --tables with an export, or --url with --key of a running proxy.');
  }
  const notes = new Notes();
  const written: JsonObject =
    file === undefined ? (proxy === undefined ? {} : await modelsOf(proxy, notes)) : await readYamlFile(file, shell);
  const { config, secrets, settings, accessGroups } = importConfig(written, shell.env, notes);
  const tables = await tablesFrom(options, proxy, shell, notes);
  const org = nameOf(options.org ?? ORG);
  const sha256 = await hasher(tables);
  const { limits, zone } = settings;
  const orgs = importTenants(tables, { org, limits, zone, accessGroups, now: shell.now(), sha256 }, notes);
  notePrices({ config, orgs }, notes);
  const from = [file, options.tables, proxy?.url].filter((each) => each !== undefined).join(', ');
  return { from: `LiteLLM (${from})`, config, secrets, orgs, notes: notes.list };
}

function proxyOf({ url, key }: ImportOptions, { env, fetch }: Shell): ProxyOptions | undefined {
  if (url === undefined) return undefined;
  const master = key ?? env.LITELLM_MASTER_KEY;
  if (master === undefined || master === '') throw new Misuse('--url needs --key, or LITELLM_MASTER_KEY in the environment.');
  return { url, key: master, fetch };
}

async function tablesFrom(
  { tables: path }: ImportOptions,
  proxy: ProxyOptions | undefined,
  shell: Shell,
  notes: Notes,
): Promise<LitellmTables> {
  if (path !== undefined) {
    const tables = tablesIn(await readJsonFile(path, shell));
    if (tables === undefined) throw new Misuse(`${path} holds no tables: an object with keys, teams, users, or a list of keys.`);
    return tables;
  }
  return proxy === undefined ? NO_TABLES : tablesOf(proxy, notes);
}

/** The hashes of keys that stand in the tables as they are, made beforehand: hashing waits, and mapping does not. */
async function hasher({ keys }: LitellmTables): Promise<(text: string) => string> {
  const texts = keys.flatMap(({ token, key }) => [token, key].filter((each) => typeof each === 'string'));
  const hashes = new Map(await Promise.all(texts.map(async (each) => [each, await sha256Of(each)] as const)));
  return (text) => hashes.get(text) ?? '';
}
