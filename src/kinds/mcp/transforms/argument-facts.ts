import { celMap } from '../../../core/cel/json-values.ts';
import { Rule } from '../../../core/cel/rule.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../../core/json.ts';
import type { Caller } from '../sources/source.ts';
import { type CallerFacts, callerFacts, callerVariables } from './caller.ts';

/** Values in the arguments that conditions look at: those may go through them once for each of them. */
export const MOST_VALUES = 5_000;

/** What conditions can ask of a call. */
export interface ArgumentFacts extends CallerFacts {
  readonly args: ReadonlyMap<string, unknown>;
}

const variables = { ...callerVariables, args: { kind: 'map' } } as const;

/** An expression over the arguments of a call and who makes it. Throws a `RuleFault`. */
export const argumentRule = (text: string): Rule<ArgumentFacts> => Rule.compile<ArgumentFacts>(text, variables);

/** `undefined` where the arguments hold more values than conditions may look at. */
export const argumentFacts = (args: JsonObject, caller: Caller): ArgumentFacts | undefined =>
  valuesIn(args) > MOST_VALUES ? undefined : { ...callerFacts(caller), args: celMap(args) };

function valuesIn(value: Json | undefined): number {
  if (isArray(value)) return value.reduce<number>((sum, each) => sum + valuesIn(each), 1);
  return isObject(value) ? Object.values(value).reduce<number>((sum, each) => sum + valuesIn(each), 1) : 1;
}
