import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';

/** A content without a role is the user's, and instructions have none: clients send either (https://ai.google.dev/api/caching#Content). */
export function spelt({ contents, systemInstruction, ...body }: JsonObject): JsonObject {
  return {
    ...body,
    ...(contents === undefined ? {} : { contents: isArray(contents) ? contents.map(withRole) : contents }),
    ...(systemInstruction === undefined ? {} : { systemInstruction: withoutRole(systemInstruction) }),
  };
}

const withRole = (content: Json): Json => (isObject(content) && content.role === undefined ? { ...content, role: 'user' } : content);

function withoutRole(content: Json): Json {
  if (!isObject(content)) return content;
  const { role: _, ...others } = content;
  return others;
}
