import { isObject, type JsonObject } from '../../core/json.ts';

/** Clients name themselves among the headers that a provider is handed, and say that they want no raw chunks where they stream. */
export function spelt({ headers, includeRawChunks, ...body }: JsonObject): JsonObject {
  const others = isObject(headers) ? Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'user-agent') : undefined;
  const handed = others === undefined ? headers : others.length === 0 ? undefined : Object.fromEntries(others);
  return {
    ...body,
    ...(handed === undefined ? {} : { headers: handed }),
    ...(includeRawChunks === undefined || includeRawChunks === false ? {} : { includeRawChunks }),
  };
}
