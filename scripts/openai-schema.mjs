// Writes test/conformance/openai.schema.json: the schemas of the answers that this gateway writes in OpenAI's dialects,
// as one JSON Schema (2020-12), out of OpenAI's own document (https://github.com/openai/openai-openapi, openapi.json).
//   node scripts/openai-schema.mjs <openapi.json> <commit> <date>
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..');
const file = path.join(root, 'test/conformance/openai.schema.json');

/** What a client gets of this gateway's own writing; files, pictures and the like are handed on as their vendor wrote them. */
const ANSWERS = [
  'CreateChatCompletionResponse',
  'CreateChatCompletionStreamResponse',
  'CreateCompletionResponse',
  'Response',
  'ResponseStreamEvent',
  'ResponseItemList',
  'CompactResource',
  'TokenCountsResource',
  'ConversationResource',
  'ConversationItemList',
  'DeletedConversationResource',
  'ErrorResponse',
  'ListModelsResponse',
  'Model',
  'CreateEmbeddingResponse',
];

/** Says nothing about what is valid, or is said in another way below. */
const DROPPED = new Set(['description', 'title', 'example', 'examples', 'default', 'deprecated', 'format', 'discriminator', 'nullable']);
/** Keywords whose members are named by the schema, so that none of the names is a keyword. */
const NAMED = new Set(['properties', 'patternProperties']);

const REF = '#/components/schemas/';

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const mapValues = (object, change) => Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value, name)]));

/** A schema of OpenAPI as one of JSON Schema. `own` is the name of the component that it stands in. */
function convert(schema, own) {
  if (Array.isArray(schema)) return schema.map((each) => convert(each, own));
  if (!isObject(schema)) return schema;
  const kept = Object.entries(schema).filter(([name]) => !DROPPED.has(name) && !name.startsWith('x-') && name !== '$recursiveAnchor');
  const converted = Object.fromEntries(kept.map(([name, value]) => member(name, value, own)));
  return schema.nullable === true ? orNull(converted) : converted;
}

function member(name, value, own) {
  if (name === '$ref') return [name, value.replace(REF, '#/$defs/')];
  // An older draft's word for the schema that it stands in.
  if (name === '$recursiveRef') return ['$ref', `#/$defs/${own}`];
  if (NAMED.has(name)) return [name, mapValues(value, (each) => convert(each, own))];
  return [name, name === 'enum' || name === 'const' ? value : convert(value, own)];
}

/** OpenAPI 3.0's `nullable`, which is still in the document and no keyword of JSON Schema. */
function orNull(schema) {
  const { type, enum: words, ...others } = schema;
  const isPlain = typeof type === 'string' && !['$ref', 'allOf', 'anyOf', 'oneOf', 'const'].some((name) => name in others);
  if (!isPlain) return { anyOf: [schema, { type: 'null' }] };
  return { type: [type, 'null'], ...(words !== undefined && { enum: [...words, null] }), ...others };
}

/** The names of the components that this one refers to. */
function referred(schema) {
  return [...JSON.stringify(schema).matchAll(/"\$ref":"#\/\$defs\/([^"]+)"/g)].map(([, name]) => name);
}

const [document, commit, date] = process.argv.slice(2);
if (date === undefined) {
  console.error('usage: node scripts/openai-schema.mjs <openapi.json> <commit> <date>');
  process.exit(1);
}
const { components, info } = JSON.parse(readFileSync(document, 'utf8'));
const found = new Map();
for (const names = [...ANSWERS]; names.length > 0; ) {
  const name = names.pop();
  if (found.has(name)) continue;
  if (components.schemas[name] === undefined) throw new Error(`The document has no schema ${name}.`);
  const schema = convert(components.schemas[name], name);
  found.set(name, schema);
  names.push(...referred(schema));
}
const schema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'https://github.com/openai/openai-openapi',
  $comment: `Written by scripts/openai-schema.mjs from openapi.json (version ${info.version}) of https://github.com/openai/openai-openapi at commit ${commit} of ${date}. Copyright (c) OpenAI, MIT License: see NOTICE.`,
  $defs: Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1))),
};
writeFileSync(file, `${JSON.stringify(schema)}\n`);
execFileSync(path.join(root, 'node_modules/.bin/biome'), ['format', '--write', file], { stdio: 'inherit' });
