import { isObject, type JsonObject } from './json.ts';

/** The body with the number at a path of fields lowered to a limit, or set to it; the same body where it is low enough. */
export function withLimit(body: JsonObject, [name, ...below]: readonly string[], limit: number): JsonObject {
  if (name === undefined) return body;
  const value = body[name];
  if (below.length > 0) {
    const inner = isObject(value) ? value : {};
    const limited = withLimit(inner, below, limit);
    return limited === inner ? body : { ...body, [name]: limited };
  }
  return typeof value === 'number' && value >= 0 && value <= limit ? body : { ...body, [name]: limit };
}
