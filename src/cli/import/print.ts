import type { LimitDocument } from '../../admin/litellm/limits.ts';
import type { Applied, Done } from './apply.ts';
import type { ImportPlan, ModelPart, Note, ProviderPart, Rules } from './plan.ts';

type Say = (line: string) => void;

/** A plan for people: all that comes over, what it becomes, and what does not. `seen`: what a gateway has of it already. */
export function printPlan(plan: ImportPlan, seen: Applied | undefined, say: Say): void {
  say(`From ${plan.from}`);
  printConfig(plan, seen, say);
  if (plan.secrets.length > 0) {
    heading('Secrets to set (npx wrangler secret put <name>; locally in .dev.vars)', say);
    for (const { name, about } of plan.secrets) say(`  ${name.padEnd(28)} ${about}`);
  }
  printTenants(plan, seen?.done ?? [], say);
  printNotes('Comes over as something else', plan.notes, 'changed', say);
  printNotes('Does not come over', plan.notes, 'left', say);
}

function heading(text: string, say: Say): void {
  say('');
  say(text);
}

function printConfig({ config }: ImportPlan, seen: Applied | undefined, say: Say): void {
  const things = [
    ...Object.entries(config.providers).map(([id, part]) => [`provider ${id}`, providerLine(part)] as const),
    ...Object.entries(config.models).map(([name, part]) => [`model ${name}`, modelLine(part)] as const),
  ];
  if (things.length === 0) return;
  heading(seen === undefined ? 'Configuration' : `Configuration (revision ${seen.revision} is served)`, say);
  for (const [what, line] of things) say(`  ${markOf(what, seen)} ${what.padEnd(30)} ${line}`);
  for (const { path, message } of seen?.problems ?? []) say(`  ! ${path}: ${message}`);
}

/** What is there already and something else stays. */
function markOf(what: string, seen: Applied | undefined): string {
  if (seen?.kept.includes(what) === true) return '≠ (there already, and something else: it stays)';
  return seen?.same.includes(what) === true ? '=' : '+';
}

function providerLine({ like, baseUrl, key, settings, prices }: ProviderPart): string {
  return [
    ...(like === undefined ? [] : [`like ${like}`]),
    ...(baseUrl === undefined ? [] : [baseUrl]),
    ...Object.entries(settings ?? {}).map(([name, value]) => `${name} ${value}`),
    ...(key === undefined ? [] : [`key from ${key.secret}`]),
    ...(prices === undefined ? [] : [`prices of ${Object.keys(prices).join(', ')}`]),
  ].join(', ');
}

function modelLine({ strategy, targets, retry, timeout }: ModelPart): string {
  const listed = targets.map((target) => (typeof target === 'string' ? target : `${target.model} (${target.weight})`)).join(', ');
  const more = [
    ...(retry === undefined ? [] : [`${retry.attempts} attempts`]),
    ...Object.entries(timeout ?? {}).map(([name, ms]) => `${name} ${ms} ms`),
  ];
  return `${strategy}: ${listed}${more.length === 0 ? '' : ` · ${more.join(', ')}`}`;
}

function printTenants({ orgs }: ImportPlan, done: readonly Done[], say: Say): void {
  if (orgs.length === 0) return;
  heading('Organisations, teams, apps, keys', say);
  const line = (kind: Done['kind'], depth: number, path: string, name: string, rules: Rules, more = '') => {
    const state = done.find((each) => each.kind === kind && each.path === path);
    const differs =
      state === undefined || state.differs.length === 0 ? '' : `  (there already, with other ${state.differs.join(', ')}: it stays)`;
    say(`  ${'  '.repeat(depth)}${state?.state === 'there' ? '=' : '+'} ${kind} ${name}${rulesLine(rules)}${more}${differs}`);
  };
  for (const org of orgs) {
    line('org', 0, org.name, org.name, org.rules);
    for (const team of org.teams) {
      const inTeam = `${org.name} / ${team.name}`;
      line('team', 1, inTeam, team.name, team.rules);
      for (const app of team.apps) {
        const inApp = `${inTeam} / ${app.name}`;
        line('app', 2, inApp, app.name, app.rules);
        for (const key of app.keys) {
          const ends = key.expiresAt === undefined ? '' : ` until ${new Date(key.expiresAt).toISOString().slice(0, 10)}`;
          line(
            'key',
            3,
            `${inApp} / ${key.name}`,
            key.name,
            key.rules,
            `${ends}${key.hash === undefined ? '' : '  [old key goes on working]'}`,
          );
        }
      }
    }
  }
}

function rulesLine({ limits, models, disabled }: Rules): string {
  const parts = [...limits.map(limitLine), ...(models === null ? [] : [`models ${models.join(', ')}`]), ...(disabled ? ['disabled'] : [])];
  return parts.length === 0 ? '' : `: ${parts.join('; ')}`;
}

/** `5 usd/day`, `0.5 usd/run`. */
function limitLine({ unit, limit, window, per, zone }: LimitDocument): string {
  const amount = [`${limit} ${unit}`, ...(window === undefined ? [] : [window]), ...(per === undefined ? [] : [per])].join('/');
  return zone === undefined ? amount : `${amount} (${zone})`;
}

function printNotes(title: string, notes: readonly Note[], kind: Note['kind'], say: Say): void {
  const mine = notes.filter((note) => note.kind === kind);
  if (mine.length === 0) return;
  heading(title, say);
  for (const { what, why } of mine) say(`  ${what}: ${why}`);
}

/** What was done, and the new keys: the only time that they are seen. */
export function printApplied({ revision, added, done, keys }: Applied, say: Say): void {
  const made = done.filter(({ state }) => state === 'made').length;
  const there = done.filter(({ state }) => state === 'there').length;
  say('');
  say(
    `Done: revision ${revision} is served${added.length === 0 ? '' : `, with ${added.join(', ')}`}; ${made} made, ${there} there already.`,
  );
  if (keys.length === 0) return;
  const width = Math.max(...keys.map(({ old }) => old.length));
  heading('New keys, shown this once', say);
  for (const { old, key, stays } of keys) say(`  ${old.padEnd(width)}  ${key}${stays ? '  (the old key works too)' : ''}`);
}
