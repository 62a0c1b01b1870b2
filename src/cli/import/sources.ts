import { parse } from 'yaml';
import { isArray, isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import { Misuse, type Shell } from '../shell.ts';

const decoder = new TextDecoder();

/** A file of JSON. Throws `Misuse` where it is none. */
export async function readJsonFile(path: string, shell: Shell): Promise<Json> {
  const value = parseJson(decoder.decode(await shell.read(path)));
  if (value === undefined) throw new Misuse(`${path} is not JSON.`);
  return value;
}

/** A file of YAML that holds an object. Throws `Misuse` where it does not. */
export async function readYamlFile(path: string, shell: Shell): Promise<JsonObject> {
  const text = decoder.decode(await shell.read(path));
  let value: unknown;
  try {
    value = parse(text);
  } catch (thrown) {
    throw new Misuse(`${path} is not YAML: ${thrown instanceof Error ? thrown.message.split('\n')[0] : thrown}`);
  }
  const json: Json | undefined = parseJson(JSON.stringify(value) ?? '');
  if (!isObject(json)) throw new Misuse(`${path} holds no settings.`);
  return json;
}

/** A list as it is, or what an API wraps one in: `{"data": […]}`. */
export function listIn(value: Json): readonly JsonObject[] {
  if (isArray(value)) return value.filter(isObject);
  return isObject(value) ? listIn(value.data ?? []) : [];
}

/** In hex. */
export async function sha256Of(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
