import { isDeepEqual } from './equal.ts';
import type { ConfigPart } from './plan.ts';

/** The served document with what is imported beside it. */
export interface Merged {
  readonly document: { readonly [part: string]: unknown };
  /** By `provider openai`, `model smart`. */
  readonly added: readonly string[];
  /** There already, and as it would be made. */
  readonly same: readonly string[];
  /** There already, and something else: it stays as it is. */
  readonly kept: readonly string[];
}

const SECTIONS = { providers: 'provider', models: 'model' } as const;

/** Adds what is missing and changes nothing that is there. */
export function merged(document: Merged['document'], part: ConfigPart): Merged {
  const added: string[] = [];
  const same: string[] = [];
  const kept: string[] = [];
  const sections = (['providers', 'models'] as const).flatMap((section) => {
    const there = recordIn(document[section]);
    const next = { ...there };
    for (const [name, value] of Object.entries(part[section])) {
      const what = `${SECTIONS[section]} ${name}`;
      if (!Object.hasOwn(there, name)) {
        next[name] = value;
        added.push(what);
      } else (isDeepEqual(there[name], value) ? same : kept).push(what);
    }
    return Object.keys(next).length === 0 ? [] : [[section, next] as const];
  });
  return { document: { ...document, ...Object.fromEntries(sections) }, added, same, kept };
}

const recordIn = (value: unknown): { readonly [name: string]: unknown } =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : {};
