// The tables of docs/semantic-cache-evaluation.md.

const NAMES = {
  frames: 'made from frames',
  people: 'one edit to people’s questions',
  checklist: 'CheckList',
  rewrites: 'harmless rewrites',
  paraphrases: 'CheckList, said otherwise',
};

export function page(result, weir) {
  const share = (count, total) => {
    const { low, high } = weir.wilson(count, total);
    return `${percent(count / total)} (${percent(low)}–${percent(high)})`;
  };
  const parts = [`Measured on ${result.date} with the embedder \`${result.embedder}\`.`, ...pairParts(result.pairs, share)];
  if (result.closed !== undefined) parts.push(...closedParts(result.closed, share));
  if (result.open !== undefined) parts.push(...openParts(result.open, share));
  return `\n${parts.join('\n\n')}\n\n`;
}

const percent = (value) => `${(value * 100).toFixed(value > 0 && value < 0.01 ? 2 : 1)} %`;

function pairParts(pairs, share) {
  const other = pairs.filter(({ same }) => !same);
  const all = other.reduce((sum, { total }) => sum + total, 0);
  const wrong = other.reduce((sum, { accepted }) => sum + accepted.both, 0);
  const wrongly = [
    ...other.map(({ name, total, accepted }) => [NAMES[name], total, ...ways(accepted, total, share)]),
    ...other.map(({ name, unlisted: { total, accepted } }) => [
      `${NAMES[name]}: words no table has`,
      total,
      ...ways(accepted, total, share),
    ]),
    ['all', all, '', '', '', share(wrong, all)],
  ];
  const kinds = other
    .filter(({ name }) => name !== 'checklist')
    .flatMap(({ kinds: found }) =>
      found.map(({ kind, total, accepted }) => [kind, total, percent(accepted.cosine / total), share(accepted.both, total)]),
    );
  const rightly = pairs
    .filter(({ same }) => same)
    .map(({ name, total, accepted }) => [NAMES[name], total, ...ways(accepted, total, share)]);
  const rewrites = pairs.find(({ name }) => name === 'rewrites');
  const columns = ['pairs', 'number', 'cosine ≥ 0.95 alone', 'verifier alone', 'guards alone', 'both (what is used)'];
  return [
    '### Pairs that are not the same: how many are taken for the same',
    table(columns, wrongly),
    table(['edit', 'number', 'cosine ≥ 0.95 alone', 'both'], kinds),
    '### Pairs that are the same: how many are taken for it',
    table(columns, rightly),
    table(
      ['rewrite', 'number', 'cosine ≥ 0.95 alone', 'both'],
      rewrites.kinds.map(({ kind, total, accepted }) => [kind, total, percent(accepted.cosine / total), share(accepted.both, total)]),
    ),
  ];
}

const ways = ({ cosine, verifier, guards, both }, total, share) => [
  percent(cosine / total),
  percent(verifier / total),
  percent(guards / total),
  share(both, total),
];

function closedParts({ queries, kept, hits, wrong, reach, cosineReach, curve, cosineCurve }, share) {
  return [
    '### A closed domain: BANKING77, `domain: "closed"`',
    `${kept} questions are kept, ${queries} asked. At \`certainty: 0.7\` (the default), ${share(hits, queries)} of them are answered, ${share(hits - wrong, hits)} of the answers rightly.`,
    table(
      ['answers that are right', 'questions answered', 'with `certainty`', 'by cosine alone'],
      reach.map((row, at) => [
        percent(row.precision),
        row.hits === 0 ? '–' : share(row.hits, row.of),
        row.hits === 0 ? '–' : row.score.toFixed(3),
        cosineReach[at].hits === 0 ? '–' : percent(cosineReach[at].hits / cosineReach[at].of),
      ]),
    ),
    'How right the answers are, the surest first:',
    table(
      ['questions answered', 'right', 'with `certainty`', 'right by cosine alone'],
      curve.map((row) => {
        const cosine = cosineCurve.find((each) => each.share === row.share);
        return [
          percent(row.share),
          share(row.right, row.hits),
          row.score.toFixed(3),
          cosine === undefined ? '–' : percent(cosine.right / cosine.hits),
        ];
      }),
    ),
  ];
}

function openParts({ queries, fit, hits, wrong, cosine }, share) {
  return [
    '### Open questions: CLINC150 and MMLU in one stream, the default settings',
    table(
      ['decided by', 'questions', 'answered', 'wrong, of the questions', 'wrong, of the answers'],
      [
        ['guards and verifier', queries, share(hits, queries), share(wrong, queries), share(wrong, hits)],
        ...cosine.map(({ least, hits: found, wrong: bad }) => [
          `cosine ≥ ${least} alone`,
          queries,
          percent(found / queries),
          share(bad, queries),
          share(bad, found),
        ]),
      ],
    ),
    `${fit} of the questions are fit to be compared (\`unfit\`).`,
  ];
}

function table(head, rows) {
  const cells = [head, ...rows].map((row) => row.map(String));
  const widths = head.map((_, at) => Math.max(3, ...cells.map((row) => row[at].length)));
  const line = (row) => `| ${row.map((cell, at) => cell.padEnd(widths[at])).join(' | ')} |`;
  return [line(cells[0]), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...cells.slice(1).map(line)].join('\n');
}
