import type { SeenTool } from '../../../../core/governance.ts';
import { hiddenTexts, withoutHidden } from '../../../../core/hidden-text.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../../../core/json.ts';
import { digestOf } from '../../../../core/ledger/canonical.ts';

/** Characters of a name: the protocol asks for 128. */
const LONGEST_NAME = 256;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f]/;

/**
 * What of a tool is pinned: all of it, also what nobody knows yet, since a model or a client may go by it. Of `_meta` the
 * keys are left out that an operator says change by themselves. `undefined` for what has no name that could be pinned.
 */
export async function seenTool(item: JsonObject, except: readonly string[]): Promise<SeenTool | undefined> {
  const { name } = item;
  if (typeof name !== 'string' || name === '' || name.length > LONGEST_NAME || CONTROL.test(name)) return undefined;
  const definition = pinnedOf(item, except);
  return { name, digest: await digestOf(definition), definition, flags: hiddenTexts(definition) };
}

function pinnedOf(item: JsonObject, except: readonly string[]): JsonObject {
  const { _meta: meta } = item;
  if (!isObject(meta) || except.length === 0) return item;
  const kept = Object.entries(meta).filter(([key]) => !except.includes(key));
  const { _meta: _, ...rest } = item;
  return kept.length === 0 ? rest : { ...rest, _meta: Object.fromEntries(kept) };
}

/** Texts that are written for people and models to read: what is taken out of them changes no name and no value. */
const READ = new Set(['description', 'title']);

/** A tool without what hides in the texts that describe it and its arguments. */
export const stripped = (item: JsonObject): JsonObject => strip(item, false) as JsonObject;

/** `isNames`: the members are named by the tool, as arguments are: one called `description` is no description. */
function strip(value: Json | undefined, isNames: boolean): Json | undefined {
  if (isArray(value)) return value.map((each) => strip(each, false) ?? null);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      !isNames && READ.has(key) && typeof each === 'string' ? withoutHidden(each) : strip(each, !isNames && NAMED.has(key)),
    ]),
  );
}

const NAMED = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas']);

/** Whether what hides in a tool is all in texts that `stripped` mends. */
export const isMended = (item: JsonObject): boolean => hiddenTexts(stripped(item)).length === 0;
