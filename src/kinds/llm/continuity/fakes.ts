import type { Json } from '../../../core/json.ts';
import type { Continuity, KeptEntry, KeptPlace } from '../../../core/ports.ts';

// Instruments for tests. Production code must not import this file.

/** Keeps in memory what a deployment would keep in storage, and tells how often it was asked. */
export interface MemoryContinuity extends Continuity {
  /** What was done with it, in order. */
  readonly asked: readonly string[];
  /** Every later write fails. */
  break(): void;
}

export function memoryContinuity(): MemoryContinuity {
  const entries = new Map<string, KeptEntry>();
  const asked: string[] = [];
  let broken = false;
  const at = (owner: string, { kind, id }: KeptPlace) => `${owner} ${kind} ${id}`;
  return {
    asked,
    break: () => {
      broken = true;
    },
    async put(owner, added) {
      asked.push('put');
      if (broken) throw new Error('there is no storage');
      for (const entry of added) entries.set(at(owner, entry), entry);
    },
    async get(owner, kind, ids) {
      asked.push('get');
      const found = ids.map((id) => [id, entries.get(at(owner, { kind, id }))?.value] as const);
      return new Map(found.flatMap(([id, value]): [string, Json][] => (value === undefined ? [] : [[id, value]])));
    },
    async chain(owner, place) {
      asked.push('chain');
      const values: Json[] = [];
      for (let next: KeptPlace | undefined = place; next !== undefined; ) {
        const entry: KeptEntry | undefined = entries.get(at(owner, next));
        if (entry === undefined) return undefined;
        values.unshift(entry.value);
        next = entry.parent;
      }
      return values;
    },
    async children(owner, parent, kind) {
      asked.push('children');
      const mine = [...entries].filter(([name]) => name.startsWith(`${owner} ${kind} `)).map(([, entry]) => entry);
      return mine.filter((entry) => entry.parent?.kind === parent.kind && entry.parent.id === parent.id).map(({ value }) => value);
    },
    async delete(owner, place) {
      asked.push('delete');
      return entries.delete(at(owner, place));
    },
    sign: async (owner, text) => btoa(`signed ${owner} ${encodeURIComponent(text)}`),
    seal: async (owner, text) => btoa(`${owner} ${encodeURIComponent(text)}`),
    async open(owner, sealed) {
      const text = atob(sealed);
      return text.startsWith(`${owner} `) ? decodeURIComponent(text.slice(owner.length + 1)) : undefined;
    },
  };
}
