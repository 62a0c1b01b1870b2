/** One sample of a scrape. */
export interface Sample {
  readonly name: string;
  readonly labels: { readonly [label: string]: string };
  readonly value: number;
}

export interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,|$)/;
const NUMBER = /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|NaN|[+-]Inf)$/;
const SUFFIXES: { readonly [type: string]: readonly string[] } = { counter: [''], gauge: [''], histogram: ['_bucket', '_sum', '_count'] };

/**
 * Reads the Prometheus text format 0.0.4 and throws on what a scraper or `promtool check metrics` objects to: a family
 * that is not of one piece or not described, a sample twice, a counter that is no `_total`, a histogram whose buckets do
 * not add up.
 */
export function parseScrape(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, { type: string; help: string; samples: Sample[] }>();
  let current: { name: string; type: string; help: string; samples: Sample[] } | undefined;
  for (const line of text.slice(0, -1).split('\n')) {
    const [, keyword, name = '', rest = ''] = new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`).exec(line) ?? [];
    if (keyword === 'HELP') {
      if (families.has(name)) throw new Error(`${name} is described twice`);
      current = { name, type: '', help: rest, samples: [] };
      families.set(name, current);
    } else if (keyword === 'TYPE') {
      if (current?.name !== name || current.type !== '') throw new Error(`TYPE of ${name} does not follow its HELP`);
      if (SUFFIXES[rest] === undefined) throw new Error(`${rest} is no type`);
      if (rest === 'counter' && !name.endsWith('_total')) throw new Error(`the counter ${name} is no _total`);
      current.type = rest;
    } else {
      const sample = readSample(line);
      const names = SUFFIXES[current?.type ?? '']?.map((suffix) => `${current?.name}${suffix}`);
      if (!names?.includes(sample.name)) throw new Error(`not in its family: ${line}`);
      current?.samples.push(sample);
    }
  }
  for (const [name, family] of families) checkFamily(name, family);
  return families;
}

function readSample(line: string): Sample {
  const [, name = '', written, number = ''] = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`).exec(line) ?? [];
  if (name === '' || !NUMBER.test(number)) throw new Error(`no sample: ${line}`);
  const labels: Record<string, string> = {};
  for (let left = written ?? ''; left !== ''; ) {
    const [all, label = '', text = ''] = LABEL.exec(left) ?? [];
    if (all === undefined || label in labels || label.startsWith('__')) throw new Error(`no label: ${left}`);
    labels[label] = text.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
    left = left.slice(all.length);
  }
  return { name, labels, value: Number(number.replace('Inf', 'Infinity')) };
}

function checkFamily(name: string, { type, samples }: Family): void {
  if (type === '') throw new Error(`${name} has no type`);
  const keys = samples.map(({ name: own, labels }) => JSON.stringify([own, Object.entries(labels).sort()]));
  if (new Set(keys).size < keys.length) throw new Error(`${name} has a sample twice`);
  if (type !== 'gauge' && samples.some(({ value }) => !(value >= 0))) throw new Error(`${name} counts below nothing`);
  if (type === 'histogram') checkHistogram(name, samples);
}

function checkHistogram(name: string, samples: readonly Sample[]): void {
  const series = new Map<string, Sample[]>();
  for (const sample of samples) {
    const { le: _, ...labels } = sample.labels;
    const key = JSON.stringify(Object.entries(labels).sort());
    series.set(key, [...(series.get(key) ?? []), sample]);
  }
  for (const [key, of] of series) {
    const buckets = of.filter((sample) => sample.name.endsWith('_bucket'));
    const bounds = buckets.map(({ labels }) => Number(labels.le?.replace('Inf', 'Infinity')));
    const counts = buckets.map(({ value }) => value);
    const rises = (values: readonly number[], strictly: boolean) =>
      values.every((value, at) => at === 0 || (strictly ? value > (values[at - 1] ?? 0) : value >= (values[at - 1] ?? 0)));
    if (!rises(bounds, true) || !rises(counts, false)) throw new Error(`the buckets of ${name} ${key} do not rise`);
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY) throw new Error(`${name} ${key} has no bucket for the rest`);
    const count = of.filter((sample) => sample.name === `${name}_count`);
    if (count.length !== 1 || count[0]?.value !== counts.at(-1)) throw new Error(`the count of ${name} ${key} is not that of its buckets`);
    if (of.filter((sample) => sample.name === `${name}_sum`).length !== 1) throw new Error(`${name} ${key} has no sum`);
  }
}

/** The sum of the samples of this name that bear these labels. */
export function total(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: { readonly [label: string]: string } = {},
  sample = name,
): number {
  const family = families.get(name);
  if (family === undefined) throw new Error(`there is no ${name}`);
  return family.samples
    .filter((each) => each.name === sample && Object.entries(labels).every(([label, value]) => each.labels[label] === value))
    .reduce((sum, { value }) => sum + value, 0);
}
