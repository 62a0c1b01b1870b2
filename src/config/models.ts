import { present } from '../core/fields.ts';
import { DEFAULT_BREAKER } from '../core/health.ts';
import { asNumber, isObject, type JsonObject } from '../core/json.ts';
import { NANO_PER_USD } from '../core/money.ts';
import {
  DEFAULT_ATTEMPTS,
  DEFAULT_TIMEOUTS,
  type PlanAffinity,
  type PlanMirror,
  type PlanOption,
  type PlanPromptCache,
  type VirtualModel,
} from '../core/plan.ts';
import { nameOf, type Target } from '../core/strategy.ts';
import type { Context } from './compile.ts';
import { freezeData } from './freeze.ts';
import { DEFAULT_STRATEGY, type ModelDocument } from './model-schema.ts';
import type { Path } from './problems.ts';
import { drainTime } from './schema-pieces.ts';

/** The virtual models of a document by name; those with faults are left out, and the faults are reported. */
export function compileModels(
  written: readonly (readonly [name: string, model: unknown])[],
  context: Context,
): ReadonlyMap<string, VirtualModel> {
  const compiler = new ModelCompiler(written, context);
  const models = new Map<string, VirtualModel>();
  for (const [name] of written) {
    const model = compiler.model(name);
    if (model !== undefined) models.set(name, model);
  }
  return models;
}

/** Compiles models in the order in which they need each other: what a model names is there before it. */
class ModelCompiler {
  readonly #context: Context;
  readonly #written: ReadonlyMap<string, unknown>;
  readonly #compiled = new Map<string, VirtualModel | undefined>();
  /** Names of those that are being compiled: to meet one of them again is to go in a circle. */
  readonly #under: string[] = [];

  constructor(written: readonly (readonly [name: string, model: unknown])[], context: Context) {
    this.#context = context;
    this.#written = new Map(written);
  }

  model(name: string): VirtualModel | undefined {
    if (this.#compiled.has(name)) return this.#compiled.get(name);
    this.#under.push(name);
    const model = this.#compile(name, this.#written.get(name));
    this.#under.pop();
    this.#compiled.set(name, model);
    return model;
  }

  #compile(name: string, written: unknown): VirtualModel | undefined {
    const { problems, rolls, schema } = this.#context;
    const path = ['models', name];
    const loose = spellOut(written);
    const listed = targetsOf(loose.targets);
    const options = listed.flatMap(({ step, target }) => this.#option(target, at(path, step, written)));
    if (options.length > 0 && options.every(({ weight }) => weight === 0)) problems.add([...path, 'targets'], 'must not all have weight 0');
    checkNames(options, path, this.#context);
    const strategy = rolls.strategies.find((each) => each.name === (loose.strategy ?? DEFAULT_STRATEGY));
    if (strategy === undefined) return undefined;
    const settings = strategy.config.safeParse(loose.settings ?? {});
    problems.addIssues([...path, 'settings'], settings.error?.issues ?? []);
    if (settings.success && listed.length === options.length) {
      for (const fault of strategy.check?.(settings.data, namesOf(options)) ?? []) {
        problems.add([...path, 'settings', ...fault.path], fault.message);
      }
    }
    const mirrored = isObject(loose.mirror) ? this.#option(loose.mirror.to, [...path, 'mirror', 'to']) : [];
    const parts = schema.model.safeParse(written);
    if (!parts.success || !settings.success) return undefined;
    // What the schema has accepted is of its type; the two short forms have nothing but targets.
    const document = (isObject(written) ? parts.data : {}) as Partial<ModelDocument>;
    const mirror = mirrorOf(document.mirror, mirrored[0]);
    return Object.freeze({
      name,
      strategy,
      settings: freezeData(settings.data),
      options: Object.freeze(options),
      retry: freezeData({ attempts: document.retry?.attempts ?? DEFAULT_ATTEMPTS, on: document.retry?.on ?? [] }),
      timeout: freezeData({ ...DEFAULT_TIMEOUTS, ...present(document.timeout ?? {}) }),
      require: freezeData(present(document.require ?? {})),
      breaker: freezeData({ ...DEFAULT_BREAKER, ...present(document.breaker ?? {}) }),
      ...placesOf(document),
      ...(document.hedge === undefined ? {} : { hedge: freezeData(document.hedge) }),
      ...(mirror === undefined ? {} : { mirror }),
      ...drainTime(document.onDisconnect),
    });
  }

  #option(written: unknown, path: Path): PlanOption[] {
    const { problems, providers, models } = this.#context;
    const id = isObject(written) ? written.model : written;
    if (typeof id !== 'string') return [];
    const slash = id.indexOf('/');
    if (slash < 0) {
      if (!models.has(id)) {
        problems.add(path, `"${id}" is not a target: name a provider and its model as provider/model, or another virtual model`);
        return [];
      }
      if (this.#under.includes(id)) {
        problems.add(path, `goes in a circle: ${[...this.#under.slice(this.#under.indexOf(id)), id].join(' → ')}`);
        return [];
      }
      const virtual = this.model(id);
      const weight = isObject(written) ? asNumber(written.weight) : undefined;
      return virtual === undefined ? [] : [Object.freeze({ virtual, ...(weight === undefined ? {} : { weight }) })];
    }
    const provider = id.slice(0, slash);
    const model = id.slice(slash + 1);
    if (model.trim() === '') problems.add(path, `"${id}" names no model: write provider/model`);
    if (!providers.has(provider)) {
      problems.add(path, `names the provider "${provider}", which is neither built in nor under providers`);
      return [];
    }
    return [freezeData({ provider, model, ...(isObject(written) ? targetParts(written) : {}) })];
  }
}

/** Rules name targets: two of one name could not be told apart. */
function checkNames(options: readonly PlanOption[], path: Path, { problems }: Context): void {
  const seen = new Set<string>();
  for (const option of options) {
    const name = 'virtual' in option ? option.virtual.name : option.name;
    if (name !== undefined && seen.has(name)) problems.add([...path, 'targets'], `has two targets of the name "${name}"`);
    if (name !== undefined) seen.add(name);
  }
}

/** What the settings of a strategy may call its targets. */
const namesOf = (options: readonly PlanOption[]): ReadonlySet<string> =>
  new Set(
    options.flatMap((option) => {
      if ('virtual' in option) return [option.virtual.name];
      return option.name === undefined ? [nameOf(option)] : [option.name, nameOf(option)];
    }),
  );

/** What the schema checks is taken as it stands: a document with faults makes no plan. */
function targetParts({ model: _, ...parts }: JsonObject): Partial<Target> {
  return parts as Partial<Target>;
}

/** A vendor's prompt cache lasts some five minutes, or an hour where that is asked for. */
const AFFINITY_SECONDS = 300;
const LONG_SECONDS = 3_600;

/** What is kept at vendors, and that calls come back to it: what one place has kept is of no use at another. */
function placesOf({ affinity, promptCache }: Partial<ModelDocument>): Pick<VirtualModel, 'affinity' | 'promptCache'> {
  const marks = marksOf(promptCache);
  const usual =
    marks === undefined || marks === false ? false : { by: 'conversation', seconds: marks.ttl === '1h' ? LONG_SECONDS : AFFINITY_SECONDS };
  const wanted = affinity ?? usual;
  return { ...(wanted === false ? {} : { affinity: affinityOf(wanted) }), ...(marks === undefined ? {} : { promptCache: marks }) };
}

function marksOf(written: ModelDocument['promptCache']): PlanPromptCache | false | undefined {
  if (written === undefined || written === false) return written;
  return Object.freeze(written === true ? {} : present(written));
}

const affinityOf = ({ by, seconds = AFFINITY_SECONDS }: Exclude<NonNullable<ModelDocument['affinity']>, false>): PlanAffinity =>
  Object.freeze({ by, lasts: seconds * 1_000 });

function mirrorOf(written: ModelDocument['mirror'], to: PlanOption | undefined): PlanMirror | undefined {
  if (written === undefined || to === undefined) return undefined;
  return Object.freeze({ to, share: written.share, budget: Math.round(written.budget * NANO_PER_USD) });
}

/** The three ways to write a model, as the longest. What does not fit is reported by the schema and read as empty here. */
function spellOut(written: unknown): JsonObject {
  if (typeof written === 'string') return { targets: [written] };
  if (Array.isArray(written)) return { targets: written };
  return isObject(written) ? written : {};
}

function targetsOf(targets: unknown): { readonly step: number; readonly target: unknown }[] {
  return Array.isArray(targets) ? targets.map((target: unknown, step) => ({ step, target })) : [];
}

/** Where a target stands in the form that was written. */
function at(path: Path, step: number, written: unknown): Path {
  if (typeof written === 'string') return path;
  return Array.isArray(written) ? [...path, step] : [...path, 'targets', step];
}
