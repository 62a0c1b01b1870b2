import { nameOf, type Target } from './strategy.ts';

// How settings of a strategy speak of its targets: by `name`, a virtual model's name included, or by `provider/model`.

/** The targets that the names stand for, in the order of the names, each once. */
export function targetsNamed(targets: readonly Target[], names: readonly string[]): readonly Target[] {
  const found = new Set<Target>();
  for (const name of names) for (const target of targets) if (isCalled(target, name)) found.add(target);
  return [...found];
}

const isCalled = (target: Target, name: string) => target.name === name || nameOf(target) === name;

/** A list of names, and where in the settings it stands. */
export interface NamedList {
  readonly path: readonly PropertyKey[];
  readonly names: readonly string[];
}

/** The names that no target has. `known`: every name by which one may be called. */
export function unknownNames(lists: readonly NamedList[], known: ReadonlySet<string>): readonly SettingFault[] {
  return lists.flatMap(({ path, names }) =>
    names.flatMap((name, step) =>
      known.has(name) ? [] : [{ path: [...path, step], message: `"${name}" is none of the model's targets: ${[...known].join(', ')}` }],
    ),
  );
}

/** What is wrong with a strategy's settings that its schema cannot say, and where below them. */
export interface SettingFault {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}
