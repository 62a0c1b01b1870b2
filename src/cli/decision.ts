import type { DecisionItem } from '../admin/explanation.ts';
import { table } from './table.ts';

/** How a call found its way, in lines for people. */
export function decisionLines(decision: DecisionItem): readonly string[] {
  const { model, strategies = [], models = [], candidates, attempts, random, notes, more = {} } = decision;
  const left = (list: string) => (more[list] === undefined ? [] : [`  … and ${more[list]} more`]);
  return [
    `${model === '' ? 'No model' : model}${strategies.length === 0 ? '' : `, ordered by ${strategies.join(', then ')}`}${random === true ? '; chance had a part in it' : ''}`,
    ...models.map(({ model: nested, why, out }) => `  ${nested}: ${said([why, out === undefined ? undefined : `not asked: ${out}`])}`),
    ...(candidates.length === 0 ? [] : ['Candidates', ...indented(candidateTable(candidates)), ...left('candidates')]),
    ...(attempts.length === 0 ? [] : ['Attempts', ...indented(attemptTable(attempts)), ...left('attempts')]),
    ...(notes === undefined ? [] : [`Noted: ${JSON.stringify(notes)}`]),
  ];
}

const candidateTable = (candidates: DecisionItem['candidates']) =>
  table(
    ['#', 'target', 'why'],
    candidates.map(({ target, name, why, out }, at) => [
      out === undefined ? String(at + 1) : '-',
      name === undefined ? target : `${name} (${target})`,
      said([why, out === undefined ? undefined : `not asked: ${out}`]),
    ]),
  );

const attemptTable = (attempts: DecisionItem['attempts']) =>
  table(
    ['at ms', 'target', 'outcome', 'took ms'],
    attempts.map(({ target, credential, at, ms, outcome, status, why, probe, as }) => [
      at ?? '-',
      credential === undefined ? target : `${target} #${credential}`,
      said([
        status === undefined || status === null ? outcome : `${outcome} (${status})`,
        why === undefined ? undefined : `after ${why}`,
        probe === true ? 'as a probe' : undefined,
        as === undefined ? undefined : `as ${as}`,
      ]),
      ms ?? '-',
    ]),
  );

const said = (parts: readonly (string | undefined)[]) => parts.filter((part) => part !== undefined).join('; ');
export const indented = (text: string) => text.split('\n').map((line) => `  ${line}`);
