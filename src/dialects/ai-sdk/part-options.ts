import { optionalObject } from '../../core/fields.ts';
import { asString, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { mergedOptions, WEIR } from './fields.ts';
import { type Seal, takeSeal } from './seal.ts';

/** What the options of a part, a message or a tool say, as far as the canonical form has words for it. */
export interface PartOptions {
  readonly cache?: JsonObject;
  readonly seal?: Seal;
  /** The vendor's own id of an item (`rs_…`). */
  readonly itemId?: string;
  readonly detail?: string;
  readonly isError?: boolean;
  /** All else, by provider. */
  readonly left: JsonObject | undefined;
}

export function readPartOptions(value: Json | undefined, field: string): PartOptions {
  const options = optionalObject(value ?? undefined, field);
  if (options === undefined) return { left: undefined };
  const { seal, left } = takeSeal(options);
  const anthropic = taken(left?.anthropic, ['cacheControl', 'cache_control']);
  const openai = taken(left?.openai, ['itemId', 'imageDetail']);
  const weir = taken(left?.[WEIR], ['isError']);
  const cache = anthropic.cacheControl ?? anthropic.cache_control;
  const itemId = asString(openai.itemId);
  const detail = asString(openai.imageDetail);
  return {
    ...(isObject(cache) && { cache }),
    ...(seal !== undefined && { seal }),
    ...(itemId !== undefined && { itemId }),
    ...(detail !== undefined && { detail }),
    ...(typeof weir.isError === 'boolean' && { isError: weir.isError }),
    left: mergedOptions({ ...left, anthropic: anthropic.left, openai: openai.left, [WEIR]: weir.left }),
  };
}

type Taken = { readonly [name: string]: Json | undefined } & { readonly left: JsonObject | undefined };

/** These members of an object, and the object without them. */
function taken(value: Json | undefined, names: readonly string[]): Taken {
  if (!isObject(value)) return { left: undefined };
  const left = Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));
  return { ...Object.fromEntries(names.map((name) => [name, value[name]])), left };
}

/** Options in the form in which they are written; absent where there are none. */
export const writePartOptions = (...options: readonly (JsonObject | undefined)[]): { readonly providerOptions?: JsonObject } => {
  const providerOptions = mergedOptions(...options);
  return providerOptions === undefined ? {} : { providerOptions };
};

export const cacheOptions = (cache: JsonObject | undefined): JsonObject | undefined =>
  cache === undefined ? undefined : { anthropic: { cacheControl: cache } };
