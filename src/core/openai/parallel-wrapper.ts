import { asString, isArray, isObject, parseJson } from '../json.ts';

/**
 * Models of OpenAI at times call a tool that nobody gave them, the one by which they were taught to call several at once:
 * `multi_tool_use.parallel({tool_uses: [{recipient_name: "functions.f", parameters}]})`. A client knows no such tool.
 */
const NAMES: ReadonlySet<string> = new Set(['multi_tool_use.parallel', 'parallel']);

export const mayBeWrapper = (name: string): boolean => NAMES.has(name);

/** The calls inside; `undefined` where this is a tool of the caller's that happens to have the name. */
export function unwrapped(input: string): readonly { readonly name: string; readonly input: string }[] | undefined {
  const fields = parseJson(input);
  if (!isObject(fields) || !isArray(fields.tool_uses)) return undefined;
  const calls = fields.tool_uses.map((use) => {
    const name = isObject(use) ? asString(use.recipient_name) : undefined;
    if (!isObject(use) || name === undefined || !name.startsWith('functions.')) return undefined;
    return { name: name.slice('functions.'.length), input: JSON.stringify(use.parameters ?? {}) };
  });
  const known = calls.filter((call) => call !== undefined);
  return known.length === calls.length && known.length > 0 ? known : undefined;
}
