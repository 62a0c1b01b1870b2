import { matchesGlob } from '../../../../core/glob.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../../../core/json.ts';
import { TAGS } from '../source.ts';
import { toolNames } from '../tool-names.ts';
import { objectAt, SchemaWriter } from './schemas.ts';

const METHODS = ['get', 'put', 'post', 'delete', 'patch', 'head'] as const;
export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE' | 'PATCH' | 'HEAD';

/** Parameters that OpenAPI says nobody may declare (4.8.12.1): the request has them anyway. */
const OWN_HEADERS: ReadonlySet<string> = new Set(['accept', 'content-type', 'authorization']);
/** Characters of a description: what is longer fills the context of every model that is shown the tool. */
const DESCRIPTION = 1_024;

export type Place = 'path' | 'query' | 'header' | 'cookie';

/** One parameter, and the argument that it is given by. */
export interface Parameter {
  readonly argument: string;
  readonly name: string;
  readonly in: Place;
  readonly style: string;
  readonly explode: boolean;
  /** Whether it is written as JSON, whatever it is. */
  readonly isJson: boolean;
}

export type BodyForm = 'json' | 'form' | 'text';

export interface Body {
  readonly argument: string;
  readonly form: BodyForm;
  readonly contentType: string;
}

/** One operation of an API, and the tool that it is. */
export interface Operation {
  readonly name: string;
  readonly method: Method;
  /** As it stands in the document, with its `{placeholders}`. */
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly body: Body | undefined;
  readonly required: readonly string[];
  /** As it is listed. */
  readonly tool: JsonObject;
}

/** An operation that is no tool, and why. */
export interface Omitted {
  readonly operation: string;
  readonly why: string;
}

export interface ReadOptions {
  readonly include?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
  /** Whether tools say what comes of them. */
  readonly outputSchemas: boolean;
  readonly most: number;
}

interface Found {
  readonly id: string | undefined;
  readonly place: string;
  readonly method: Method;
  readonly path: string;
  readonly operation: JsonObject;
  readonly item: JsonObject;
}

/** The operations of a document, in its own order. What cannot be called as it should be is no tool. */
export function readOperations(
  document: JsonObject,
  options: ReadOptions,
): { readonly operations: readonly Operation[]; readonly omitted: readonly Omitted[] } {
  const found = operationsIn(document).filter((each) => isWanted(each, options));
  const names = toolNames(found);
  const operations: Operation[] = [];
  const omitted: Omitted[] = [];
  for (const [at, each] of found.entries()) {
    const read =
      operations.length < options.most
        ? readOperation(document, each, names[at] ?? '', options)
        : `the route has ${options.most} tools of a source at most`;
    if (typeof read === 'string') omitted.push({ operation: each.place, why: read });
    else operations.push(read);
  }
  return { operations, omitted };
}

function operationsIn(document: JsonObject): readonly Found[] {
  const paths = isObject(document.paths) ? document.paths : {};
  return Object.entries(paths).flatMap(([path, value]) => {
    const item = objectAt(document, value);
    if (item === undefined || !path.startsWith('/')) return [];
    return METHODS.flatMap((name): Found[] => {
      const operation = item[name];
      if (!isObject(operation)) return [];
      const method = name.toUpperCase() as Method;
      const id = typeof operation.operationId === 'string' ? operation.operationId : undefined;
      return [{ id, place: `${method} ${path}`, method, path, operation, item }];
    });
  });
}

/** By `operationId`, by `GET /path`, or by `tag:name`; case does not count. */
function isWanted({ id, place, operation }: Found, { include, exclude }: ReadOptions): boolean {
  const called = [place, ...(id === undefined ? [] : [id]), ...tagsOf(operation).map((tag) => `tag:${tag}`)].map((each) =>
    each.toLowerCase(),
  );
  const fits = (globs: readonly string[]) => globs.some((glob) => called.some((each) => matchesGlob(glob, each)));
  return (include === undefined || fits(include)) && !(exclude !== undefined && fits(exclude));
}

const tagsOf = ({ tags }: JsonObject): readonly string[] => (isArray(tags) ? tags.filter((tag) => typeof tag === 'string') : []);

/** Or why it is none. */
function readOperation(document: JsonObject, found: Found, name: string, options: ReadOptions): Operation | string {
  const declared = parametersOf(document, found);
  if (typeof declared === 'string') return declared;
  const writer = new SchemaWriter(document, 'request');
  const properties: { [argument: string]: Json } = {};
  const required: string[] = [];
  const parameters: Parameter[] = [];
  for (const each of declared) {
    const parameter = readParameter(each, properties);
    if (typeof parameter === 'string') return parameter;
    parameters.push(parameter);
    properties[parameter.argument] = described(writer.write(schemaOf(document, each)), each.description);
    if (each.required === true || parameter.in === 'path') required.push(parameter.argument);
  }
  const missing = placeholdersOf(found.path).find(
    (placeholder) => !parameters.some((each) => each.in === 'path' && each.name === placeholder),
  );
  if (missing !== undefined) return `its path holds {${missing}}, which no parameter declares`;
  const content = bodyOf(document, found.operation);
  if (typeof content === 'string') return content;
  const body = content && { argument: freeName('body', properties), form: content.form, contentType: content.contentType };
  if (body !== undefined && content !== undefined) {
    properties[body.argument] = described(writer.write(content.schema), content.description);
    if (content.isRequired) required.push(body.argument);
  }
  const definitions = writer.definitions();
  const inputSchema = {
    type: 'object',
    properties,
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
    ...(definitions === undefined ? {} : { $defs: definitions }),
  };
  const tags = tagsOf(found.operation);
  const tool = {
    ...{ name, ...textsOf(found), inputSchema, ...outputOf(document, found.operation, options), annotations: annotationsOf(found) },
    ...(tags.length === 0 ? {} : { _meta: { [TAGS]: tags } }),
  };
  return { name, method: found.method, path: found.path, parameters, body, required, tool };
}

/** Those of the operation over those of the path (4.8.9.1), or why they cannot be read. */
function parametersOf(document: JsonObject, { operation, item }: Found): readonly JsonObject[] | string {
  const known = new Map<string, JsonObject>();
  for (const list of [item.parameters, operation.parameters]) {
    for (const each of isArray(list) ? list : []) {
      const parameter = objectAt(document, each);
      if (parameter === undefined) return 'a parameter refers to something outside of the document';
      if (parameter.in === 'header' && OWN_HEADERS.has(String(parameter.name).toLowerCase())) continue;
      known.set(`${String(parameter.in)} ${String(parameter.name)}`, parameter);
    }
  }
  return [...known.values()];
}

function readParameter({ name, in: place, style, explode, content }: JsonObject, taken: JsonObject): Parameter | string {
  if (typeof name !== 'string' || name === '') return 'a parameter has no name';
  if (place !== 'path' && place !== 'query' && place !== 'header' && place !== 'cookie')
    return `the parameter ${name} is nowhere that is known`;
  const written = typeof style === 'string' ? style : place === 'query' || place === 'cookie' ? 'form' : 'simple';
  return {
    argument: freeName(name, taken, place),
    name,
    in: place,
    style: written,
    explode: typeof explode === 'boolean' ? explode : written === 'form',
    isJson: isObject(content),
  };
}

/** An argument's name that no other one has. */
function freeName(name: string, taken: JsonObject, place = 'request'): string {
  if (!Object.hasOwn(taken, name)) return name;
  let free = `${place}_${name}`;
  while (Object.hasOwn(taken, free)) free = `${place}_${free}`;
  return free;
}

const placeholdersOf = (path: string): readonly string[] => [...path.matchAll(/\{([^{}]+)\}/g)].map(([, name]) => name ?? '');

/** Of a parameter: its schema, or that of the one form it is written in. */
function schemaOf(document: JsonObject, { schema, content }: JsonObject): Json | undefined {
  if (schema !== undefined || !isObject(content)) return schema;
  const [media] = Object.values(content);
  return objectAt(document, media)?.schema;
}

interface Content {
  readonly form: BodyForm;
  readonly contentType: string;
  readonly schema: Json | undefined;
  readonly description: Json | undefined;
  readonly isRequired: boolean;
}

/** JSON where it is taken, then a form, then a text; or why it has none of them. */
function bodyOf(document: JsonObject, { requestBody }: JsonObject): Content | undefined | string {
  if (requestBody === undefined) return undefined;
  const body = objectAt(document, requestBody);
  if (body === undefined) return 'its body refers to something outside of the document';
  const { content, description, required } = body;
  const types = isObject(content) ? Object.keys(content) : [];
  const form = FORMS.find(({ type }) => types.some((each) => type.test(each)));
  const contentType = form && types.find((each) => form.type.test(each));
  if (form === undefined || contentType === undefined || !isObject(content))
    return `its body is ${types.join(', ') || 'nothing that is said'}, which a tool cannot write`;
  const { schema } = objectAt(document, content[contentType]) ?? {};
  return {
    form: form.form,
    contentType: contentType.includes('*') ? 'application/json' : contentType,
    schema,
    description,
    isRequired: required === true,
  };
}

const FORMS: readonly { readonly type: RegExp; readonly form: BodyForm }[] = [
  { type: /^application\/(?:[\w.+-]*\+)?json\b/i, form: 'json' },
  { type: /^(?:\*\/\*|application\/\*)$/, form: 'json' },
  { type: /^application\/x-www-form-urlencoded\b/i, form: 'form' },
  { type: /^text\//i, form: 'text' },
];

function described(schema: Json, description: Json | undefined): Json {
  if (typeof description !== 'string' || !isObject(schema) || schema.description !== undefined) return schema;
  return { ...schema, description: description.slice(0, DESCRIPTION) };
}

function textsOf({ operation, place }: Found): JsonObject {
  const { summary, description, deprecated } = operation;
  const said = [summary, description].filter((each) => typeof each === 'string' && each.trim() !== '');
  const text = [...(deprecated === true ? ['Deprecated.'] : []), ...new Set(said)].join('\n\n');
  return {
    ...(typeof summary === 'string' && summary !== '' ? { title: summary.slice(0, 128) } : {}),
    description: (text === '' ? place : text).slice(0, DESCRIPTION),
  };
}

/** What RFC 9110 section 9.2 says of a method: a hint, as all annotations are. */
function annotationsOf({ method }: Found): JsonObject {
  const isSafe = method === 'GET' || method === 'HEAD';
  return {
    readOnlyHint: isSafe,
    ...(isSafe ? {} : { destructiveHint: method !== 'POST', idempotentHint: method === 'PUT' || method === 'DELETE' }),
    openWorldHint: true,
  };
}

/** What a success comes to, where it is one JSON object and the operator wants it said: clients refuse results that do not fit. */
function outputOf(document: JsonObject, { responses }: JsonObject, { outputSchemas }: ReadOptions): JsonObject {
  if (!outputSchemas || !isObject(responses)) return {};
  const status = Object.keys(responses).find((each) => /^2(?:\d\d|XX)$/i.test(each));
  const content = status === undefined ? undefined : objectAt(document, responses[status])?.content;
  const type = isObject(content) ? Object.keys(content).find((each) => /^application\/(?:[\w.+-]*\+)?json\b/i.test(each)) : undefined;
  const schema = isObject(content) && type !== undefined ? objectAt(document, content[type])?.schema : undefined;
  if (objectAt(document, schema)?.type !== 'object') return {};
  const writer = new SchemaWriter(document, 'response');
  const root = writer.write(objectAt(document, schema));
  const definitions = writer.definitions();
  return isObject(root) ? { outputSchema: { ...root, ...(definitions === undefined ? {} : { $defs: definitions }) } } : {};
}
