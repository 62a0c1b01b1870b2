// Fitting and measuring, without chance that is not seeded.

/** Numbers uniform in [0, 1), the same for the same seed (mulberry32). */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const sigmoid = (odds) => 1 / (1 + Math.exp(-odds));

/**
 * Logistic regression with an L2 penalty, by gradient descent over standardised columns. `rows`: `{x, y, weight}`.
 * `signs`: of each column's weight, 1 or -1; one that would have the other sign is 0. Gives the weights of the columns as
 * they are, about their means.
 */
export function regress(rows, signs, { penalty = 0.02, rounds = 400, rate = 1 } = {}) {
  const width = rows[0].x.length;
  const total = rows.reduce((sum, { weight }) => sum + weight, 0);
  const means = Array.from({ length: width }, (_, at) => rows.reduce((sum, { x, weight }) => sum + x[at] * weight, 0) / total);
  const spreads = means.map(
    (mean, at) => Math.sqrt(rows.reduce((sum, { x, weight }) => sum + (x[at] - mean) ** 2 * weight, 0) / total) || 1,
  );
  const scaled = rows.map(({ x }) => x.map((value, at) => (value - means[at]) / spreads[at]));
  let weights = new Array(width).fill(0);
  let bias = 0;
  for (let round = 0; round < rounds; round++) {
    const slope = new Array(width).fill(0);
    let level = 0;
    for (const [index, { y, weight }] of rows.entries()) {
      const odds = scaled[index].reduce((sum, value, at) => sum + value * weights[at], bias);
      const error = ((sigmoid(odds) - y) * weight) / total;
      level += error;
      for (let at = 0; at < width; at++) slope[at] += error * scaled[index][at];
    }
    bias -= rate * level;
    weights = weights.map((weight, at) => {
      const next = weight - rate * (slope[at] + penalty * weight);
      return next * signs[at] > 0 ? next : 0;
    });
  }
  return { bias, means, weights: weights.map((weight, at) => weight / spreads[at]) };
}

export const score = ({ bias, means, weights }, x) => sigmoid(x.reduce((sum, value, at) => sum + weights[at] * (value - means[at]), bias));

/** The chance that a hard one is scored above an easy one; ties count half. `rows`: `{score, y}`. */
export function auc(rows) {
  const ranked = rows.toSorted((a, b) => a.score - b.score);
  let ranks = 0;
  let hard = 0;
  for (let from = 0; from < ranked.length; ) {
    let to = from;
    while (to < ranked.length && ranked[to].score === ranked[from].score) to++;
    for (let at = from; at < to; at++) {
      if (ranked[at].y !== 1) continue;
      hard++;
      ranks += (from + to + 1) / 2;
    }
    from = to;
  }
  const easy = ranked.length - hard;
  return hard === 0 || easy === 0 ? Number.NaN : (ranks - (hard * (hard + 1)) / 2) / (hard * easy);
}

/** Where 95 of 100 resamples of the rows lie. */
export function interval(rows, measure, random, times = 200) {
  const values = Array.from({ length: times }, () => measure(rows.map(() => rows[Math.floor(random() * rows.length)])))
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  return [values[Math.floor(values.length * 0.025)] ?? Number.NaN, values[Math.floor(values.length * 0.975)] ?? Number.NaN];
}

/**
 * The least share of calls that must go to the dearer model for a part of what it answers better to be kept. `rows`:
 * `{score, weak, strong}`, the highest scores go to the dearer one. NaN where the dearer one is no better.
 */
export function shareFor(rows, kept) {
  const gain = rows.reduce((sum, { weak, strong }) => sum + strong - weak, 0);
  if (gain <= 0) return Number.NaN;
  const ranked = rows.toSorted((a, b) => b.score - a.score);
  let sum = 0;
  for (const [index, { weak, strong }] of ranked.entries()) {
    sum += strong - weak;
    if (sum >= kept * gain) return (index + 1) / rows.length;
  }
  return 1;
}
