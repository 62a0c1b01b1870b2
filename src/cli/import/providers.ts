import { isDeepEqual } from './equal.ts';
import { type ProviderPart, type SecretNeeded, unique } from './plan.ts';

/** A provider that a deployment needs. */
export interface WantedProvider {
  /** One that Weir has built in. */
  readonly like: string;
  /** The secret that it reads when nothing else is said; absent where it needs no key. */
  readonly secret?: string;
  /** The name that callers write before a slash, where that is what makes models reachable. */
  readonly id?: string;
  readonly baseUrl?: string;
  /** The secret that this deployment is to read. */
  readonly key?: string;
  readonly headers?: { readonly [name: string]: string };
  readonly settings?: { readonly [name: string]: string };
  /** What stands where its key was, for who sets the secret. */
  readonly about: string;
  /** A key that is written out: it tells providers apart, and goes nowhere. */
  readonly mark?: string;
}

type Body = Omit<ProviderPart, 'prices'>;

interface Placed {
  readonly body: Body;
  readonly mark: string | undefined;
  readonly prices: Map<string, { readonly [rate: string]: number }>;
}

/** Gives every different provider one id, and remembers which secrets they need. */
export class ProviderBook {
  readonly #parts = new Map<string, Placed>();
  readonly #secrets = new Map<string, string>();
  /** Ids that mean something else already. */
  readonly #reserved: ReadonlySet<string>;

  constructor(reserved: readonly string[]) {
    this.#reserved = new Set(reserved);
  }

  /** The id of the provider; `undefined` where the id that it must have is another's. */
  place(wanted: WantedProvider): string | undefined {
    const known = this.#knownAs(wanted);
    if (known !== undefined) return known;
    if (wanted.id !== undefined && this.#parts.has(wanted.id)) return undefined;
    const id = wanted.id ?? this.#newId(wanted);
    const body = bodyOf(wanted, id);
    this.#parts.set(id, { body, mark: wanted.mark, prices: new Map() });
    const secret = secretOf(wanted, id);
    if (secret !== undefined) this.#secrets.set(secret, wanted.about);
    return id;
  }

  price(id: string, model: string, rates: { readonly [rate: string]: number }): void {
    this.#parts.get(id)?.prices.set(model, rates);
  }

  /** Those that the document must name: a built-in one that is as it is built in needs no entry. */
  get providers(): { readonly [id: string]: ProviderPart } {
    return Object.fromEntries(
      [...this.#parts].flatMap(([id, { body, prices }]) => {
        const part: ProviderPart = prices.size === 0 ? body : { ...body, prices: Object.fromEntries(prices) };
        return Object.keys(part).length === 0 ? [] : [[id, part]];
      }),
    );
  }

  get secrets(): readonly SecretNeeded[] {
    return [...this.#secrets].map(([name, about]) => ({ name, about }));
  }

  #knownAs(wanted: WantedProvider): string | undefined {
    for (const [id, { body, mark }] of this.#parts) {
      const same = mark === wanted.mark && isDeepEqual(body, bodyOf(wanted, id));
      if (same && (wanted.id === undefined || wanted.id === id)) return id;
    }
    return undefined;
  }

  #newId({ like, baseUrl }: WantedProvider): string {
    const first = baseUrl === undefined ? like : `${like}-${slugOf(baseUrl)}`;
    return unique(first, new Set([...this.#parts.keys(), ...(first === like ? [] : this.#reserved)]));
  }
}

/** What of a provider the document says under this id. */
function bodyOf({ like, secret, baseUrl, key, headers, settings }: WantedProvider, id: string): Body {
  const own = secret === undefined ? key : secretOf({ like, secret, key }, id);
  return {
    ...(id === like ? {} : { like }),
    ...(baseUrl === undefined ? {} : { baseUrl }),
    ...(own === undefined || (id === like && own === secret) ? {} : { key: { secret: own } }),
    ...(headers === undefined || Object.keys(headers).length === 0 ? {} : { headers }),
    ...(settings === undefined || Object.keys(settings).length === 0 ? {} : { settings }),
  };
}

/** The secret that holds the key: the one named, the built-in provider's, or for a copy of it one of its own. */
function secretOf(
  { like, secret, key }: { like: string; secret?: string | undefined; key?: string | undefined },
  id: string,
): string | undefined {
  if (key !== undefined || secret === undefined) return key;
  return id === like ? secret : `${id.toUpperCase().replace(/[^A-Z0-9]+/g, '_')}_API_KEY`;
}

/** Of an address what tells it from others, in the letters that ids have. */
function slugOf(baseUrl: string): string {
  const { host } = new URL(baseUrl);
  return host
    .replace(/[^A-Za-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .toLowerCase()
    .slice(0, 60);
}
