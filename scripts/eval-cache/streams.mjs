import { seeded } from '../auto/statistics.mjs';
import { banking, clinc, mmlu } from './data.mjs';
import { shuffled } from './minimal-pairs.mjs';
import { nearest } from './neighbours.mjs';

/** So many of what is kept are looked at, and only what is so like. */
const CANDIDATES = 8;
const LIKE = 0.8;
const MMLU = 4000;

/** Customers of a bank, against what earlier ones asked: `{queries, hits, wrong, byProbability, …}`. */
export function closedStream(folder, weir) {
  const kept = banking(folder, 'train');
  const asked = banking(folder, 'test');
  const found = nearest(
    kept.map(({ text }) => text),
    asked.map(({ text }) => text),
    CANDIDATES,
    weir,
  );
  const rows = asked.map((query, index) => {
    const candidates = weir.unfit(query.text, 'closed') === undefined ? found[index] : [];
    return bestOf(
      query,
      candidates.map(({ at, similarity }) => ({ ...kept[at], similarity })),
      'closed',
      weir,
    );
  });
  const cosine = asked.map((query, index) => ({
    score: found[index][0].similarity,
    right: kept[found[index][0].at].intent === query.intent,
  }));
  return {
    ...summary(rows),
    kept: kept.length,
    curve: curveOf(rows),
    cosineCurve: curveOf(cosine),
    reach: reachOf(rows),
    cosineReach: reachOf(cosine),
  };
}

/**
 * Questions of everyday and of examinations in one row, each of which may be answered by any earlier one. Few are asked
 * twice; what is known is which are not the same for certain: another intent, or another question of the examination.
 */
export function openStream(folder, weir) {
  const exam = shuffled(
    mmlu(folder).filter(({ text }) => text.length <= 600),
    seeded(12),
  ).slice(0, MMLU);
  const everyday = [...clinc(folder, 'test'), ...clinc(folder, 'val')].map(({ text, intent }) => ({ text, intent: `everyday ${intent}` }));
  const all = shuffled([...everyday, ...exam], seeded(13));
  const seen = new Set();
  const stream = all.filter(({ text }) => !seen.has(text.toLowerCase()) && seen.add(text.toLowerCase()));
  const fit = stream.map(({ text }) => weir.unfit(text) === undefined);
  const texts = stream.map(({ text }) => text);
  const found = nearest(texts, texts, CANDIDATES * 3, weir);
  const rows = stream.map((query, index) => {
    const earlier = fit[index] ? found[index].filter(({ at }) => at < index && fit[at]).slice(0, CANDIDATES) : [];
    return bestOf(
      query,
      earlier.map(({ at, similarity }) => ({ ...stream[at], similarity })),
      'open',
      weir,
    );
  });
  const cosine = (least) => {
    const hits = stream.flatMap((query, index) => {
      const first = found[index].find(({ at }) => at < index);
      return first !== undefined && first.similarity >= least ? [stream[first.at].intent === query.intent] : [];
    });
    return { least, hits: hits.length, wrong: hits.filter((right) => !right).length };
  };
  return { ...summary(rows), fit: fit.filter(Boolean).length, cosine: [0.9, 0.95, 0.98].map(cosine), found: rows.filter(({ hit }) => hit) };
}

/** The most probable of what nothing speaks against. */
function bestOf(query, candidates, domain, weir) {
  let best = { score: -1, right: false, hit: false };
  for (const { text, intent, similarity } of candidates) {
    if (similarity < LIKE) continue;
    const { same, probability, objections } = weir.judge(query.text, text, similarity, domain);
    if (objections.length > 0 || probability <= best.score) continue;
    best = { score: probability, right: intent === query.intent, hit: same, asked: query.text, kept: text, similarity };
  }
  return best;
}

const summary = (rows) => {
  const hits = rows.filter(({ hit }) => hit);
  return { queries: rows.length, hits: hits.length, wrong: hits.filter(({ right }) => !right).length };
};

/** How right answers are where a part of the questions is answered, the surest first. */
function curveOf(rows) {
  const ranked = rows.filter(({ score }) => score >= 0).toSorted((a, b) => b.score - a.score);
  return [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8].flatMap((share) => {
    const hits = Math.round(share * rows.length);
    if (hits > ranked.length) return [];
    const right = ranked.slice(0, hits).filter((row) => row.right).length;
    return [{ share, hits, right, score: ranked[hits - 1].score }];
  });
}

/** The most questions that can be answered so that a part of the answers is right. */
function reachOf(rows) {
  const ranked = rows.filter(({ score }) => score >= 0).toSorted((a, b) => b.score - a.score);
  return [0.99, 0.97, 0.95, 0.9].map((precision) => {
    let right = 0;
    let reach = { precision, hits: 0, right: 0, score: 1, of: rows.length };
    for (const [at, row] of ranked.entries()) {
      right += Number(row.right);
      if (right / (at + 1) >= precision) reach = { precision, hits: at + 1, right, score: row.score, of: rows.length };
    }
    return reach;
  });
}
