import { auc, interval, seeded, shareFor } from './statistics.mjs';

/**
 * What the classifier says of an operator's own calls. A line is `{body, dialect?, easy?, hard?}`: the call as it was
 * sent, and where they are known how good the answers of the two tiers were, from 0 to 1 (or false and true).
 */
export function report(text, { readCall, promptOf, difficultyOf }) {
  const rows = [];
  const faults = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    try {
      const { body, dialect, easy, hard } = JSON.parse(line);
      const { value } = difficultyOf(promptOf(readCall(JSON.stringify(body), dialect)));
      rows.push({
        score: value,
        weak: easy === undefined ? undefined : Number(easy),
        strong: hard === undefined ? undefined : Number(hard),
      });
    } catch (error) {
      faults.push(`line ${index + 1}: ${error instanceof Error ? error.message : error}`);
    }
  }
  return [
    `${rows.length} calls${faults.length === 0 ? '' : `; ${faults.length} could not be read:\n${faults.slice(0, 10).join('\n')}`}`,
    ...(rows.length === 0 ? [] : [spread(rows)]),
    worth(rows.filter(({ weak }) => weak !== undefined)),
    savings(rows.filter(({ weak, strong }) => weak !== undefined && strong !== undefined)),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

const percent = (value) => `${(value * 100).toFixed(0)} %`;

function spread(rows) {
  const lines = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8].map(
    (threshold) => `  ${threshold.toFixed(1)}        ${percent(rows.filter(({ score }) => score >= threshold).length / rows.length)}`,
  );
  return ['threshold  goes to the hard tier', ...lines].join('\n');
}

function worth(rows) {
  if (rows.length === 0) return 'No line says how good an answer was (`easy`, `hard`): whether the order is any good is not known.';
  const ranked = rows.map(({ score, weak }) => ({ score, y: weak < 0.5 ? 1 : 0 }));
  const value = auc(ranked);
  if (Number.isNaN(value)) return 'The answers of the easy tier are all good or all bad: there is nothing to tell apart.';
  const [low, high] = interval(ranked, auc, seeded(1));
  const verdict = low > 0.5 ? '' : '\n  Chance would do as well: do not route these calls by difficulty.';
  return `AUC ${value.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)}, 0.5 is chance) for calls that the easy tier fails, of ${rows.length}${verdict}`;
}

function savings(rows) {
  if (rows.length === 0) return '';
  const lines = [0.5, 0.8, 0.9].map((kept) => {
    const share = shareFor(rows, kept);
    return Number.isNaN(share) ? undefined : `  ${percent(kept)}   ${percent(share)} (chance: ${percent(kept)})`;
  });
  if (lines.includes(undefined)) return 'The hard tier answers these calls no better than the easy one.';
  return ['kept of what the hard tier answers better, and the share of calls it needs', ...lines].join('\n');
}
