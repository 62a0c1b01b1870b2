import type { ImportPlan, Notes, Rules } from './plan.ts';

type Parts = Pick<ImportPlan, 'config' | 'orgs'>;

/** Says which models may be refused: to a key with a budget, one whose price nobody knows is. */
export function notePrices({ config, orgs }: Parts, notes: Notes): void {
  const parts = orgs.flatMap((org) => [org, ...org.teams.flatMap((team) => [team, ...team.apps.flatMap((app) => [app, ...app.keys])])]);
  if (!parts.some(({ rules }) => hasBudget(rules))) return;
  const unpriced = Object.values(config.models)
    .flatMap(({ targets }) => targets.map((target) => (typeof target === 'string' ? target : target.model)))
    .filter((target) => {
      const slash = target.indexOf('/');
      const provider = config.providers[target.slice(0, slash)];
      return provider?.baseUrl !== undefined && provider.prices?.[target.slice(slash + 1)] === undefined;
    });
  for (const target of new Set(unpriced)) {
    notes.changed(
      `budgets in dollars and ${target}`,
      'unless the catalogue knows its price, keys with a budget are refused it: give it one (`prices` of its provider)',
    );
  }
}

const hasBudget = ({ limits }: Rules): boolean => limits.some(({ unit }) => unit === 'usd');
