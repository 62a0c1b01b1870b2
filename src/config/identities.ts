import type { z } from 'zod';
import type { IdentityKind, Mapping, PlanIdentity } from '../core/identity.ts';
import { isObject } from '../core/json.ts';
import { type Limit, readLimit } from '../core/ledger/limits.ts';
import { isLiteral, parseTemplate, rootsOf, type Template } from '../core/template.ts';
import { freezeData } from './freeze.ts';
import type { Path, Problems } from './problems.ts';
import type { Rolls } from './rolls.ts';
import type { ConfigSchema } from './schema.ts';

interface Context {
  readonly rolls: Rolls;
  readonly local: boolean;
  readonly schema: ConfigSchema;
  readonly problems: Problems;
}

/** The entries of `identities`, in the order in which they are tried: that of the roll, then that of the document. */
export function compileIdentities(written: unknown, context: Context): readonly PlanIdentity[] {
  const { rolls, problems } = context;
  const listed: PlanIdentity[] = [];
  for (const [step, entry] of (Array.isArray(written) ? written : []).entries()) {
    const path = ['identities', step];
    for (const each of compileOne(entry, path, context)) {
      if (listed.some(({ name }) => name === each.name)) problems.add([...path, 'name'], `is used twice: "${each.name}"`);
      if ((each.kind.anybody === true || each.kind.single === true) && listed.some(({ kind }) => kind === each.kind)) {
        problems.add(path, `is one too many: there is one "${each.kind.use}" at most`);
      }
      listed.push(each);
    }
  }
  return Object.freeze(rolls.identities.flatMap((kind) => listed.filter((each) => each.kind === kind)));
}

function compileOne(entry: unknown, path: Path, context: Context): readonly PlanIdentity[] {
  if (!isObject(entry)) return [];
  const { use, name, as, limits, ...rest } = entry;
  const kind = context.rolls.identities.find((each) => each.use === use);
  if (kind === undefined) return [];
  const settings = settingsOf(kind, rest, path, context);
  const mapped =
    as === undefined ? undefined : mappingOf(kind, context.schema.mapping.safeParse(as).data, [...path, 'as'], context.problems);
  if (as === undefined && rest.admin === undefined && (settings === undefined || kind.standsAlone?.(settings) !== true)) {
    context.problems.add([...path, 'as'], 'is missing: it says as whom the calls count');
  }
  const held = limitsOf(limits, [...path, 'limits'], context.problems).map((limit) => countedFor(kind, limit));
  if (settings === undefined || typeof name !== 'string') return [];
  return [Object.freeze({ kind, name, settings, limits: Object.freeze(held), ...(mapped === undefined ? {} : { as: mapped }) })];
}

/** What its own schema, refinements included, makes of the settings. */
function settingsOf(kind: IdentityKind, written: object, path: Path, { local, problems }: Context): unknown {
  const settings = kind.config.safeParse(written);
  if (!settings.success) {
    problems.addIssues(path, settings.error.issues);
    return undefined;
  }
  for (const { path: at, message } of kind.problems?.(settings.data, { local }) ?? []) problems.add([...path, ...at.split('.')], message);
  return freezeData(settings.data);
}

function mappingOf(
  kind: IdentityKind,
  written: z.output<ConfigSchema['mapping']> | undefined,
  path: Path,
  problems: Problems,
): Mapping | undefined {
  if (written === undefined) return undefined;
  const read = (text: string | undefined, at: Path) => (text === undefined ? undefined : templateOf(kind, text, at, problems));
  const [app, org, team, user] = (['app', 'org', 'team', 'user'] as const).map((part) => read(written[part], [...path, part]));
  const metadata = Object.entries(written.metadata ?? {}).flatMap(([name, text]) => {
    const value = read(text, [...path, 'metadata', name]);
    return value === undefined ? [] : [[name, value] as const];
  });
  if (app === undefined) return undefined;
  if (!isLiteral(app) && org === undefined) {
    problems.add([...path, 'org'], 'is missing: where the credential says which app it is, the organisation must be said too');
  }
  return Object.freeze({
    app,
    metadata: Object.freeze(metadata),
    ...(org === undefined ? {} : { org }),
    ...(team === undefined ? {} : { team }),
    ...(user === undefined ? {} : { user }),
  });
}

function templateOf(kind: IdentityKind, text: string, path: Path, problems: Problems): Template | undefined {
  const template = parseTemplate(text);
  if ('problem' in template) {
    problems.add(path, template.problem);
    return undefined;
  }
  const unknown = rootsOf(template).find((root) => !kind.facts.includes(root));
  if (unknown !== undefined) {
    const known = kind.facts.map((each) => `{${each}…}`).join(', ');
    problems.add(path, `has the place "${unknown}", of which "${kind.use}" knows nothing${known === '' ? '' : `: it knows ${known}`}`);
  }
  return freezeData(template);
}

/** Where anybody may ask, a limit holds for each of them, unless it says otherwise. */
const countedFor = (kind: IdentityKind, limit: Limit): Limit =>
  kind.anybody === true && limit.per === undefined ? { ...limit, per: 'user' } : limit;

function limitsOf(written: unknown, path: Path, problems: Problems): readonly Limit[] {
  return (Array.isArray(written) ? written : []).flatMap((each, step) => {
    const limit = readLimit(each);
    if (!('problem' in limit)) return [limit];
    problems.add([...path, step], limit.problem);
    return [];
  });
}
