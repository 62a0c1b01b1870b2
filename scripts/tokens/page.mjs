import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root } from '../bundle.mjs';
import { recordedAnswers } from './answers.mjs';
import { corpus } from './corpus.mjs';
import { loadTokens } from './load.mjs';
import { measure } from './measure.mjs';
import { encodings, vocabularyPath } from './vocabularies.mjs';

// Writes the tables of docs/tokens.md.

const page = path.join(root, 'docs', 'tokens.md');
const recordings = path.join(root, 'test', 'goldens', 'fixtures');
const units = ['a', ' ', '\n', '!', '0', '\u00e9', '\u4e2d', '\u{1f600}', 'aA', 'abcdefghijklmnopqrstuvwxyz'];

const table = (head, rows) =>
  [head, head.map((_, at) => (at === 0 ? '---' : '--:')), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
const ms = (value) => (value < 10 ? value.toFixed(1) : value.toFixed(0));
const mb = (bytes) => (bytes / 1e6).toFixed(1);
const signed = (ratio) => `${ratio >= 0 ? '+' : '−'}${Math.abs(ratio * 100).toFixed(0)} %`;

function readVocabulary(encoding) {
  const { buffer, byteOffset, length } = readFileSync(vocabularyPath(encoding));
  return buffer.slice(byteOffset, byteOffset + length);
}

async function costs() {
  const ordinary = {
    'English Markdown': corpus['English and code']['Markdown with code'],
    TypeScript: corpus['English and code'].TypeScript,
    Chinese: corpus['Technical text']['Chinese (simplified)'],
  };
  const measured = await measure(ordinary, units);
  const name = (unit) => (/^\s$/.test(unit) ? `\`${JSON.stringify(unit).slice(1, -1)}\`` : `\`${unit}\``).replace('` `', 'blank');
  const by = (pick) => encodings.map((encoding) => pick(measured[encoding]));
  const rows = [
    ['vocabulary, MB in the repository', ...by(({ memory }) => mb(memory.file))],
    ['kept once loaded, MB', ...by(({ memory }) => mb(memory.heap + memory.buffers))],
    ['first use in a new isolate, ms, median of 7 (least)', ...by(({ first }) => `${ms(first.use.median)} (${ms(first.use.least)})`)],
    [
      '200 KB of `a` in a new isolate, ms, median of 7 (least)',
      ...by(({ first }) => `${ms(first.hostile.median)} (${ms(first.hostile.least)})`),
    ],
    ...units.map((unit, at) => [`200 KB of ${name(unit)}, ms`, ...by(({ hostile }) => ms(hostile[at].ms))]),
    ...Object.keys(ordinary).map((kind, at) => [
      `${kind}, ms for 10,000 tokens`,
      ...by(({ ordinary: each }) => ms((each[at].ms / each[at].tokens) * 10_000)),
    ]),
  ];
  const estimates = measured.o200k_base.ordinary.map(
    ({ name: kind, characters, estimateMs }) => `${kind} ${ms((estimateMs / characters) * 1e6)}`,
  );
  const cpu = os.cpus()[0]?.model ?? 'an unknown processor';
  return `Measured on ${new Date().toISOString().slice(0, 10)} in workerd, ${os.cpus().length} × ${cpu} shared with other work (load ${os.loadavg()[0].toFixed(1)}): CPU time of the thread that runs the Worker, least of nine rounds where nothing else is said.

${table(['', ...encodings], rows)}

The estimator takes, in ms for a million characters: ${estimates.join(', ')}.`;
}

function errors({ estimateTokens, tokenizer }) {
  const exact = tokenizer('o200k_base', readVocabulary('o200k_base'));
  return Object.entries(corpus)
    .map(([group, texts]) => {
      const rows = Object.entries(texts).map(([name, text]) => {
        const tokens = exact.count(text);
        return { name, tokens, error: estimateTokens(text) / tokens - 1, quarter: text.length / 4 / tokens - 1 };
      });
      const mean = (key) => rows.reduce((sum, row) => sum + Math.abs(row[key]), 0) / rows.length;
      const lines = rows.map(({ name, tokens, error, quarter }) => [name, tokens, signed(error), signed(quarter)]);
      const last = ['**mean of the amounts**', '', `**${(mean('error') * 100).toFixed(0)} %**`, `${(mean('quarter') * 100).toFixed(0)} %`];
      return table([group, 'tokens', 'estimate', 'characters ÷ 4'], [...lines, last]);
    })
    .join('\n\n');
}

function factors({ FACTORS, factorOf, tokenizer }) {
  const exact = tokenizer('o200k_base', readVocabulary('o200k_base'));
  const rows = FACTORS.map(({ family, factor, basis, error, source }) => [
    family,
    factor,
    error === undefined ? basis : `${basis}, ± ${(error * 100).toFixed(0)} %`,
    source,
  ]);
  const answers = recordedAnswers(recordings).map(({ name, model, text, tokens }) => {
    const counted = exact.count(text);
    return [`${name}`, model, tokens, counted, (tokens / counted).toFixed(2), signed((counted * factorOf(model).factor) / tokens - 1)];
  });
  return `${table(['models', 'factor', 'basis', 'source'], rows)}

Recorded answers in \`test/goldens/fixtures\` that are text alone:

${table(['recording', 'model', 'vendor', 'o200k_base', 'ratio', 'error with the factor'], answers)}`;
}

export async function writePage() {
  const loaded = await loadTokens();
  const sections = { costs: await costs(), errors: errors(loaded), factors: factors(loaded) };
  let text = readFileSync(page, 'utf8');
  for (const [name, content] of Object.entries(sections)) {
    const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
    const from = text.indexOf(begin);
    const to = text.indexOf(end);
    if (from < 0 || to < from) throw new Error(`docs/tokens.md has no place for ${name}.`);
    text = `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`;
  }
  writeFileSync(page, text);
}
