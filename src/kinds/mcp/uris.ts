import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { exposedUri } from './names.ts';

/** A list's item as clients see it: its own name and address carry the prefix, the rest is as it was. */
export function exposedItem(item: JsonObject, prefix: string, name: (own: string) => string): JsonObject {
  const uri = (key: 'uri' | 'uriTemplate') => {
    const value = item[key];
    return typeof value === 'string' ? { [key]: exposedUri(prefix, value) } : {};
  };
  const isNamed = typeof item.uri !== 'string' && typeof item.uriTemplate !== 'string' && typeof item.name === 'string';
  const meta = isNamed ? exposedMeta(item._meta, prefix) : undefined;
  return {
    ...item,
    ...(meta === undefined ? {} : { _meta: meta }),
    ...(isNamed && typeof item.name === 'string' ? { name: name(item.name) } : {}),
    ...uri('uri'),
    ...uri('uriTemplate'),
  };
}

/** Where a tool's metadata say what shows its results: MCP Apps, its earlier form, and the Apps SDK of OpenAI. */
const TEMPLATES: readonly string[] = ['ui/resourceUri', 'openai/outputTemplate'];

/** A tool's metadata with the addresses of its user interface as clients see them; nothing where there are none. */
function exposedMeta(meta: Json | undefined, prefix: string): JsonObject | undefined {
  if (!isObject(meta) || prefix === '') return undefined;
  const changed: { [key: string]: Json } = {};
  for (const key of TEMPLATES) {
    const uri = meta[key];
    if (typeof uri === 'string') changed[key] = exposedUri(prefix, uri);
  }
  const { ui } = meta;
  if (isObject(ui) && typeof ui.resourceUri === 'string') changed.ui = { ...ui, resourceUri: exposedUri(prefix, ui.resourceUri) };
  return Object.keys(changed).length === 0 ? undefined : { ...meta, ...changed };
}

/** A result with every address of a resource in it as clients see it: `contents`, `content`, `messages`. The same object where there is none. */
export function exposedResult(result: JsonObject, prefix: string): JsonObject {
  if (prefix === '') return result;
  const changed: { [key: string]: Json } = {};
  for (const key of ['contents', 'content']) {
    const list = result[key];
    if (isArray(list)) changed[key] = list.map((each) => exposedContent(each, prefix));
  }
  const { messages, result: inner, taskId } = result;
  // A task that is done, with its result in it.
  if (isObject(inner) && typeof taskId === 'string') changed.result = exposedResult(inner, prefix);
  if (isArray(messages)) {
    changed.messages = messages.map((each) =>
      isObject(each) && each.content !== undefined ? { ...each, content: inMessage(each.content, prefix) } : each,
    );
  }
  return Object.keys(changed).length === 0 ? result : { ...result, ...changed };
}

const inMessage = (content: Json, prefix: string): Json =>
  isArray(content) ? content.map((each) => exposedContent(each, prefix)) : exposedContent(content, prefix);

/** `{uri}` of a resource link or of contents, `{resource: {uri}}` of an embedded resource. */
function exposedContent(value: Json, prefix: string): Json {
  if (!isObject(value)) return value;
  const { uri, resource } = value;
  return {
    ...value,
    ...(typeof uri === 'string' ? { uri: exposedUri(prefix, uri) } : {}),
    ...(isObject(resource) && typeof resource.uri === 'string' ? { resource: { ...resource, uri: exposedUri(prefix, resource.uri) } } : {}),
  };
}
