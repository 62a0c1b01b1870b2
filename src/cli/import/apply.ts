import { type AdminClient, ApiError, type Made, type Plural, type Resources } from '../client.ts';
import { isDeepEqual } from './equal.ts';
import { merged } from './merge.ts';
import type { AppPart, ImportPlan, KeyPart, OrgPart, Rules, TeamPart } from './plan.ts';

/** What became of one thing. */
export interface Done {
  readonly kind: 'org' | 'team' | 'app' | 'key';
  readonly name: string;
  /** From the widest, for people: `litellm / core`. */
  readonly path: string;
  readonly state: 'made' | 'there' | 'missing';
  /** Fields in which what is there differs from what would be made. */
  readonly differs: readonly string[];
}

/** A key that was made: the only time that it is seen. */
export interface NewKey {
  readonly old: string;
  readonly id: string;
  readonly key: string;
  /** Whether the old key goes on working. */
  readonly stays: boolean;
}

export interface Applied {
  /** The revision that is served. */
  readonly revision: number;
  readonly added: readonly string[];
  readonly same: readonly string[];
  readonly kept: readonly string[];
  /** What the gateway says of the document; only of one that was not published. */
  readonly problems: readonly { readonly path: string; readonly message: string }[];
  readonly done: readonly Done[];
  readonly keys: readonly NewKey[];
}

/** As a literal key is shown. */
const HIDDEN = '"[redacted]"';

/** Something that is there, or that would be made. */
type Place = { readonly id: string } | undefined;

/**
 * Makes what is missing and leaves alone what is there, however often. `touch: false` only looks.
 * The configuration comes first: a key must not work before its models do.
 */
export async function apply(plan: ImportPlan, client: AdminClient, touch: boolean): Promise<Applied> {
  const { revision, document } = await client.config();
  const { document: next, ...state } = merged(document, plan.config);
  const changes = state.added.length > 0;
  if (changes && touch && JSON.stringify(document).includes(HIDDEN)) {
    throw new ApiError(
      0,
      'The configuration that is served holds literal keys, which cannot be read back: put them into secrets first.',
      [],
    );
  }
  const tried = changes && !touch ? await client.tryConfig(next) : undefined;
  const published = changes && touch ? await client.publish(next, revision, `import from ${plan.from}`.slice(0, 200)) : { revision };
  const hands = new Hands(client, touch);
  for (const org of plan.orgs) await hands.org(org);
  return { ...published, ...state, problems: tried?.problems ?? [], done: hands.done, keys: hands.keys };
}

class Hands {
  readonly done: Done[] = [];
  readonly keys: NewKey[] = [];
  readonly #client: AdminClient;
  readonly #touch: boolean;

  constructor(client: AdminClient, touch: boolean) {
    this.#client = client;
    this.#touch = touch;
  }

  async org(part: OrgPart): Promise<void> {
    const org = await this.#place('orgs', part, {}, { id: undefined }, part.name);
    for (const team of part.teams) await this.#team(team, org, part.name);
  }

  async #team(part: TeamPart, org: Place, above: string): Promise<void> {
    const path = `${above} / ${part.name}`;
    const team = await this.#place('teams', part, { org: org?.id }, org, path);
    for (const app of part.apps) await this.#app(app, team, path);
  }

  async #app(part: AppPart, team: Place, above: string): Promise<void> {
    const path = `${above} / ${part.name}`;
    const app = await this.#place('apps', part, { team: team?.id }, team, path);
    for (const key of part.keys) await this.#key(key, app, `${path} / ${key.name}`);
  }

  async #key(part: KeyPart, app: Place, path: string): Promise<void> {
    const found = await this.#findKey(part, app);
    if (found !== undefined) return this.#record('key', part, path, found);
    if (!this.#touch || app === undefined) return this.#record('key', part, path, undefined);
    const { name, rules, expiresAt, hash, old } = part;
    const made = await this.#client.create('keys', {
      app: app.id,
      name,
      ...rules,
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(hash === undefined ? {} : { importedHash: hash }),
    });
    this.keys.push({ old, id: made.id, key: made.key, stays: hash !== undefined });
    this.#record('key', part, path, 'made');
  }

  /** By the old key where its hash is known, wherever it went; else by its name in the app. */
  async #findKey({ hash, name }: KeyPart, app: Place): Promise<Resources['keys'] | undefined> {
    if (hash !== undefined) return (await this.#client.list('keys', { importedHash: hash })).items[0];
    return app === undefined ? undefined : this.#named('keys', name, { app: app.id });
  }

  /** Finds it among those of its parent, or makes it. */
  async #place<P extends Exclude<Plural, 'keys'>>(
    plural: P,
    part: { readonly name: string; readonly rules: Rules },
    parent: { readonly [level: string]: string | undefined },
    above: Place | { readonly id: undefined },
    path: string,
  ): Promise<Place> {
    const kind = KINDS[plural];
    const within = Object.fromEntries(Object.entries(parent).flatMap(([level, id]) => (id === undefined ? [] : [[level, id]])));
    const found = above === undefined ? undefined : await this.#named(plural, part.name, within);
    if (found !== undefined || !this.#touch) {
      this.#record(kind, part, path, found);
      return found;
    }
    const made: Made[P] = await this.#client.create(plural, { name: part.name, ...within, ...part.rules });
    this.#record(kind, part, path, 'made');
    return made;
  }

  async #named<P extends Plural>(plural: P, name: string, within: { readonly [level: string]: string }): Promise<Resources[P] | undefined> {
    let cursor: string | null = null;
    do {
      const more: { readonly [name: string]: string } = cursor === null ? {} : { cursor };
      const page: { readonly items: readonly Resources[P][]; readonly next: string | null } = await this.#client.list(plural, {
        name,
        limit: '500',
        ...within,
        ...more,
      });
      const found = page.items.find((each) => each.name === name);
      if (found !== undefined) return found;
      cursor = page.next;
    } while (cursor !== null);
    return undefined;
  }

  #record(
    kind: Done['kind'],
    { name, rules }: { readonly name: string; readonly rules: Rules },
    path: string,
    found: Rules | 'made' | undefined,
  ): void {
    const differs = found === undefined || found === 'made' ? [] : FIELDS.filter((field) => !isDeepEqual(found[field], rules[field]));
    const state = found === 'made' ? 'made' : found === undefined ? 'missing' : 'there';
    this.done.push({ kind, name, path, state, differs });
  }
}

const FIELDS = ['limits', 'models', 'metadata', 'disabled'] as const;
const KINDS = { orgs: 'org', teams: 'team', apps: 'app' } as const;
