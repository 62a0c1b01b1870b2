import type { DatedPrice, ModelCard } from '../core/price.ts';
import text from './catalogue.txt';
import { namesOf } from './names.ts';

// The vendored list of models and prices: JSON by the line, made by `npm run catalogue`. It is read by the provider and on
// first use, so that an isolate's start pays for none of it.

export interface CatalogueSource {
  readonly name: string;
  readonly version: string;
  readonly url: string;
  readonly licence: string;
  readonly copyright: string;
}

interface Head {
  /** Day of the prices, and the beginning of the content's hash: `2026-09-23+359e32`. */
  readonly version: string;
  readonly sources: readonly CatalogueSource[];
}

interface ProviderLine {
  readonly provider: string;
  /** Providers whose prices hold for a model that is not listed. */
  readonly fallback?: readonly string[];
  readonly factors?: { readonly [way: string]: number };
}

/** A line of a model: names besides its id, `*` at either end for any text. */
type ModelLine = ModelCard & { readonly as?: readonly string[] };

interface Section {
  readonly fallback: readonly string[];
  readonly exact: ReadonlyMap<string, ModelCard>;
  readonly patterns: readonly { readonly fits: (name: string) => boolean; readonly card: ModelCard }[];
}

/** Names of models come from callers, so what is remembered of them is bounded. */
const MOST_REMEMBERED = 1000;

let head: Head | undefined;
const sections = new Map<string, Section | undefined>();
const remembered = new Map<string, ModelCard | undefined>();

export function catalogueHead(): Head {
  head ??= JSON.parse(text.slice(0, text.indexOf('\n'))) as Head;
  return head;
}

/**
 * What is known of a model at a provider, by Weir's id of it. Dates, places and Bedrock's regions in the name are looked
 * past where the full name is not listed.
 */
export function findModel(provider: string, model: string): ModelCard | undefined {
  const key = `${provider}/${model}`;
  const known = remembered.get(key);
  if (known !== undefined || remembered.has(key)) return known;
  const found = search(provider, namesOf(model));
  if (remembered.size >= MOST_REMEMBERED) remembered.clear();
  remembered.set(key, found);
  return found;
}

/** Every model that is listed of a provider under its own name. */
export function modelsOf(provider: string): readonly ModelCard[] {
  const cards = new Map([...(sectionOf(provider)?.exact.values() ?? [])].map((card) => [card.id, card]));
  return [...cards.values()];
}

/** The price that holds at a time, in milliseconds since the epoch. */
export function priceAt(prices: readonly DatedPrice[] | undefined, at: number): DatedPrice | undefined {
  return prices?.findLast((price) => holds(price, at)) ?? prices?.[0];
}

function holds({ from, between }: DatedPrice, at: number): boolean {
  if (from !== undefined && at < Date.parse(from)) return false;
  if (between === undefined) return true;
  const minute = Math.floor(at / 60_000) % 1440;
  const [start, end] = [minuteOf(between[0]), minuteOf(between[1])];
  return start < end ? minute >= start && minute < end : minute >= start || minute < end;
}

const minuteOf = (time: string) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5));

function search(provider: string, names: readonly string[]): ModelCard | undefined {
  const section = sectionOf(provider);
  if (section === undefined) return undefined;
  for (const name of names) {
    const found = section.exact.get(name) ?? section.patterns.find(({ fits }) => fits(name))?.card;
    if (found !== undefined) return found;
  }
  for (const other of section.fallback) {
    const found = search(other, names);
    if (found !== undefined) return found;
  }
  return undefined;
}

function sectionOf(provider: string): Section | undefined {
  const known = sections.get(provider);
  if (known !== undefined || sections.has(provider)) return known;
  const section = readSection(provider);
  // Ids come from the configuration, of which there are few; those that are not listed need no memory.
  if (section !== undefined) sections.set(provider, section);
  return section;
}

function readSection(provider: string): Section | undefined {
  const start = text.indexOf(`\n{"provider":${JSON.stringify(provider)}`);
  if (start < 0) return undefined;
  const next = text.indexOf('\n{"provider":', start + 1);
  const lines = text.slice(start + 1, next < 0 ? text.length : next).trimEnd();
  const [line, ...models] = JSON.parse(`[${lines.replaceAll('\n', ',')}]`) as [ProviderLine, ...ModelLine[]];
  const exact = new Map<string, ModelCard>();
  const patterns: { readonly fits: (name: string) => boolean; readonly card: ModelCard }[] = [];
  for (const { as = [], ...model } of models) {
    const card = line.factors === undefined ? model : { ...model, factors: { ...line.factors, ...model.factors } };
    for (const name of [model.id, ...as]) {
      if (name.includes('*')) patterns.push({ fits: fitter(name), card });
      else if (!exact.has(name)) exact.set(name, card);
    }
  }
  return { fallback: line.fallback ?? [], exact, patterns };
}

function fitter(pattern: string): (name: string) => boolean {
  const open = pattern.startsWith('*');
  const part = pattern.slice(open ? 1 : 0, pattern.endsWith('*') && pattern !== '*' ? -1 : undefined);
  if (!pattern.endsWith('*')) return (name) => name.endsWith(part);
  return open ? (name) => name.includes(part) : (name) => name.startsWith(part);
}
