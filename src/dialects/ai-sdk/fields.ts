import * as fields from '../../core/fields.ts';
import { isObject, type JsonObject } from '../../core/json.ts';

/** The id of this dialect: the key of its extras and raw parts. */
export const ID = 'ai-sdk-gateway';

/** The key of what this gateway itself adds to provider metadata, and reads from provider options. */
export const WEIR = 'weir';

export const extraOf = (left: JsonObject | undefined) => fields.extraOf(ID, left);
export const ownExtra = (extra: JsonObject | undefined, at: string, loss: Set<string>) => fields.ownExtra(ID, extra, at, loss);

/** Options or metadata by provider, one added to the other; `undefined` where nothing is in them. */
export function mergedOptions(...all: readonly (JsonObject | undefined)[]): JsonObject | undefined {
  const merged: { [provider: string]: JsonObject } = {};
  for (const options of all) {
    for (const [provider, settings] of Object.entries(options ?? {})) {
      if (!isObject(settings) || Object.keys(settings).length === 0) continue;
      merged[provider] = { ...merged[provider], ...settings };
    }
  }
  return Object.keys(merged).length === 0 ? undefined : merged;
}
