import { COMMIT, REPOSITORY } from './clinc.mjs';

const share = (count, total, wilson) => {
  const { low, high } = wilson(count, total);
  const percent = (value) => (value * 100).toFixed(1);
  return `${percent(count / total)} % (${percent(low)}–${percent(high)})`;
};

/** The measured part of docs/semantic-routing.md. */
export function page(rows, embedder, { wilson }, date) {
  const table = [
    [
      'routes',
      'examples each',
      'right route',
      'AUC to out of scope',
      'let in',
      'of those right',
      'out of scope kept out',
      'other intents kept out',
      'µs',
    ],
    ...rows.map((row) => [
      row.routes,
      row.examples,
      share(row.right, row.inside, wilson),
      row.auc.toFixed(3),
      share(row.accepted, row.inside, wilson),
      share(row.acceptedRight, row.accepted, wilson),
      share(row.rejected, row.strangers, wilson),
      share(row.othersRejected, row.others, wilson),
      row.micros.toFixed(0),
    ]),
  ];
  return `
Measured on ${date} with the embedder \`${embedder.id}\` on CLINC150 ([${REPOSITORY}](https://github.com/${REPOSITORY}) at \`${COMMIT.slice(0, 7)}\`, CC BY 3.0).

${markdown(table)}
`;
}

function markdown(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  const line = (cells, fill = ' ') => `| ${cells.map((cell, at) => String(cell).padEnd(widths[at], fill)).join(' | ')} |`;
  const [head, ...body] = rows;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map((row) => line(row))].join('\n');
}
