import { isArray, isObject, type Json, type JsonObject } from '../../../core/json.ts';

/** Characters of a description that stay. */
const LONGEST = 120;
/** What of a schema is there to be read, and binds nobody. */
const PROSE: ReadonlySet<string> = new Set(['description', 'title', 'examples', 'example', '$comment', 'markdownDescription']);
/** Keywords under which schemas stand by names, singly or in a list, and singly; every other keyword's value stays as it is (JSON Schema 2020-12). */
const NAMED: ReadonlySet<string> = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas']);
const LISTED: ReadonlySet<string> = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems', 'items']);
const SINGLE: ReadonlySet<string> = new Set(
  'items additionalProperties unevaluatedItems unevaluatedProperties contains propertyNames not if then else'.split(' '),
);

/** A schema without what is only said of it; what it allows stays the same. */
export function withoutProse(schema: Json): Json {
  if (!isObject(schema)) return schema;
  const kept: { [keyword: string]: Json } = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (value === undefined || PROSE.has(keyword)) continue;
    kept[keyword] = below(keyword, value);
  }
  return kept;
}

function below(keyword: string, value: Json): Json {
  if (NAMED.has(keyword) && isObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, each === undefined ? null : withoutProse(each)]));
  }
  if (LISTED.has(keyword) && isArray(value)) return value.map(withoutProse);
  return SINGLE.has(keyword) ? withoutProse(value) : value;
}

/** The first sentence, or as much as a list needs to say. */
export function shortened(description: string): string {
  const line = description.trimStart().split(/\n/, 1)[0] ?? '';
  const sentence = /^.{15,}?[.!?](?=\s+\p{Lu}|\s*$)/u.exec(line)?.[0] ?? line;
  if (sentence.length <= LONGEST) return sentence.trimEnd();
  const cut = sentence.slice(0, LONGEST - 1);
  const space = cut.lastIndexOf(' ');
  return `${wellFormed(space > LONGEST / 2 ? cut.slice(0, space) : cut)}…`;
}

/** Without half of a pair at its end. */
const wellFormed = (text: string) => (/[\ud800-\udbff]$/.test(text) ? text.slice(0, -1) : text);

/** Schemas of tools as they came, and what was left of them: of the same object it is the same. */
const stripped = new WeakMap<JsonObject, JsonObject>();

function schemaOf(schema: Json | undefined): { readonly schema: Json } | undefined {
  if (schema === undefined) return undefined;
  if (!isObject(schema)) return { schema };
  const known = stripped.get(schema);
  if (known !== undefined) return { schema: known };
  const made = withoutProse(schema);
  if (isObject(made)) stripped.set(schema, made);
  return { schema: made };
}

/** A tool as it stands in a compact list. */
export function compactTool(tool: JsonObject): JsonObject {
  const { description, title: _, inputSchema, outputSchema, ...rest } = tool;
  const input = schemaOf(inputSchema);
  const output = schemaOf(outputSchema);
  return {
    ...rest,
    ...(typeof description === 'string' ? { description: shortened(description) } : {}),
    ...(input === undefined ? {} : { inputSchema: input.schema }),
    ...(output === undefined ? {} : { outputSchema: output.schema }),
  };
}
