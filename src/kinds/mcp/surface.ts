import type { ChatChunk } from '../../core/chat.ts';
import { mapped } from '../../core/edit.ts';
import type { Surface } from '../../core/exchange.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import type { Wire } from '../../core/wire.ts';

/** What a policy sees of a reply: every text of it a part of its own, a break where a message ends, and the end. */
export type McpChunk = Extract<ChatChunk, { readonly type: 'text' | 'raw' | 'end' }>;

declare module '../../core/exchange.ts' {
  interface Canon {
    mcp: { readonly call: McpCall; readonly chunk: McpChunk; readonly canonical: JsonObject };
  }
}

/** What a client sends to be acted upon: a request, a notification, or its answer to a question (then `method` is the question's). */
export class McpCall {
  readonly kind = 'mcp' as const;

  constructor(
    readonly method: string,
    /** `params`, or the answer. */
    readonly wire: Wire,
  ) {}

  withBody(body: JsonObject): McpCall {
    const before = this.wire.json();
    const changed = Object.keys(body).filter((name) => body[name] !== before[name]);
    return changed.length === 0
      ? this
      : new McpCall(this.method, this.wire.with(Object.fromEntries(changed.map((each) => [each, body[each]]))));
  }
}

/** The texts of MCP's calls and replies; nothing is counted in tokens here. */
export const mcpSurface: Surface = {
  texts(call, edit) {
    if (call.kind !== 'mcp') return call;
    const body = call.wire.json();
    // What is named is looked up by its name.
    const { name: _, ref: __, uri: ___, ...rest } = body;
    const edited = withTexts(rest, edit);
    return call.withBody(withAddress(edited === rest ? body : { ...body, ...edited }, edit));
  },
  textOf: (chunk) => (chunk.type === 'text' ? { part: chunk.part, text: chunk.text } : undefined),
  withText: (chunk, text) => (chunk.type === 'text' ? { ...chunk, text } : chunk),
  choiceOf(chunk) {
    if ('choice' in chunk) return chunk.choice;
    return chunk.type === 'start' || chunk.type === 'usage' ? undefined : 'all';
  },
  usage: () => undefined,
  isLast: (chunk) => chunk.type === 'end',
};

/** Divides the texts of one message from those of the next. */
export const BREAK: McpChunk = { type: 'raw', dialect: 'mcp', name: 'break', value: null };

/** Fields that are the protocol's own and hold no text of anybody. */
const PROTOCOL: ReadonlySet<string> = new Set([
  ...['_meta', 'type', 'role', 'mimeType', 'method', 'level', 'resultType', 'requestState', 'progressToken', 'taskId', 'status'],
  ...['cursor', 'nextCursor', 'blob', '$schema', 'action'],
]);
/** Fields below which everything is somebody's own, names of fields too. */
const FREE: ReadonlySet<string> = new Set(['arguments', 'structuredContent', 'data']);

/**
 * Parameters, a result or an error's data with every text in it changed, in an order that is always the same; the same
 * value where none is.
 */
export function withTexts<T extends Json>(value: T, edit: (text: string) => string): T;
export function withTexts(value: Json, edit: (text: string) => string): Json {
  if (typeof value === 'string') return edit(value);
  if (isArray(value)) return mapped(value, (each) => withTexts(each, edit));
  if (!isObject(value)) return value;
  const fields = Object.entries(value).map(([name, each]): [string, Json | undefined] => {
    if (each === undefined || PROTOCOL.has(name) || (name === 'data' && isMedia(value))) return [name, each];
    return [name, isFree(name, each) ? freely(each, edit) : withTexts(each, edit)];
  });
  return fields.every(([name, each]) => each === value[name]) ? value : Object.fromEntries(fields);
}

/** The answer to a form (`elicitation/create`) is an object of the client's; other content is made of blocks, which say their type. */
const isFree = (name: string, value: Json) => FREE.has(name) || (name === 'content' && isObject(value) && typeof value.type !== 'string');

/** Base64 of an `image` or `audio` block. */
const isMedia = ({ type, mimeType }: JsonObject) => typeof type === 'string' && typeof mimeType === 'string';

function freely(value: Json, edit: (text: string) => string): Json {
  if (typeof value === 'string') return edit(value);
  if (isArray(value)) return mapped(value, (each) => freely(each, edit));
  if (!isObject(value)) return value;
  const names = new Set<string>();
  const fields = Object.entries(value).map(([before, each]): [string, Json | undefined] => {
    let name = edit(before);
    // Two names that are masked alike are two names still.
    while (names.has(name)) name += '_';
    names.add(name);
    return [name, each === undefined ? each : freely(each, edit)];
  });
  return fields.every(([name, each]) => Object.hasOwn(value, name) && each === value[name]) ? value : Object.fromEntries(fields);
}

/** Who asks for an address may have written into it, and then it is encoded there (RFC 3986 section 2.1). */
function withAddress(params: JsonObject, edit: (text: string) => string): JsonObject {
  const { uri, ref } = params;
  if (typeof uri === 'string') return replaced(params, 'uri', uri, edit);
  if (!isObject(ref) || typeof ref.uri !== 'string') return params;
  const after = replaced(ref, 'uri', ref.uri, edit);
  return after === ref ? params : { ...params, ref: after };
}

function replaced(holder: JsonObject, field: string, uri: string, edit: (text: string) => string): JsonObject {
  const shown = decoded(uri);
  const after = edit(shown);
  return after === shown ? holder : { ...holder, [field]: shown === uri ? after : encodeURI(after) };
}

function decoded(uri: string): string {
  try {
    return decodeURIComponent(uri);
  } catch {
    return uri;
  }
}
