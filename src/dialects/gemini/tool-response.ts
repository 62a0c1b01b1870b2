import type { Part } from '../../core/chat.ts';
import { asString, isArray, isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';

export interface ToolResponse {
  readonly texts: readonly string[];
  readonly isError: boolean;
}

/**
 * What a function answered, as texts. `output` and `error` are this API's own words for a result and a failure,
 * `result` is what its Python SDK writes, and `content` is a tool result of MCP, which its SDKs hand on as it is;
 * anything else is the result itself, as JSON text.
 * Source: https://ai.google.dev/api/caching#FunctionResponse
 */
export function readToolResponse(response: Json | undefined): ToolResponse {
  if (response === undefined || response === null) return { texts: [], isError: false };
  if (!isObject(response)) return { texts: textsOf(response), isError: false };
  const names = Object.keys(response);
  const [only] = names;
  if (only === undefined) return { texts: [], isError: false };
  if (names.length === 1 && SINGLE.has(only)) return { texts: textsOf(response[only] ?? null), isError: only === 'error' };
  return { texts: textsOf(response), isError: false };
}

const SINGLE = new Set(['output', 'result', 'error']);

function textsOf(value: Json): readonly string[] {
  return typeof value === 'string' ? [value] : (mcpTexts(value) ?? [JSON.stringify(value)]);
}

/** The texts of MCP's `{content: [{type: "text", text}]}`, where it holds nothing else. */
function mcpTexts(value: Json): readonly string[] | undefined {
  if (!isObject(value) || !isArray(value.content)) return undefined;
  if (Object.keys(value).some((name) => name !== 'content' && name !== 'isError')) return undefined;
  const texts = value.content.map((item) =>
    isObject(item) && item.type === 'text' && Object.keys(item).length === 2 ? asString(item.text) : undefined,
  );
  const found = texts.filter((text) => text !== undefined);
  return found.length === texts.length ? found : undefined;
}

/** The response that says these texts, in the form that is read back as they are. */
export function writeToolResponse(texts: readonly string[], isError: boolean): JsonObject {
  const [text] = texts;
  if (texts.length === 1 && text !== undefined) {
    const object = isError ? undefined : plainObject(text);
    return object ?? { [isError ? 'error' : 'output']: text };
  }
  const content = texts.length === 0 ? {} : { content: texts.map((each) => ({ type: 'text', text: each })) };
  return isError ? { error: content } : content;
}

/** The JSON object a text is, where the object says the same as the text: digits, spaces and all. */
function plainObject(text: string): JsonObject | undefined {
  if (!text.startsWith('{')) return undefined;
  const value = parseJson(text);
  if (!isObject(value) || JSON.stringify(value) !== text) return undefined;
  const back = readToolResponse(value);
  return !back.isError && back.texts.length === 1 && back.texts[0] === text ? value : undefined;
}

/** The texts of a tool result's parts; what is no text is for the caller. */
export const textsIn = (parts: readonly Part[]): readonly string[] => parts.flatMap((part) => (part.type === 'text' ? [part.text] : []));
