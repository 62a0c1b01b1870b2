import type { LimitDocument } from '../../admin/litellm/limits.ts';

/** What comes from another gateway, before anything is done. */
export interface ImportPlan {
  /** Where it comes from, for people: `LiteLLM (config.yaml)`. */
  readonly from: string;
  readonly config: ConfigPart;
  readonly secrets: readonly SecretNeeded[];
  readonly orgs: readonly OrgPart[];
  readonly notes: readonly Note[];
}

/** Parts of a configuration document, to be put beside what a gateway has. */
export interface ConfigPart {
  readonly providers: { readonly [id: string]: ProviderPart };
  readonly models: { readonly [name: string]: ModelPart };
}

export interface ProviderPart {
  readonly like?: string;
  readonly baseUrl?: string;
  readonly key?: { readonly secret: string };
  readonly headers?: { readonly [name: string]: string };
  readonly settings?: { readonly [name: string]: string };
  readonly prices?: { readonly [model: string]: { readonly [rate: string]: number } };
}

export interface WeightedTarget {
  readonly model: string;
  readonly weight: number;
}

export interface ModelPart {
  readonly strategy: 'failover' | 'weighted';
  readonly targets: readonly (string | WeightedTarget)[];
  readonly retry?: { readonly attempts: number };
  readonly timeout?: { readonly firstToken?: number; readonly total?: number };
}

/** A secret that the gateway must have: imports never carry keys of providers. */
export interface SecretNeeded {
  readonly name: string;
  /** What it is, for who sets it. */
  readonly about: string;
}

/** What levels have in common, as the admin API takes it. */
export interface Rules {
  readonly limits: readonly LimitDocument[];
  readonly models: readonly string[] | null;
  readonly metadata: { readonly [name: string]: string | number | boolean | null };
  readonly disabled: boolean;
}

interface Part {
  /** Unique among its siblings. */
  readonly name: string;
  readonly rules: Rules;
}

export interface OrgPart extends Part {
  readonly teams: readonly TeamPart[];
}
export interface TeamPart extends Part {
  readonly apps: readonly AppPart[];
}
export interface AppPart extends Part {
  readonly keys: readonly KeyPart[];
}
export interface KeyPart extends Part {
  /** How people know the old key. */
  readonly old: string;
  /** The SHA-256 of the old key in hex, where it is known: then the old key goes on working. */
  readonly hash?: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number;
}

/** Something that does not come over as it was. */
export interface Note {
  /** `changed`: it comes over as something else. `left`: it does not come over. */
  readonly kind: 'changed' | 'left';
  readonly what: string;
  readonly why: string;
}

export const NO_RULES: Rules = { limits: [], models: null, metadata: {}, disabled: false };

/** Gathers what people must be told, each thing once. */
export class Notes {
  readonly #list: Note[] = [];

  changed(what: string, why: string): void {
    this.#add({ kind: 'changed', what, why });
  }

  left(what: string, why: string): void {
    this.#add({ kind: 'left', what, why });
  }

  get list(): readonly Note[] {
    return this.#list;
  }

  #add(note: Note): void {
    if (!this.#list.some(({ kind, what, why }) => kind === note.kind && what === note.what && why === note.why)) this.#list.push(note);
  }
}

/** A text that may be a name: without control characters, and no longer than names may be. */
export const nameOf = (text: string): string =>
  text
    .replace(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, 128) || 'unnamed';

/** A name that none of these is. */
export function unique(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name;
  for (let at = 2; ; at++) {
    const next = `${name.slice(0, 120)}-${at}`;
    if (!taken.has(next)) return next;
  }
}
