import { isArray, isObject, type Json, type JsonObject } from '../../../core/json.ts';
import { factAt } from '../../../core/template.ts';
import type { Caller } from '../sources/source.ts';

/** What can be filled in from who calls: `{{caller.user}}`, or `{{caller.claims.region|caller.metadata.region}}` for the first that there is. */
const PLACE = /\{\{([^{}]*)\}\}/g;
const WHOLE = /^\{\{([^{}]*)\}\}$/;

const MEMBERS = ['org', 'team', 'app', 'key', 'user', 'run', 'scopes', 'claims', 'metadata'];
/** Those that have members of their own. */
const DEEP = ['claims', 'metadata'];

/** Who calls, as places see it: nothing that nobody said. */
const factsOf = ({ keyId, ...caller }: Caller): JsonObject => ({ ...caller, key: keyId });

const pathsOf = (inside: string) => inside.split('|').map((path) => path.trim());

/** Every place in a value. */
export function placesIn(value: Json | undefined): readonly string[] {
  if (typeof value === 'string') return [...value.matchAll(PLACE)].flatMap(([, inside = '']) => pathsOf(inside));
  if (isArray(value)) return value.flatMap(placesIn);
  return isObject(value) ? Object.values(value).flatMap(placesIn) : [];
}

/** What is wrong with the places of a value; `undefined` where nothing is. */
export function placeFault(value: Json): string | undefined {
  const bad = placesIn(value).find((path) => {
    const [root, member = '', ...deeper] = path.split('.');
    return root !== 'caller' || !MEMBERS.includes(member) || (deeper.length > 0 && !DEEP.includes(member));
  });
  return bad === undefined ? undefined : `has a place for "${bad}": places begin with caller. and ${MEMBERS.join(', ')}`;
}

/** The path that nothing stands at for this caller. */
export class Unfilled extends Error {
  constructor(readonly place: string) {
    super(place);
  }
}

/** The value with every place filled. A text that is one place and nothing else becomes what stands there, of whatever type. Throws `Unfilled`. */
export function filled(value: Json, caller: Caller): Json {
  const facts = factsOf(caller);
  const firstOf = (inside: string): Json => {
    for (const path of pathsOf(inside)) {
      const found = factAt(facts, path.slice('caller.'.length));
      if (found !== undefined && found !== null && found !== '') return found;
    }
    throw new Unfilled(inside.trim());
  };
  const textAt = (inside: string): string => {
    const found = firstOf(inside);
    if (typeof found === 'object') throw new Unfilled(inside.trim());
    return String(found);
  };
  const fill = (each: Json): Json => {
    if (typeof each === 'string') {
      const whole = WHOLE.exec(each)?.[1];
      return whole === undefined ? each.replace(PLACE, (_, inside: string) => textAt(inside)) : firstOf(whole);
    }
    if (isArray(each)) return each.map(fill);
    return isObject(each) ? Object.fromEntries(Object.entries(each).map(([name, inner]) => [name, fill(inner ?? null)])) : each;
  };
  return fill(value);
}
