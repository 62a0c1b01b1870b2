import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

// Questions of others, all under licences that let us learn from them and show them. `--data FOLDER` holds copies of
// these repositories, each in a folder of its own name:

export const SOURCES = [
  {
    folder: 'oos-eval',
    repository: 'https://github.com/clinc/oos-eval',
    commit: '828f8093932c8fe6ca7936c3d2e52903b1c523de',
    licence: 'CC-BY-3.0',
  },
  {
    folder: 'task-specific-datasets',
    repository: 'https://github.com/PolyAI-LDN/task-specific-datasets',
    commit: '57ec275d8078af65b7731c2a98be812d844a6d6b',
    licence: 'CC-BY-4.0',
  },
  {
    folder: 'RouteLLM',
    repository: 'https://github.com/lm-sys/RouteLLM',
    commit: '0b64fdafe049e596a3f5657c219329f24af24198',
    licence: 'Apache-2.0; MMLU: MIT',
  },
];

export function missing(folder) {
  return SOURCES.filter((source) => !existsSync(path.join(folder, source.folder)));
}

/** How to get what is not there. */
export const howTo = (folder, sources) =>
  sources
    .map(
      ({ folder: name, repository, commit }) =>
        `git clone ${repository} ${path.join(folder, name)} && git -C ${path.join(folder, name)} checkout ${commit}`,
    )
    .join('\n');

/** Intents of the everyday (CLINC150): `{text, intent}`; `part`: train, val, test. What has no intent is `oos`, each of its own. */
export function clinc(folder, part) {
  const all = JSON.parse(readFileSync(path.join(folder, 'oos-eval', 'data', 'data_full.json'), 'utf8'));
  return [...all[part], ...all[`oos_${part}`]].map(([text, intent], at) => ({ text, intent: intent === 'oos' ? `oos ${at}` : intent }));
}

/** What customers ask an online bank (BANKING77): `{text, intent}`; `part`: train, test. */
export function banking(folder, part) {
  const file = path.join(folder, 'task-specific-datasets', 'banking_data', `${part}.csv`);
  return readCsv(readFileSync(file, 'utf8')).map(({ text, category }) => ({ text: text.trim(), intent: category }));
}

/** Questions of examinations (MMLU), without their choices: `{text, intent}`, each of its own. */
export function mmlu(folder) {
  const responses = path.join(folder, 'RouteLLM', 'routellm', 'evals', 'mmlu', 'responses');
  return readdirSync(responses)
    .sort()
    .flatMap((name) =>
      readCsv(readFileSync(path.join(responses, name), 'utf8')).map(({ prompt }, at) => ({
        text: prompt.split('\nA. ')[0].trim(),
        intent: `${name} ${at}`,
      })),
    );
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
