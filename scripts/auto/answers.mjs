import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { chatOf } from './generated.mjs';
import { seeded } from './statistics.mjs';

// What two models made of the questions of two examinations: whether each answered rightly, and what the classifier
// counts of the question. The questions themselves are not kept. Taken from the evaluation folder of
// https://github.com/lm-sys/RouteLLM (Apache-2.0): MMLU (MIT) and GSM8K (MIT), answered by mixtral-8x7b-instruct and
// gpt-4-1106-preview.

const WEAK = 'mistralai/Mixtral-8x7B-Instruct-v0.1';
const STRONG = 'gpt-4-1106-preview';
const EACH_SUBJECT = 40;
const file = path.join(import.meta.dirname, 'answers.csv');

/** Changes with all that the counts depend on. */
export function fingerprint() {
  const source = path.join(import.meta.dirname, '..', '..', 'src');
  const hash = createHash('sha256');
  for (const name of ['strategies/auto/features.ts', 'core/routing/prompt.ts', 'strategies/auto/words.ts']) {
    hash.update(readFileSync(path.join(source, name)));
  }
  return hash.digest('hex').slice(0, 12);
}

/** Counts anew, from a copy of the repository. */
export function takeAnswers(repository, featuresOf) {
  const evals = path.join(repository, 'routellm', 'evals');
  const responses = path.join(evals, 'mmlu', 'responses');
  if (!existsSync(responses)) throw new Error(`${evals} is not the evaluation folder of RouteLLM`);
  const random = seeded(11);
  const lines = [];
  const add = (source, name, most) => {
    const rows = readCsv(readFileSync(name, 'utf8')).filter(
      (row) => ['True', 'False'].includes(row[WEAK]) && ['True', 'False'].includes(row[STRONG]),
    );
    for (const row of shuffled(rows, random).slice(0, most)) {
      const counted = featuresOf(chatOf([['user', row.prompt.trim()]])).map((value) => Number(value.toFixed(3)));
      lines.push([source, Number(row[WEAK] === 'True'), Number(row[STRONG] === 'True'), ...counted].join(','));
    }
  };
  add('gsm8k', path.join(evals, 'gsm8k', 'gsm8k_responses.csv'), Number.POSITIVE_INFINITY);
  for (const name of readdirSync(responses).sort()) add(`mmlu/${name.slice(5, -4)}`, path.join(responses, name), EACH_SUBJECT);
  writeFileSync(file, `# counted by ${fingerprint()}; see answers.mjs\n${lines.join('\n')}\n`);
}

export function readAnswers() {
  const [head = '', ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n');
  if (!head.includes(fingerprint())) {
    throw new Error(
      'What is counted has changed since scripts/auto/answers.csv was made: make it again with --answers <a copy of lm-sys/RouteLLM>',
    );
  }
  return lines.map((line) => {
    const [source = '', weak, strong, ...x] = line.split(',');
    return { source, weak: Number(weak), strong: Number(strong), x: x.map(Number) };
  });
}

function shuffled(list, random) {
  const copy = [...list];
  for (let at = copy.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [copy[at], copy[other]] = [copy[other], copy[at]];
  }
  return copy;
}

/** RFC 4180: rows as objects by the names of the first. */
function readCsv(text) {
  const rows = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    rows.at(-1).push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end !== ',') rows.push([]);
  }
  const [names, ...values] = rows.filter((row) => row.length > 1);
  return values.map((row) => Object.fromEntries(names.map((name, at) => [name, row[at] ?? ''])));
}
