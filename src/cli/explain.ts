import { parseArgs } from 'node:util';
import type { ExplanationItem } from '../admin/explanation.ts';
import { isObject, parseJson } from '../core/json.ts';
import type { AdminClient } from './client.ts';
import { decisionLines, indented } from './decision.ts';
import { Misuse, type Shell } from './shell.ts';
import { table } from './table.ts';

export const EXPLAIN_HELP = `  weir explain <file|-> [--key <id> | --app <app>] [--path /v1/messages] [--header 'name: value']
                                                       what would become of the call whose body this is`;

const text = { type: 'string' } as const;
const options = {
  key: text,
  app: text,
  team: text,
  org: text,
  path: text,
  country: text,
  header: { type: 'string', multiple: true },
  json: { type: 'boolean' },
} as const;

/** Runs `weir explain …`; returns the exit code: 0 also where the call would be refused, since that was the question. */
export async function runExplain(args: readonly string[], shell: Shell, client: () => AdminClient): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  const [file, ...rest] = positionals;
  if (file === undefined || rest.length > 0)
    throw new Misuse('weir explain needs one file that holds the body of a call, or - for the input.');
  const body = parseJson(new TextDecoder().decode(await shell.read(file)));
  if (!isObject(body)) throw new Misuse(`${file === '-' ? 'The input' : file} is not one JSON object.`);
  const { header = [], json, ...named } = values;
  const answer = await client().explain({ ...named, headers: headersIn(header), body });
  shell.out(json === true ? JSON.stringify(answer) : shown(answer));
  return 0;
}

function headersIn(given: readonly string[]): { readonly [name: string]: string } {
  return Object.fromEntries(
    given.map((line) => {
      const at = line.indexOf(':');
      if (at < 1) throw new Misuse("--header takes 'name: value'.");
      return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    }),
  );
}

function shown({ decision, targets, notes, ...answer }: ExplanationItem): string {
  return [
    ...decisionLines(notes === undefined ? decision : { ...decision, notes: { ...decision.notes, ...notes } }),
    ...(targets.length === 0 ? [] : ['What each would be sent', ...indented(targetTable(targets))]),
    ...targets.flatMap(({ target, loss }) => (loss.length === 0 ? [] : [`  ${target} cannot be told: ${loss.join(', ')}`])),
    ...limitLines(targets),
    ...besideLines(answer),
    verdict(answer),
  ].join('\n');
}

type Targets = ExplanationItem['targets'];

const targetTable = (targets: Targets) =>
  table(
    ['target', 'form', 'input', 'output', 'USD', 'at most USD', 'state', 'obstacle'],
    targets.map(({ target, dialect, translated, estimate, most, places, obstacle, limits }) => [
      target,
      dialect === undefined ? '-' : translated === true ? `${dialect}, translated` : dialect,
      estimate.input,
      estimate.output,
      usd(estimate.cost),
      usd(most?.cost),
      places.map(({ credential, state }) => (credential === undefined ? state : `#${credential} ${state}`)).join(', '),
      obstacle?.code ?? limits.code ?? '-',
    ]),
  );

/** Of the target that comes first: they differ where a limit is of one model. */
function limitLines([first]: Targets): readonly string[] {
  const items = first?.limits.items ?? [];
  if (items.length === 0) return [];
  const rows = items.map(({ level, each, unit, window, limit, remaining, needs, fits, soft }) => [
    each === undefined ? level : `${level} ${each}`,
    `${limit} ${unit} ${window}`,
    remaining,
    needs,
    fits ? (soft === true ? 'yes (soft)' : 'yes') : 'no',
  ]);
  return [`Limits, for ${first?.target}`, ...indented(table(['of', 'limit', 'remaining', 'needs', 'fits'], rows))];
}

/** Who else would hear of the call. */
function besideLines({ hedge, mirror }: Pick<ExplanationItem, 'hedge' | 'mirror'>): readonly string[] {
  const { after, target = 'nobody', why = '' } = hedge ?? {};
  const hedged = after === null ? `Nobody is asked beside a slow first target: ${why}` : `Asked beside it after ${after} ms: ${target}`;
  const copied =
    mirror?.why === undefined ? `Copied to ${mirror?.to}, ${(mirror?.share ?? 0) * 100} of 100 calls` : `Not copied: ${mirror.why}`;
  return [...(hedge === undefined ? [] : [hedged]), ...(mirror === undefined ? [] : [copied])];
}

function verdict({ first, refusal, answered }: Pick<ExplanationItem, 'first' | 'refusal' | 'answered'>): string {
  if (answered === true) return 'A policy answers it, and nobody is asked.';
  if (refusal !== undefined) return `Refused: ${refusal.code} (${refusal.status}): ${refusal.message}`;
  return `Asked first: ${first ?? 'nobody'}`;
}

const usd = (nano: number | undefined) => (nano === undefined ? '-' : (nano / 1e9).toFixed(6));
