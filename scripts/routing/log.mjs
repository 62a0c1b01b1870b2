/** Rows that are read at most. */
const MOST = 5_000;

/**
 * What the request log says of the strategy: the fact `intent` of each call, and what calls cost by it. The log holds no
 * prompts and nobody's judgement, so how many were placed rightly cannot be told from it.
 */
export async function summariseLog(url, token, model) {
  const rows = [];
  let cursor;
  do {
    const query = new URLSearchParams({
      limit: '100',
      ...(model === undefined ? {} : { model }),
      ...(cursor === undefined ? {} : { cursor }),
    });
    const answer = await fetch(`${url.replace(/\/$/, '')}/admin/v1/requests?${query}`, { headers: { authorization: `Bearer ${token}` } });
    if (!answer.ok) throw new Error(`the admin API answers ${answer.status}: ${(await answer.text()).slice(0, 200)}`);
    const { items, next } = await answer.json();
    rows.push(...items);
    cursor = next ?? undefined;
  } while (cursor !== undefined && rows.length < MOST);
  const placed = rows.filter(({ facts }) => facts?.intent !== undefined);
  return [
    `${rows.length} calls, ${placed.length} of them placed by the strategy "semantic"`,
    ...(placed.length === 0 ? [] : [byRoute(placed), nearMisses(placed)]),
    'The log has no prompts and no labels: use --file with texts of your own to learn how many are placed rightly.',
  ].join('\n\n');
}

function byRoute(placed) {
  const groups = Map.groupBy(placed, ({ facts }) => facts.intent.route);
  const lines = [...groups].map(([route, rows]) => {
    const similar = rows.map(({ facts }) => facts.intent.similarity).filter((value) => value !== undefined);
    const mean = similar.length === 0 ? '-' : (similar.reduce((sum, value) => sum + value, 0) / similar.length).toFixed(2);
    const cost = rows.reduce((sum, row) => sum + (row.cost ?? 0) / 1e9, 0);
    return `  ${route.padEnd(24)} ${String(rows.length).padStart(6)}  ${((100 * rows.length) / placed.length).toFixed(1).padStart(5)} %  ${mean.padStart(5)}  ${cost.toFixed(4)}`;
  });
  return ['route                      calls            mean  USD', ...lines].join('\n');
}

/** Calls just below or above the threshold: where another example would change most. */
function nearMisses(placed) {
  const near = placed.filter(({ facts: { intent } }) => Math.abs((intent.similarity ?? -1) - (intent.threshold ?? 1)) < 0.05);
  const reasons = Map.groupBy(
    placed.filter(({ facts }) => facts.intent.reason !== undefined),
    ({ facts }) => facts.intent.reason,
  );
  return [
    `${near.length} within 0.05 of their threshold`,
    ...[...reasons].map(([reason, rows]) => `${rows.length} could not be placed: ${reason}`),
  ].join('\n');
}
