import { asString, isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { historyEnd, leastTokens, PrefixLength, type PrefixMarks } from '../../core/prompt-cache.ts';

/**
 * Breakpoints behind the tools, the instructions and the history, in this order, which is the order in which the API reads
 * them; in a loop of tools behind their newest results too. The API takes four. Where the caller has set one, it is the
 * caller's plan, and none is added.
 * Source: https://platform.claude.com/docs/en/build-with-claude/prompt-caching
 */
export function markPrefix(body: JsonObject, { model, ttl }: PrefixMarks): JsonObject {
  const { tools, system } = body;
  const messages = isArray(body.messages) ? body.messages : [];
  if (isMarked(body) || [tools, system].some(anyMarked) || messages.some(hasMark)) return body;
  const mark: JsonObject = ttl === undefined ? { type: 'ephemeral' } : { type: 'ephemeral', ttl };
  const length = new PrefixLength(leastTokens(model));
  const marked: { [field: string]: Json | undefined } = {};
  length.value(tools);
  if (length.isEnough) marked.tools = isArray(tools) ? markedLast(tools, mayClose, mark) : undefined;
  measure(system, length);
  if (length.isEnough) marked.system = markedContent(system, mark);
  marked.messages = markedHistory(messages, length, mark);
  const changes = Object.fromEntries(Object.entries(marked).filter(([, value]) => value !== undefined));
  return Object.keys(changes).length === 0 ? body : { ...body, ...changes };
}

const isMarked = (value: Json): boolean => isObject(value) && value.cache_control !== undefined && value.cache_control !== null;
const anyMarked = (value: Json | undefined): boolean => isArray(value) && value.some(isMarked);
const contentOf = (message: Json): Json | undefined => (isObject(message) ? message.content : undefined);
const blocksOf = (message: Json): readonly Json[] => {
  const content = contentOf(message);
  return isArray(content) ? content : [];
};

/** Also within the results of tools, which are lists of blocks themselves. */
const hasMark = (message: Json): boolean => blocksOf(message).some((block) => isMarked(block) || anyMarked(contentOf(block)));

/** Tools that are loaded when they are searched for stand in no prefix, and may not be marked. */
const mayClose = (tool: Json): boolean => isObject(tool) && tool.defer_loading !== true;

/** Thinking cannot be marked, nor can texts without a visible character. */
function mayEnd(block: Json): boolean {
  if (!isObject(block)) return false;
  const type = asString(block.type) ?? '';
  if (type === 'text') return (asString(block.text) ?? '').trim() !== '';
  return MARKABLE.has(type) || type.endsWith('_tool_result');
}

const MARKABLE: ReadonlySet<string> = new Set(['image', 'document', 'search_result', 'tool_use', 'tool_result', 'server_tool_use']);

/** The list with its last fitting item marked; `undefined` where none fits. */
function markedLast(items: readonly Json[], fits: (item: Json) => boolean, mark: JsonObject): readonly Json[] | undefined {
  const at = items.findLastIndex(fits);
  const item = items[at];
  return isObject(item) ? items.with(at, { ...item, cache_control: mark }) : undefined;
}

/** A text stands for one block of it. */
function markedContent(content: Json | undefined, mark: JsonObject): readonly Json[] | undefined {
  if (typeof content === 'string') return content.trim() === '' ? undefined : [{ type: 'text', text: content, cache_control: mark }];
  return isArray(content) ? markedLast(content, mayEnd, mark) : undefined;
}

function markedHistory(messages: readonly Json[], length: PrefixLength, mark: JsonObject): readonly Json[] | undefined {
  const { last, inLoop } = historyEnd(messages, {
    assistant: (message) => isObject(message) && message.role === 'assistant',
    results: (message) => blocksOf(message).some((block) => isObject(block) && block.type === 'tool_result'),
  });
  for (const message of messages.slice(0, last + 1)) measure(contentOf(message), length);
  const history = length.isEnough ? withMark(messages, last, mark) : undefined;
  if (!inLoop) return history;
  for (const message of messages.slice(last + 1)) measure(contentOf(message), length);
  if (!length.isEnough) return undefined;
  const end = messages.findLastIndex((message) => isObject(message) && message.role === 'user');
  return withMark(history ?? messages, end, mark, last + 1) ?? history;
}

/** The last message up to `from` that can be marked, and not before `least`. */
function withMark(messages: readonly Json[], from: number, mark: JsonObject, least = 0): readonly Json[] | undefined {
  for (let at = from; at >= least; at--) {
    const message = messages[at];
    const content = isObject(message) ? markedContent(message.content, mark) : undefined;
    if (isObject(message) && content !== undefined) return messages.with(at, { ...message, content });
  }
  return undefined;
}

function measure(content: Json | undefined, length: PrefixLength): void {
  if (typeof content === 'string') length.text(content);
  if (!isArray(content) || length.isEnough) return;
  for (const block of content) {
    if (!isObject(block)) continue;
    if (block.type === 'text') length.text(asString(block.text) ?? '');
    else if (block.type === 'tool_use') length.value(block.input);
    else if (block.type === 'tool_result') measure(block.content, length);
    else if (block.type === 'image' || block.type === 'document') length.media();
  }
}
