import type { Cacheable } from '../../core/chat.ts';
import { asString, isObject, type Json, type JsonObject } from '../../core/json.ts';

/**
 * A cache point is a block of its own behind what it closes; the canonical form has Anthropic's `cache_control` on the
 * part that ends the prefix. They say the same, time to live included.
 * Source: https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
 */
export function withCachePoint<T extends object>(item: T | undefined, point: Json): (T & Cacheable) | undefined {
  if (item === undefined || !isObject(point) || point.type !== 'default' || 'cache' in item) return undefined;
  if (Object.keys(point).some((name) => name !== 'type' && name !== 'ttl')) return undefined;
  const ttl = asString(point.ttl);
  return { ...item, cache: ttl === undefined ? { type: 'ephemeral' } : { type: 'ephemeral', ttl } };
}

export function cachePoint(cache: JsonObject): JsonObject {
  const ttl = asString(cache.ttl);
  return { cachePoint: ttl === undefined ? { type: 'default' } : { type: 'default', ttl } };
}
