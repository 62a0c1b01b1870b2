import { readFileSync } from 'node:fs';
import path from 'node:path';
import { seeded } from '../auto/statistics.mjs';
import { minimalPairs } from './minimal-pairs.mjs';
import { editedQuestions } from './people.mjs';
import { rewrites, wordy } from './rewrites.mjs';

// Pairs of questions of which it is known whether they are the same. Nothing of this is learnt from, and nothing needs
// to be fetched.

const linesOf = (name) =>
  readFileSync(path.join(import.meta.dirname, name), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

/** `{name, same, rows: [{kind, a, b}]}`. */
export function pairSets() {
  const people = linesOf('questions.txt');
  const checklist = linesOf('checklist.tsv').map((line) => {
    const [same, kind, a, b] = line.split('\t');
    return { same: same === '1', kind, a, b };
  });
  return [
    { name: 'frames', same: false, rows: minimalPairs('measured', seeded(1)) },
    { name: 'people', same: false, rows: editedQuestions(people, seeded(2), 120) },
    { name: 'checklist', same: false, rows: checklist.filter(({ same }) => !same) },
    { name: 'rewrites', same: true, rows: rewrites([...wordy('measured'), ...people], 'measured', seeded(3)) },
    { name: 'paraphrases', same: true, rows: checklist.filter(({ same }) => same) },
  ];
}

/** What each way to decide makes of a pair. */
export const WAYS = ['cosine', 'verifier', 'guards', 'both'];

/** How like two vectors must be where nothing else is asked. */
const COSINE = 0.95;

/** `{name, same, total, accepted: {way: count}, kinds: [{kind, total, accepted}], unlisted, mistakes}`. */
export function measurePairs(weir) {
  return pairSets().map(({ name, same, rows }) => {
    const judged = rows.map((row) => judgedOf(row, weir));
    const kinds = [...Map.groupBy(judged, ({ kind }) => kind)].map(([kind, group]) => ({ kind, ...counted(group) }));
    const unlisted = judged.filter(({ listed }) => !listed);
    const mistakes = judged.filter(({ says }) => says.both !== same).map(({ kind, a, b, objections }) => ({ kind, a, b, objections }));
    return { name, same, ...counted(judged), kinds, unlisted: counted(unlisted), mistakes };
  });
}

function judgedOf(row, weir) {
  const similarity = weir.similarity(weir.embed(row.a), weir.embed(row.b));
  const { same, probability, objections } = weir.judge(row.a, row.b, similarity);
  const says = { cosine: similarity >= COSINE, verifier: probability >= weir.PROBABLE, guards: objections.length === 0, both: same };
  return { ...row, objections, says, listed: isListed(weir.pairOf(weir.read(row.a), weir.read(row.b)), weir) };
}

/** Whether the tables of the guards know a word in which the two differ, and what it is for. */
function isListed({ onlyAsked, onlyKept }, { areOpposite }) {
  const known = [...onlyAsked, ...onlyKept].some(({ role, name }) => role !== 'content' || (name !== undefined && name !== 'name'));
  return known || onlyAsked.some((a) => onlyKept.some((b) => areOpposite(a.key, b.key)));
}

function counted(rows) {
  const accepted = Object.fromEntries(WAYS.map((way) => [way, rows.filter(({ says }) => says[way]).length]));
  return { total: rows.length, accepted };
}
