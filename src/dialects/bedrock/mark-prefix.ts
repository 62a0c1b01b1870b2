import { asString, isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { historyEnd, leastTokens, PrefixLength, type PrefixMarks } from '../../core/prompt-cache.ts';
import { cachePoint } from './cache.ts';
import { makerOf } from './models.ts';

/**
 * Cache points behind the tools, the instructions and the history, and in a loop of tools behind their newest results too;
 * none where the caller has set one. Only for models that are known to have a cache, since others answer with an error.
 * Source: https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
 */
export function markPrefix(body: JsonObject, { model, ttl }: PrefixMarks): JsonObject {
  const cache = cacheOf(model);
  if (cache === undefined) return body;
  const { toolConfig, system } = body;
  const tools = isObject(toolConfig) && isArray(toolConfig.tools) ? toolConfig.tools : [];
  const messages = isArray(body.messages) ? body.messages : [];
  if ([tools, isArray(system) ? system : [], ...messages.map(blocksOf)].some((blocks) => blocks.some(isPoint))) return body;
  const point = cachePoint(ttl === undefined || !cache.lasts ? {} : { ttl });
  const length = new PrefixLength(leastTokens(model));
  const changes: { [field: string]: Json } = {};
  for (const tool of tools) length.value(tool);
  if (length.isEnough && cache.tools && isObject(toolConfig) && tools.length > 0) {
    changes.toolConfig = { ...toolConfig, tools: [...tools, point] };
  }
  measure(isArray(system) ? system : [], length);
  if (length.isEnough && isArray(system)) {
    const marked = behindLast(system, point);
    if (marked !== undefined) changes.system = marked;
  }
  const marked = markedHistory(messages, length, point);
  if (marked !== undefined) changes.messages = marked;
  return Object.keys(changes).length === 0 ? body : { ...body, ...changes };
}

interface Cache {
  /** Whether tools may be closed by a point. */
  readonly tools: boolean;
  /** Whether it may be kept for an hour. */
  readonly lasts: boolean;
}

/** What is known of a model's cache; `undefined` where it has none, or where its id does not tell. */
function cacheOf(model: string): Cache | undefined {
  const maker = makerOf(model);
  if (maker === 'amazon') return /nova/.test(model) ? { tools: false, lasts: false } : undefined;
  if (maker !== 'anthropic' || /claude-(?:v2|instant|3-(?:haiku|sonnet|opus)|3-5-sonnet)/.test(model)) return undefined;
  return { tools: true, lasts: !/claude-(?:3-|(?:opus|sonnet)-4-(?:1-)?2025)/.test(model) || /-4-[5-9]/.test(model) };
}

const isPoint = (block: Json): boolean => isObject(block) && block.cachePoint !== undefined;
const blocksOf = (message: Json): readonly Json[] => (isObject(message) && isArray(message.content) ? message.content : []);

/** What a point may stand behind: not reasoning, nor a text without a visible character. */
function mayEnd(block: Json): boolean {
  if (!isObject(block)) return false;
  if (block.text !== undefined) return (asString(block.text) ?? '').trim() !== '';
  return ['image', 'toolUse', 'toolResult'].some((kind) => block[kind] !== undefined);
}

function behindLast(blocks: readonly Json[], point: JsonObject): readonly Json[] | undefined {
  const at = blocks.findLastIndex(mayEnd);
  return at < 0 ? undefined : blocks.toSpliced(at + 1, 0, point);
}

function markedHistory(messages: readonly Json[], length: PrefixLength, point: JsonObject): readonly Json[] | undefined {
  const { last, inLoop } = historyEnd(messages, {
    assistant: (message) => isObject(message) && message.role === 'assistant',
    results: (message) => blocksOf(message).some((block) => isObject(block) && block.toolResult !== undefined),
  });
  for (const message of messages.slice(0, last + 1)) measure(blocksOf(message), length);
  const history = length.isEnough ? withPoint(messages, last, point) : undefined;
  if (!inLoop) return history;
  for (const message of messages.slice(last + 1)) measure(blocksOf(message), length);
  if (!length.isEnough) return undefined;
  const end = messages.findLastIndex((message) => isObject(message) && message.role === 'user');
  return withPoint(history ?? messages, end, point, last + 1) ?? history;
}

/** In the last message up to `from` that can have one, and not before `least`. */
function withPoint(messages: readonly Json[], from: number, point: JsonObject, least = 0): readonly Json[] | undefined {
  for (let at = from; at >= least; at--) {
    const message = messages[at];
    const content = behindLast(blocksOf(message ?? null), point);
    if (isObject(message) && content !== undefined) return messages.with(at, { ...message, content });
  }
  return undefined;
}

function measure(blocks: readonly Json[], length: PrefixLength): void {
  if (length.isEnough) return;
  for (const block of blocks) {
    if (!isObject(block)) continue;
    if (typeof block.text === 'string') length.text(block.text);
    else if (isObject(block.toolUse)) length.value(block.toolUse.input);
    else if (isObject(block.toolResult) && isArray(block.toolResult.content)) measure(block.toolResult.content, length);
    else if (block.json !== undefined) length.value(block.json);
    else if (block.image !== undefined || block.document !== undefined) length.media();
  }
}
