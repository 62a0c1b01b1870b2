import type { Identity } from './exchange.ts';
import { type Limited, readLimit } from './ledger/limits.ts';
import type { Allowed, AllowLists, LevelRules, StoredCaller } from './tenant.ts';

/** Who calls come from, with what every level says of them. Throws where a stored limit cannot be read: none is skipped. */
export function identityOf({ org, team, app, generation, levels, metadata }: StoredCaller, keyId: string): Identity {
  const allowed = allowedBy(levels);
  const limits = levels.flatMap((level) => limitsOf(level));
  return {
    keyId,
    org,
    team,
    app,
    principal: app,
    generation,
    ...(allowed === undefined ? {} : { allowed }),
    ...(limits.length === 0 ? {} : { limits }),
    ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
  };
}

function allowedBy(levels: readonly LevelRules[]): Allowed | undefined {
  const of = (name: keyof AllowLists) => levels.flatMap(({ [name]: list }) => (list === undefined ? [] : [list]));
  const allowed = { models: of('models'), routes: of('routes'), ips: of('ips'), countries: of('countries') };
  return Object.values(allowed).every((lists) => lists.length === 0) ? undefined : allowed;
}

function limitsOf({ level, id, limits }: LevelRules): readonly Limited[] {
  if (limits.length === 0) return [];
  const read = limits.map((written) => {
    const limit = readLimit(written);
    if ('problem' in limit) throw new Error(`A limit of ${id} cannot be read: ${limit.problem}`);
    return limit;
  });
  return [{ level, id, limits: read }];
}
