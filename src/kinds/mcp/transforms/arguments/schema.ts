import { type Schema, Validator } from '@cfworker/json-schema';
import { patternFault } from '../../../../core/bounded-pattern.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../../../core/json.ts';

/** Schemas within one schema, with those it refers to counted each time; and how deep they may lie. */
const MOST_SCHEMAS = 2_000;
const DEEPEST = 32;
/** What is wrong, told at most. */
const MOST_TOLD = 5;
const LONGEST_TOLD = 200;

/** Where schemas stand in a schema. */
const ONE = [
  'additionalProperties',
  'unevaluatedProperties',
  'propertyNames',
  'items',
  'unevaluatedItems',
  'contains',
  'not',
  'if',
  'then',
  'else',
];
const LIST = ['allOf', 'anyOf', 'oneOf', 'prefixItems'];
const MAP = ['properties', 'patternProperties', 'dependentSchemas', '$defs'];
const PLAIN = [
  ...['type', 'const', 'enum', 'required', 'dependentRequired', 'minProperties', 'maxProperties', 'minItems', 'maxItems'],
  ...['minContains', 'maxContains', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf', 'minLength', 'maxLength'],
  ...[
    'pattern',
    'format',
    '$ref',
    '$schema',
    '$comment',
    'title',
    'description',
    'default',
    'examples',
    'deprecated',
    'readOnly',
    'writeOnly',
  ],
];
/** Those of the validator whose time is bounded by the text's length: `regex` and `url` are not. */
const FORMATS = ['date', 'time', 'date-time', 'duration', 'uri', 'email', 'hostname', 'ipv4', 'ipv6', 'uuid', 'json-pointer'];

/** Compared in pairs: each with each is the square of what a caller sends. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ['uniqueItems', 'is not checked here: it takes the square of the time of what is sent'],
  ['$id', 'has no use here: schemas refer to "#/$defs/…" alone'],
  ['$anchor', 'has no use here: schemas refer to "#/$defs/…" alone'],
  ['$dynamicRef', 'is not checked here'],
]);

interface Walk {
  readonly root: JsonObject;
  left: number;
}

/** What is wrong with a schema that arguments are to be checked by; `undefined` where nothing is. */
export function schemaFault(schema: JsonObject): string | undefined {
  return visit(schema, '#', [], 0, { root: schema, left: MOST_SCHEMAS });
}

function visit(schema: Json | undefined, at: string, within: readonly string[], depth: number, walk: Walk): string | undefined {
  if (--walk.left < 0) return `has more than ${MOST_SCHEMAS} schemas in it`;
  if (depth > DEEPEST) return `has schemas more than ${DEEPEST} deep`;
  if (typeof schema === 'boolean') return undefined;
  if (!isObject(schema)) return `at ${at}: is no schema`;
  for (const [keyword, value] of Object.entries(schema)) {
    const fault = isWithin(keyword, value, `${at}/${keyword}`, within, depth, walk);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function isWithin(
  keyword: string,
  value: Json | undefined,
  at: string,
  within: readonly string[],
  depth: number,
  walk: Walk,
): string | undefined {
  const below = (each: Json | undefined, name: string) => visit(each, name, within, depth + 1, walk);
  if (ONE.includes(keyword)) return below(value, at);
  if (LIST.includes(keyword))
    return isArray(value) ? firstOf(value.map((each, step) => () => below(each, `${at}/${step}`))) : `at ${at}: must be a list`;
  if (MAP.includes(keyword)) {
    if (!isObject(value)) return `at ${at}: must be an object`;
    // What is only defined is looked at where it is referred to.
    if (keyword === '$defs') return undefined;
    return firstOf(
      Object.entries(value).map(([name, each]) => () => {
        const fault = keyword === 'patternProperties' ? patternFault(name) : undefined;
        return fault === undefined ? below(each, `${at}/${name}`) : `at ${at}: the pattern ${JSON.stringify(name)} ${fault}`;
      }),
    );
  }
  if (!PLAIN.includes(keyword)) return `at ${at}: ${REASONS.get(keyword) ?? 'is not a keyword that is known here'}`;
  return plainFault(keyword, value, at, within, depth, walk);
}

function plainFault(
  keyword: string,
  value: Json | undefined,
  at: string,
  within: readonly string[],
  depth: number,
  walk: Walk,
): string | undefined {
  if (keyword === 'pattern') {
    const fault = typeof value === 'string' ? patternFault(value) : 'is no text';
    return fault === undefined ? undefined : `at ${at}: ${fault}`;
  }
  if (keyword === 'format') return FORMATS.some((each) => each === value) ? undefined : `at ${at}: is not one of ${FORMATS.join(', ')}`;
  if (keyword !== '$ref') return undefined;
  const name = typeof value === 'string' ? /^#\/\$defs\/([^/%~]{1,256})$/.exec(value)?.[1] : undefined;
  const { $defs } = walk.root;
  const target = name !== undefined && isObject($defs) && Object.hasOwn($defs, name) ? $defs[name] : undefined;
  if (name === undefined || target === undefined) return `at ${at}: refers to something else than a schema of its own "#/$defs/…"`;
  if (within.includes(name)) return `at ${at}: leads in a circle`;
  return visit(target, `#/$defs/${name}`, [...within, name], depth + 1, walk);
}

function firstOf(looks: readonly (() => string | undefined)[]): string | undefined {
  for (const look of looks) {
    const fault = look();
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** Says only that something below is wrong, which is told itself. */
const SUMMARIES = new Set([
  'properties',
  'patternProperties',
  'items',
  'prefixItems',
  '$ref',
  'allOf',
  'if',
  'dependentSchemas',
  'additionalProperties',
]);

/** What the validator says in words that nobody could act on. */
const CLEARER: { readonly [keyword: string]: string } = {
  false: 'It is not taken here: leave it out.',
  exclusiveMinimum: 'It must be more than that.',
  exclusiveMaximum: 'It must be less than that.',
};

/** A schema that was looked through, to check arguments by. */
export class ArgumentSchema {
  readonly #validator: Validator;

  constructor(schema: JsonObject) {
    // The validator writes into what it is given.
    this.#validator = new Validator(structuredClone(schema) as Schema, '2020-12', false);
  }

  /** What is wrong with them, in words for the caller; empty where nothing is. */
  faults(args: JsonObject): readonly string[] {
    const { valid, errors } = this.#validated(args);
    if (valid) return [];
    const own = errors.filter(({ keyword }) => !SUMMARIES.has(keyword));
    const told = (own.length === 0 ? errors : own).map(({ instanceLocation, keyword, error }) => {
      const where = instanceLocation === '#' ? 'the arguments' : instanceLocation.slice(2);
      return `${where}: ${CLEARER[keyword] ?? error}`.slice(0, LONGEST_TOLD);
    });
    return [...new Set(told)].slice(0, MOST_TOLD);
  }

  #validated(args: JsonObject): ReturnType<Validator['validate']> {
    try {
      return this.#validator.validate(args);
    } catch (thrown) {
      // Of more faults than can be gathered. All else is a fault of the gateway's.
      if (!(thrown instanceof RangeError)) throw thrown;
      return { valid: false, errors: [{ keyword: '', keywordLocation: '#', instanceLocation: '#', error: 'They fit in too few places.' }] };
    }
  }
}
