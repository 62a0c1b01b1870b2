import { z } from 'zod';
import type { Rule } from '../../../core/cel/rule.ts';
import { globOf } from '../../../core/glob.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../../core/json.ts';
import { TAGS } from '../sources/source.ts';
import { type CallerFacts, callerRule, condition } from './caller.ts';

const glob = z.string().min(1).max(256);
const globs = z.union([glob, z.array(glob).min(1).max(256)]);

const HINTS = ['readOnlyHint', 'destructiveHint', 'idempotentHint', 'openWorldHint'] as const;
type Hint = (typeof HINTS)[number];

const when = condition.optional().describe('For whom the entry is there; everybody when absent.');
const isSomething = (entry: object) => Object.keys(entry).length > 0;
const nothing = { error: 'must say something: name, annotations, tag or when' };

const toolEntry = z
  .strictObject({
    name: globs.optional().describe('Names, with * for any text; case does not count.'),
    annotations: z
      .strictObject({
        readOnlyHint: z.boolean().optional(),
        destructiveHint: z.boolean().optional(),
        idempotentHint: z.boolean().optional(),
        openWorldHint: z.boolean().optional(),
      })
      .optional()
      .describe('What the tool says of itself; what it does not say is as the protocol has it.'),
    tag: globs.optional().describe('One of its tags, with * for any text.'),
    when,
  })
  .refine(isSomething, nothing);
const promptEntry = z.strictObject({ name: globs.optional(), tag: globs.optional(), when }).refine(isSomething, nothing);
const resourceEntry = z
  .strictObject({ uri: globs.optional().describe('Addresses, with * for any text; case does not count.'), when })
  .refine(isSomething, nothing);

const listsOf = <Entry extends z.ZodType>(entry: Entry) => {
  const list = z.array(z.union([glob, entry])).max(256);
  return z
    .strictObject({
      allow: list.optional().describe('Only what an entry is about is there.'),
      deny: list.optional().describe('What an entry is about is not there, whatever `allow` says.'),
    })
    .refine(isSomething, { error: 'must have allow, deny or both' });
};

export const toolLists = listsOf(toolEntry);
export const promptLists = listsOf(promptEntry);
export const resourceLists = listsOf(resourceEntry);

interface Written {
  readonly name?: string | readonly string[] | undefined;
  readonly uri?: string | readonly string[] | undefined;
  readonly annotations?: { readonly [hint in Hint]?: boolean | undefined } | undefined;
  readonly tag?: string | readonly string[] | undefined;
  readonly when?: string | undefined;
}

export interface WrittenLists {
  readonly allow?: readonly (string | Written)[] | undefined;
  readonly deny?: readonly (string | Written)[] | undefined;
}

/** Whether a text in lower case is one that is meant. */
type Fits = (text: string) => boolean;

interface Entry extends Pick<Written, 'annotations'> {
  readonly names?: Fits;
  readonly tags?: Fits;
  readonly rule?: Rule<CallerFacts>;
}

/** What lets things of one sort through, and holds others back. */
export class Sieve {
  readonly #allow: readonly Entry[] | undefined;
  readonly #deny: readonly Entry[];
  /** Whether it is not the same for everybody. */
  readonly asks: boolean;

  constructor({ allow, deny }: WrittenLists) {
    this.#allow = allow?.map(entryOf);
    this.#deny = (deny ?? []).map(entryOf);
    this.asks = [...(this.#allow ?? []), ...this.#deny].some(({ rule }) => rule !== undefined);
  }

  /** For one caller. A condition that cannot be worked out is taken so that less is let through. */
  for(facts: CallerFacts): Screen {
    return new Screen(
      this.#allow?.filter(({ rule }) => rule === undefined || rule.judge(facts).holds),
      this.#deny.filter(({ rule }) => {
        const verdict = rule?.judge(facts);
        return verdict === undefined || verdict.holds || verdict.fault !== undefined;
      }),
    );
  }
}

/** What one caller is let have. */
export class Screen {
  readonly #allow: readonly Entry[] | undefined;
  readonly #deny: readonly Entry[];

  constructor(allow: readonly Entry[] | undefined, deny: readonly Entry[]) {
    this.#allow = allow;
    this.#deny = deny;
  }

  /** Whether a name alone does not say it. */
  get looks(): boolean {
    return [...(this.#allow ?? []), ...this.#deny].some(({ annotations, tags }) => annotations !== undefined || tags !== undefined);
  }

  /** `forms`: everything that the name may be read as; `item`: what is listed of it, where that is known. */
  passes(forms: readonly string[], item: JsonObject): boolean {
    if (forms.length === 0) return false;
    const lower = forms.map((form) => form.toLowerCase());
    const isOne = (entry: Entry, named: (fits: (form: string) => boolean) => boolean) =>
      (entry.names === undefined || named(entry.names)) && isSo(entry, item);
    if (this.#deny.some((entry) => isOne(entry, (fits) => lower.some(fits)))) return false;
    return this.#allow === undefined || this.#allow.some((entry) => isOne(entry, (fits) => lower.every(fits)));
  }
}

function entryOf(written: string | Written): Entry {
  if (typeof written === 'string') return { names: globOf(written) };
  const { name, uri = name, annotations, tag, when: text } = written;
  return {
    ...(uri === undefined ? {} : { names: oneOf(uri) }),
    ...(tag === undefined ? {} : { tags: oneOf(tag) }),
    ...(text === undefined ? {} : { rule: callerRule(text) }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function oneOf(globs: string | readonly string[]): Fits {
  const all = (typeof globs === 'string' ? [globs] : globs).map(globOf);
  return (text) => all.some((fits) => fits(text));
}

function isSo({ annotations, tags }: Entry, item: JsonObject): boolean {
  if (tags !== undefined && !tagsOf(item).some((tag) => tags(tag.toLowerCase()))) return false;
  if (annotations === undefined) return true;
  const said = hintsOf(item);
  return HINTS.every((hint) => annotations[hint] === undefined || annotations[hint] === said[hint]);
}

/** With the defaults of the protocol (`ToolAnnotations`); what reads only destroys nothing, unless it says so itself. */
function hintsOf({ annotations }: JsonObject): { readonly [hint in Hint]: boolean } {
  const said = isObject(annotations) ? annotations : {};
  const of = (hint: Hint, otherwise: boolean) => (typeof said[hint] === 'boolean' ? said[hint] : otherwise);
  const readOnlyHint = of('readOnlyHint', false);
  return {
    readOnlyHint,
    destructiveHint: of('destructiveHint', !readOnlyHint),
    idempotentHint: of('idempotentHint', false),
    openWorldHint: of('openWorldHint', true),
  };
}

/** Under the gateway's own name, or where FastMCP puts them. */
function tagsOf({ _meta }: JsonObject): readonly string[] {
  if (!isObject(_meta)) return [];
  const texts = (value: Json | undefined) => (isArray(value) ? value.filter((each) => typeof each === 'string') : []);
  const inside = (value: Json | undefined) => (isObject(value) ? texts(value.tags) : []);
  return [...texts(_meta[TAGS]), ...inside(_meta.fastmcp), ...inside(_meta._fastmcp)];
}
