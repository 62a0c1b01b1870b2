import type { Usage } from '../../core/chat.ts';
import { asTokens, present } from '../../core/fields.ts';
import { isObject, type Json, type JsonObject } from '../../core/json.ts';

/** Counts that the SDK's own form has no field for: they stand in `raw`, where a provider's own counts go. */
const OTHERS = [
  'cacheWrite1h',
  'audioInput',
  'imageInput',
  'audioOutput',
  'imageOutput',
  'searches',
  'images',
  'seconds',
  'characters',
] as const satisfies readonly (keyof Usage)[];

/** Totals include what was cached and what was thought, as here. Source: `LanguageModelV4Usage`. */
export function readUsage(value: Json | undefined): Usage | undefined {
  if (!isObject(value)) return undefined;
  const sent = isObject(value.inputTokens) ? value.inputTokens : { total: value.inputTokens };
  const made = isObject(value.outputTokens) ? value.outputTokens : { total: value.outputTokens };
  const input = asTokens(sent.total);
  const output = asTokens(made.total);
  if (input === undefined || output === undefined) return undefined;
  const raw = isObject(value.raw) ? value.raw : {};
  return {
    input,
    output,
    ...present({
      cacheRead: asTokens(sent.cacheRead),
      cacheWrite: asTokens(sent.cacheWrite),
      reasoning: asTokens(made.reasoning),
      ...Object.fromEntries(OTHERS.map((name) => [name, asTokens(raw[name])])),
    }),
  };
}

/** A count that is not known is left out. */
export function writeUsage(usage: Usage | undefined): JsonObject {
  if (usage === undefined) return { inputTokens: {}, outputTokens: {} };
  const { input, output, cacheRead, cacheWrite, reasoning } = usage;
  const raw = present(Object.fromEntries(OTHERS.map((name) => [name, usage[name]])));
  return {
    inputTokens: {
      total: input,
      noCache: Math.max(0, input - (cacheRead ?? 0) - (cacheWrite ?? 0)),
      ...present({ cacheRead, cacheWrite }),
    },
    outputTokens: { total: output, ...present({ text: reasoning === undefined ? undefined : Math.max(0, output - reasoning), reasoning }) },
    ...(Object.keys(raw).length > 0 && { raw }),
  };
}
