import { type Json, type JsonObject, parseJson } from '../../../../core/json.ts';
import { type EnumValue, type Input, mustBeGiven, type Schema, type Type, type TypeRef } from './schema.ts';

/** Members of all schemas of one tool at most, and input objects and enums that are written out for it: the rest may be anything. */
const MEMBERS = 500;
const DEFINITIONS = 32;
/** Values of an enum that are listed, and characters of what is said of a member. */
const VALUES = 250;
const DESCRIPTION = 256;

/** What the scalars of the specification (section 3.5) are in JSON. */
const SCALARS: ReadonlyMap<string, JsonObject> = new Map<string, JsonObject>([
  ['Int', { type: 'integer', minimum: -2_147_483_648, maximum: 2_147_483_647 }],
  ['Float', { type: 'number' }],
  ['String', { type: 'string' }],
  ['ID', { type: 'string' }],
  ['Boolean', { type: 'boolean' }],
]);

/** The arguments of a field as JSON Schema 2020-12 that stands by itself: enums and input objects lie in its `$defs`, and may contain themselves. */
export function inputSchemaOf(schema: Schema, args: readonly Input[]): JsonObject {
  const writer = new InputWriter(schema);
  const root = writer.object(args);
  const definitions = writer.definitions();
  return definitions === undefined ? root : { ...root, $defs: definitions };
}

class InputWriter {
  readonly #schema: Schema;
  /** In the order in which they were met, so that those nearest to the arguments are written out. */
  readonly #pending: Type[] = [];
  readonly #known = new Set<string>();
  #left = MEMBERS;

  constructor(schema: Schema) {
    this.#schema = schema;
  }

  object(inputs: readonly Input[]): JsonObject {
    const properties: { [name: string]: Json } = {};
    const required: string[] = [];
    for (const input of inputs) {
      // What must be given is never left out: a model could not call the tool.
      if (--this.#left < 0 && !mustBeGiven(input)) continue;
      properties[input.name] = this.#member(input);
      if (mustBeGiven(input)) required.push(input.name);
    }
    return {
      type: 'object',
      properties,
      ...(required.length === 0 ? {} : { required }),
      additionalProperties: Object.keys(properties).length < inputs.length,
    };
  }

  /** Call it last. */
  definitions(): JsonObject | undefined {
    const definitions: { [name: string]: Json } = {};
    for (let at = 0; at < this.#pending.length; at++) {
      const type = this.#pending[at];
      if (type !== undefined) definitions[type.name] = this.#definition(type);
    }
    return this.#pending.length === 0 ? undefined : definitions;
  }

  #member({ type, description, fallback }: Input): Json {
    const schema = this.#ref(type, description);
    const value = fallback === undefined ? undefined : this.#literal(type, fallback);
    return value === undefined || value === null ? schema : { ...schema, default: value };
  }

  #ref({ named, item }: TypeRef, about = ''): JsonObject {
    if (item !== undefined) return described({ type: 'array', items: this.#ref(item) }, about);
    const scalar = SCALARS.get(named);
    if (scalar !== undefined) return described(scalar, about);
    const type = this.#schema.type(named);
    if (type?.kind === 'ENUM' || type?.kind === 'INPUT_OBJECT') {
      if (this.#defines(type)) return described({ $ref: `#/$defs/${named}` }, about);
      return described(type.kind === 'ENUM' ? { type: 'string' } : { type: 'object' }, joined(about, `A GraphQL ${named}.`));
    }
    // What a scalar of the API's own looks like nobody says but its description.
    return described({}, joined(about, `${named}${type?.description ? `: ${type.description}` : ''}`));
  }

  #defines(type: Type): boolean {
    if (this.#known.has(type.name)) return true;
    if (this.#known.size >= DEFINITIONS || this.#left <= 0) return false;
    this.#known.add(type.name);
    this.#pending.push(type);
    return true;
  }

  #definition(type: Type): JsonObject {
    if (type.kind !== 'ENUM') {
      const one = type.isOneOf ? { minProperties: 1, maxProperties: 1 } : {};
      return described({ ...this.object(type.inputs), ...one }, type.description);
    }
    const values = type.values.slice(0, VALUES);
    this.#left -= values.length;
    const isWhole = values.length === type.values.length;
    return described(
      { type: 'string', ...(isWhole && values.length > 0 ? { enum: values.map(({ name }) => name) } : {}) },
      aboutEnum(type, values),
    );
  }

  /** What is absent where a member is, where it is written in JSON as it is in GraphQL. */
  #literal({ named }: TypeRef, text: string): Json | undefined {
    if (text.length > DESCRIPTION) return undefined;
    if (this.#schema.type(named)?.kind === 'ENUM' && /^[_A-Za-z]\w*$/.test(text)) return text;
    return parseJson(text);
  }
}

function aboutEnum({ description }: Type, values: readonly EnumValue[]): string {
  const said = values.flatMap((value) => (value.description === '' ? [] : [`${value.name}: ${value.description.slice(0, 128)}`]));
  return joined(description.slice(0, DESCRIPTION), said.join('\n').slice(0, 4 * DESCRIPTION));
}

const joined = (...texts: readonly string[]): string => texts.filter((text) => text !== '').join('\n');

/** An enum says its values too, which takes more room. */
const described = (schema: JsonObject, text: string): JsonObject =>
  text === '' ? schema : { ...schema, description: text.slice(0, schema.enum === undefined ? DESCRIPTION : 5 * DESCRIPTION) };
