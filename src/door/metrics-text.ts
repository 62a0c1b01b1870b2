import { BOUNDS_MS } from '../state/totals.ts';

// Lines of the Prometheus exposition format, version 0.0.4.

export type Labels = { readonly [label: string]: string };

export interface Histogram {
  /** For each of `BOUNDS_MS` how many were no more. */
  readonly counts: readonly number[];
  readonly count: number;
  readonly milliseconds: number;
}

export function histogramLines(name: string, labels: Labels, parts: readonly Histogram[]): readonly string[] {
  const count = sum(parts.map((part) => part.count));
  if (count === 0) return [];
  const buckets = BOUNDS_MS.map((bound, at) =>
    sample(`${name}_bucket`, { ...labels, le: String(bound / 1000) }, String(sum(parts.map(({ counts }) => counts[at] ?? 0)))),
  );
  return [
    ...buckets,
    sample(`${name}_bucket`, { ...labels, le: '+Inf' }, String(count)),
    sample(`${name}_sum`, labels, String(sum(parts.map(({ milliseconds }) => milliseconds)) / 1000)),
    sample(`${name}_count`, labels, String(count)),
  ];
}

export const family = (
  name: string,
  type: 'counter' | 'histogram' | 'gauge',
  help: string,
  lines: readonly string[],
): readonly string[] => [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines];

export function sample(name: string, labels: Labels, value: string): string {
  const written = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${written.length === 0 ? '' : `{${written.join(',')}}`} ${value}`;
}

/** Of a label's value: a backslash, a quotation mark and the end of a line, and nothing else. */
const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Nano-dollars as dollars, to the last digit. */
export function usdOf(amounts: readonly string[]): string {
  const digits = String(amounts.reduce((total, amount) => total + BigInt(amount), 0n)).padStart(10, '0');
  const fraction = digits.slice(-9).replace(/0+$/, '');
  return `${digits.slice(0, -9)}${fraction === '' ? '' : `.${fraction}`}`;
}

interface Group<T> {
  readonly labels: Labels;
  readonly of: readonly T[];
}

export function grouped<T>(all: readonly T[], labelsOf: (totals: T) => Labels): readonly Group<T>[] {
  const groups = new Map<string, { readonly labels: Labels; readonly of: T[] }>();
  for (const totals of all) {
    const labels = labelsOf(totals);
    const key = JSON.stringify(labels);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { labels, of: [totals] });
    else group.of.push(totals);
  }
  return [...groups.values()];
}
