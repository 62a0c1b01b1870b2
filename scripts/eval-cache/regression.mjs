/**
 * Logistic regression by AdaGrad. `rows`: `{x, y}`. `signs`: of each weight, 1, −1, or 0 for either; one that would have
 * the other sign is 0, since what a sample says against all reason is chance.
 */
export function regress(rows, { signs, random, rounds = 15, rate = 0.1, penalty = 1e-4 }) {
  const weights = new Array(signs.length).fill(0);
  const seen = new Array(signs.length).fill(1);
  let bias = 0;
  let biasSeen = 1;
  const order = rows.map((_, at) => at);
  for (let round = 0; round < rounds; round++) {
    for (let at = order.length - 1; at > 0; at--) {
      const other = Math.floor(random() * (at + 1));
      [order[at], order[other]] = [order[other], order[at]];
    }
    for (const index of order) {
      const { x, y } = rows[index];
      const error = 1 / (1 + Math.exp(-x.reduce((sum, value, at) => sum + value * weights[at], bias))) - y;
      biasSeen += error ** 2;
      bias -= (rate * error) / Math.sqrt(biasSeen);
      for (let at = 0; at < weights.length; at++) {
        const slope = error * x[at] + penalty * weights[at];
        seen[at] += slope ** 2;
        weights[at] -= (rate * slope) / Math.sqrt(seen[at]);
        if (weights[at] * signs[at] < 0) weights[at] = 0;
      }
    }
  }
  return { bias, weights };
}
