import { asksNothing } from '../../admin/litellm/fields.ts';
import { asString, isObject, type JsonObject } from '../../core/json.ts';
import type { Notes } from './plan.ts';
import { portkeyProviders } from './portkey-providers.ts';
import type { ProviderBook, WantedProvider } from './providers.ts';

/** Credentials of providers by the names that configs call them by, and what they are put down as. */
export class VirtualKeys {
  readonly #rows: ReadonlyMap<string, JsonObject>;
  readonly #book: ProviderBook;
  readonly #notes: Notes;

  constructor(rows: readonly JsonObject[], book: ProviderBook, notes: Notes) {
    this.#rows = new Map(rows.flatMap((row) => (asString(row.slug) === undefined ? [] : [[asString(row.slug) ?? '', row] as const])));
    this.#book = book;
    this.#notes = notes;
  }

  /** All that there are, so that callers find them under their names: `@slug/model` is read as `slug/model`. */
  placeAll(): void {
    for (const [slug, row] of this.#rows) this.#placeRow(slug, row);
  }

  /** The provider of a target; `undefined`, with a note, where it is not known. */
  providerOf(where: string, target: JsonObject): string | undefined {
    const named = asString(target.virtual_key) ?? atSlug(asString(target.provider));
    if (named === undefined) return this.#placeTarget(where, target);
    const row = this.#rows.get(named);
    if (row !== undefined) return this.#placeRow(named, row);
    const provider = atSlug(asString(target.provider)) === undefined ? asString(target.provider) : undefined;
    if (provider === undefined) {
      this.#notes.left(where, `the virtual key "${named}" is not among those that were exported: which provider it is for is not known`);
      return undefined;
    }
    return this.#place(where, { ...target, provider }, { id: named, about: `the key behind the virtual key ${named}` });
  }

  #placeRow(slug: string, row: JsonObject): string | undefined {
    const what = `virtual key ${slug}`;
    const provider = asString(row.provider) ?? asString(row.ai_provider_name) ?? asString(row.ai_provider);
    for (const field of ['usage_limits', 'rate_limits'] as const) {
      if (!asksNothing(row[field]))
        this.#notes.left(`${field} of ${what}`, 'a provider has no limits of its own: limits are of keys, apps, teams and organisations');
    }
    if (!asksNothing(row.expires_at)) this.#notes.left(`expires_at of ${what}`, 'the key of a provider does not expire here');
    const settings = isObject(row.model_config) ? row.model_config : {};
    return this.#place(
      what,
      { ...camelless(settings), provider: provider?.toLowerCase().replaceAll(' ', '-') ?? null },
      { id: slug, about: `the key behind the ${what}` },
    );
  }

  /** `provider` and `api_key` in the target itself. */
  #placeTarget(where: string, target: JsonObject): string | undefined {
    const key = asString(target.api_key);
    return this.#place(where, target, {
      about: key === undefined ? 'what callers sent as the key of the provider' : 'the key that is written out in the config',
      ...(key === undefined ? {} : { mark: key }),
    });
  }

  #place(where: string, target: JsonObject, more: Pick<WantedProvider, 'id' | 'about' | 'mark'>): string | undefined {
    const name = asString(target.provider);
    const known = name === undefined ? undefined : portkeyProviders[name];
    if (known === undefined) {
      this.#notes.left(where, name === undefined ? 'it names no provider' : `there is no provider "${name}"`);
      return undefined;
    }
    const address = asString(target.custom_host)?.replace(/\/+$/, '');
    const settings = settingsOf(known.like, target);
    const id = this.#book.place({
      ...known,
      ...more,
      ...(address === undefined || !URL.canParse(address) ? {} : { baseUrl: address }),
      ...(settings === undefined ? {} : { settings }),
    });
    if (id === undefined) this.#notes.left(where, `there is a provider "${more.id}" already, with another key or address`);
    return id;
  }
}

/** `@slug`: Portkey's newer way to name a credential, where a provider's name stood. */
const atSlug = (name: string | undefined): string | undefined => (name?.startsWith('@') === true ? name.slice(1) : undefined);

/** `resourceName` as `resource_name`, in which configs write it. */
const camelless = (row: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]));

/** What of an address or a signature Portkey keeps beside the key. */
function settingsOf(like: string, target: JsonObject): { readonly [name: string]: string } | undefined {
  const pairs: { readonly [setting: string]: string | undefined } =
    like === 'azure'
      ? {
          resource: asString(target.azure_resource_name) ?? asString(target.resource_name) ?? 'own-address',
          apiVersion: asString(target.azure_api_version) ?? asString(target.api_version),
        }
      : like === 'bedrock'
        ? { region: asString(target.aws_region) }
        : like === 'vertex'
          ? { project: asString(target.vertex_project_id), location: asString(target.vertex_region) }
          : {};
  const given = Object.entries(pairs).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  return given.length === 0 ? undefined : Object.fromEntries(given);
}
