import { isArray, isObject, type Json, type JsonObject } from '../../../../core/json.ts';
import type { EgressRequest } from '../../../../core/ports.ts';
import { Misuse } from '../tool-result.ts';
import type { Operation, Parameter } from './operations.ts';

type Pairs = readonly (readonly [name: string, value: string])[];

/**
 * The request that a call of a tool is: its arguments in the places, and in the styles, that OpenAPI 3 section 4.8.12.2
 * says. Throws `Misuse` for arguments that are missing, unknown, or fit in no path.
 */
export function requestOf(
  operation: Operation,
  args: JsonObject,
  baseUrl: string,
): Pick<EgressRequest, 'url' | 'method' | 'headers' | 'body'> {
  checkNames(operation, args);
  const query: (readonly [string, string])[] = [];
  const cookies: string[] = [];
  const headers: { [name: string]: string } = { accept: 'application/json, text/*;q=0.9, */*;q=0.8' };
  let { path } = operation;
  for (const parameter of operation.parameters) {
    const value = args[parameter.argument];
    if (value === undefined) continue;
    if (parameter.in === 'path') path = path.replaceAll(`{${parameter.name}}`, pathText(parameter, value));
    else if (parameter.in === 'query') query.push(...pairsOf(parameter, value));
    else if (parameter.in === 'header') headers[parameter.name.toLowerCase()] = headerText(parameter, simple(parameter, value));
    else cookies.push(...pairsOf(parameter, value).map(([name, text]) => `${encodeURIComponent(name)}=${encodeURIComponent(text)}`));
  }
  if (cookies.length > 0) headers.cookie = cookies.join('; ');
  const url = joined(baseUrl, path, query);
  const { body: shape, method } = operation;
  const given = shape === undefined ? undefined : args[shape.argument];
  if (shape === undefined || given === undefined) return { url, method, headers };
  return { url, method, headers: { ...headers, 'content-type': shape.contentType }, body: bodyText(shape.form, given) };
}

function checkNames({ tool, required }: Operation, args: JsonObject): void {
  const missing = required.filter((name) => args[name] === undefined);
  if (missing.length > 0) throw new Misuse(`Missing arguments: ${missing.join(', ')}.`);
  const { inputSchema } = tool;
  const known = isObject(inputSchema) && isObject(inputSchema.properties) ? inputSchema.properties : {};
  const unknown = Object.keys(args).filter((name) => !Object.hasOwn(known, name));
  if (unknown.length > 0)
    throw new Misuse(`Unknown arguments: ${unknown.join(', ')}. There are: ${Object.keys(known).join(', ') || 'none'}.`);
}

/** A value stays within its own segment whatever it holds: `..` would lead out of the path that the operator published. */
function pathText(parameter: Parameter, value: Json): string {
  const { style, name, explode } = parameter;
  const written = simple(parameter, value);
  const text = written.isWellFormed() ? written.split(',').map(encodeURIComponent).join(',') : '';
  if (text === '' || /^(?:\.|%2e){1,2}$/i.test(text)) throw new Misuse(`The argument ${parameter.argument} fits in no path.`);
  if (style === 'label') return `.${explode ? text.replaceAll(',', '.') : text}`;
  return style === 'matrix' ? `;${encodeURIComponent(name)}=${text}` : text;
}

/** Names and values, before they are encoded. */
function pairsOf({ name, style, explode, isJson }: Parameter, value: Json): Pairs {
  if (isJson) return [[name, JSON.stringify(value)]];
  if (isArray(value)) {
    if (explode) return value.map((each) => [name, plain(each)]);
    const between = style === 'spaceDelimited' ? ' ' : style === 'pipeDelimited' ? '|' : ',';
    return [[name, value.map(plain).join(between)]];
  }
  if (!isObject(value)) return [[name, plain(value)]];
  const members = membersOf(value);
  if (style === 'deepObject') return members.map(([member, text]) => [`${name}[${member}]`, text]);
  return explode ? members : [[name, members.flat().join(',')]];
}

function simple({ explode, isJson }: Parameter, value: Json): string {
  if (isJson) return JSON.stringify(value);
  if (isArray(value)) return value.map(plain).join(',');
  if (!isObject(value)) return plain(value);
  return membersOf(value)
    .map((pair) => pair.join(explode ? '=' : ','))
    .join(',');
}

const membersOf = (value: JsonObject): (readonly [string, string])[] =>
  Object.entries(value).flatMap(([member, below]) => (below === undefined ? [] : [[member, plain(below)] as const]));

const plain = (value: Json): string => (typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value));

/** RFC 9110 section 5.5: what would end the line, or be another header, is refused. */
function headerText({ argument }: Parameter, text: string): string {
  if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(text)) throw new Misuse(`The argument ${argument} fits in no header.`);
  return text;
}

function joined(baseUrl: string, path: string, query: Pairs): string {
  const base = baseUrl.endsWith('/') ? baseUrl.slice(0, -1) : baseUrl;
  const asked = new URLSearchParams(query.map(([name, value]) => [name, value])).toString();
  return base + path + (asked === '' ? '' : `?${asked}`);
}

function bodyText(form: 'json' | 'form' | 'text', value: Json): string {
  if (form === 'json') return JSON.stringify(value);
  if (form === 'text') return plain(value);
  if (!isObject(value)) throw new Misuse('The body of this operation is an object.');
  const fields = Object.entries(value).flatMap(([name, each]): [string, string][] => {
    if (each === undefined) return [];
    return isArray(each) ? each.map((one) => [name, plain(one)]) : [[name, plain(each)]];
  });
  return new URLSearchParams(fields).toString();
}
