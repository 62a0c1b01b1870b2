import { auc, interval, seeded, shareFor } from './statistics.mjs';

/** What the dearer model costs, of the cheaper one's price. */
const RATIO = 10;
const KEPT = [0.5, 0.8, 0.9];

const two = (value) => (Number.isFinite(value) ? value.toFixed(2) : '–');
const percent = (value) => (Number.isFinite(value) ? `${Math.round(value * 100)} %` : '–');
const between = ([low, high], write) => `${write(low)}–${write(high)}`;

/** The tables of docs/auto-routing.md, over rows that nothing was learnt from. */
export function page(rows, model, features, transferred) {
  const length = features.indexOf('length');
  const of = (name) => rows.filter(({ source }) => source.startsWith(name));
  const scored = (some, score) => some.map((row) => ({ ...row, score: score(row.x) }));
  const byLength = (x) => x[length];
  const sets = [
    ['made up, other templates', of('generated')],
    ['MMLU, other subjects', of('mmlu')],
    ['GSM8K, other questions', of('gsm8k')],
  ];
  const ranking = sets.map(([name, some]) => {
    const ours = scored(some, model.score);
    const accuracy = ours.filter(({ score, y }) => (score >= 0.5 ? 1 : 0) === y).length / ours.length;
    const share = ours.filter(({ score }) => score >= 0.5).length / ours.length;
    return [
      name,
      some.length,
      percent(some.reduce((sum, { y }) => sum + y, 0) / some.length),
      `${two(auc(ours))} (${between(interval(ours, auc, seeded(1)), two)})`,
      two(auc(scored(some, byLength))),
      percent(accuracy),
      percent(share),
    ];
  });
  const elsewhere = [
    ['GSM8K, taught without it', 'gsm8k'],
    ['MMLU, taught without it', 'mmlu'],
  ].map(([name, source]) => {
    const ours = scored(of(source), transferred[source].score);
    return [
      name,
      ours.length,
      `${two(auc(ours))} (${between(interval(ours, auc, seeded(2)), two)})`,
      two(auc(scored(of(source), byLength))),
    ];
  });
  const saved = (some, score, kept) => (1 - shareFor(scored(some, score), kept)) * (1 - 1 / RATIO);
  const costs = sets.slice(1).flatMap(([name, some]) =>
    KEPT.map((kept) => [
      name,
      percent(kept),
      `${percent(saved(some, model.score, kept))} (${between(
        interval(some, (rows) => saved(rows, model.score, kept), seeded(3), 200),
        percent,
      )})`,
      percent(saved(some, byLength, kept)),
      percent((1 - kept) * (1 - 1 / RATIO)),
    ]),
  );
  const strongest = features.map((name, at) => [name, model.weights[at]]).sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
  return `
### Telling hard from easy

${table(['prompts', 'number', 'hard', 'AUC (95 %)', 'AUC of length alone', 'right at 0.5', 'found hard at 0.5'], ranking)}

Of what it was not taught:

${table(['prompts', 'number', 'AUC (95 %)', 'AUC of length alone'], elsewhere)}

### What it saves

The dearer model costs ${RATIO} times the cheaper one. To keep a part of what it answers better, the hardest calls go to it until that part is reached; chance keeps as much as it sends.

${table(['prompts', 'kept of the gain', 'saved (95 %)', 'by length alone', 'by chance'], costs)}

### What it learnt

${table(['count', 'weight'], strongest)}

`;
}

function table(head, rows) {
  const cells = [head, ...rows].map((row) => row.map(String));
  const widths = head.map((_, at) => Math.max(...cells.map((row) => [...row[at]].length)));
  const line = (row) => `| ${row.map((cell, at) => cell + ' '.repeat(widths[at] - [...cell].length)).join(' | ')} |`;
  return [line(cells[0]), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...cells.slice(1).map(line)].join('\n');
}
