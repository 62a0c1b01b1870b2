/** For each query its `count` nearest texts, best first: `[[{similarity, at}, …], …]`. Brute force. */
export function nearest(texts, queries, count, { embed, embedder }) {
  const { dimensions } = embedder;
  const all = new Float32Array(texts.length * dimensions);
  for (const [at, text] of texts.entries()) all.set(unit(embed(text)), at * dimensions);
  return queries.map((query) => {
    const vector = unit(embed(query));
    const best = [];
    for (let at = 0, from = 0; at < texts.length; at++, from += dimensions) {
      let similarity = 0;
      for (let each = 0; each < dimensions; each++) similarity += all[from + each] * vector[each];
      if (best.length === count && similarity <= best[count - 1].similarity) continue;
      best.push({ similarity, at });
      best.sort((a, b) => b.similarity - a.similarity);
      if (best.length > count) best.pop();
    }
    return best;
  });
}

export function unit(vector) {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return Float32Array.from(vector, (value) => (length === 0 ? 0 : value / length));
}
