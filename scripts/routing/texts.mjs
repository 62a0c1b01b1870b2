/**
 * What a configuration makes of an operator's own texts. A line is `{text, expected?}` or `{body, dialect?, expected?}`:
 * what the user said, or the call as it was sent, and the route it should take (`otherwise` for none) where that is known.
 */
export function scoreTexts(text, routes, embedder, gateway) {
  const { rows, faults } = readLines(text, gateway);
  const settings = gateway.config.parse(routes);
  const intents = new gateway.Intents(
    settings.routes.map(({ examples }) => examples.map((example) => embedder.vector(example))),
    embedder.dimensions,
  );
  const threshold = settings.threshold === 'auto' ? intents.threshold : settings.threshold;
  const placed = rows.map((row) => ({
    ...row,
    ...placeOf(intents.match(embedder.vector(row.text)), settings, threshold, gateway.OTHERWISE),
  }));
  const known = placed.filter(({ expected }) => expected !== undefined);
  const names = new Set([...settings.routes.map(({ name }) => name), gateway.OTHERWISE]);
  const strange = [...new Set(known.map(({ expected }) => expected))].filter((name) => !names.has(name));
  return [
    `${rows.length} texts, threshold ${threshold.toFixed(3)}${settings.threshold === 'auto' ? ' (fitted)' : ''}`,
    ...(faults.length === 0 ? [] : [`${faults.length} lines could not be read:\n${faults.slice(0, 10).join('\n')}`]),
    ...(strange.length === 0 ? [] : [`no route is called ${strange.join(', ')}: these count as wrong`]),
    spread(placed, names),
    known.length === 0 ? 'No line says which route is right: only where calls would go can be told.' : worth(known, gateway),
  ].join('\n\n');
}

function readLines(text, { lastWords }) {
  const rows = [];
  const faults = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    try {
      const { text: words, body, dialect, expected } = JSON.parse(line);
      if (typeof words !== 'string' && typeof body !== 'object') throw new Error('it has neither a text nor a body');
      const said = words ?? lastWords(JSON.stringify(body), dialect);
      rows.push({ text: said, expected });
    } catch (error) {
      faults.push(`line ${index + 1}: ${error instanceof Error ? error.message : error}`);
    }
  }
  return { rows, faults };
}

function placeOf(match, { routes }, threshold, otherwise) {
  const nearest = match === undefined ? undefined : routes[match.route].name;
  const score = match?.score ?? -1;
  return { nearest, score, found: nearest !== undefined && score >= threshold ? nearest : otherwise };
}

function spread(placed, names) {
  const lines = [...names].map((name) => {
    const count = placed.filter(({ found }) => found === name).length;
    return `  ${name.padEnd(24)} ${String(count).padStart(6)}  ${((100 * count) / Math.max(1, placed.length)).toFixed(1)} %`;
  });
  return ['goes to', ...lines].join('\n');
}

function worth(known, { wilson, OTHERWISE }) {
  const share = (what, of) => {
    const { low, high } = wilson(what.length, of.length);
    const percent = (value) => `${(value * 100).toFixed(1)} %`;
    return of.length === 0
      ? 'none'
      : `${percent(what.length / of.length)} (${percent(low)}–${percent(high)}, ${what.length} of ${of.length})`;
  };
  const inside = known.filter(({ expected }) => expected !== OTHERWISE);
  const outside = known.filter(({ expected }) => expected === OTHERWISE);
  const accepted = inside.filter(({ found }) => found !== OTHERWISE);
  const mistakes = new Map();
  for (const { expected, found } of known) {
    if (expected !== found) mistakes.set(`${expected} → ${found}`, (mistakes.get(`${expected} → ${found}`) ?? 0) + 1);
  }
  const worst = [...mistakes].toSorted(([, a], [, b]) => b - a).slice(0, 10);
  return [
    `right, all in all            ${share(
      known.filter(({ expected, found }) => expected === found),
      known,
    )}`,
    `nearest route is the right   ${share(
      inside.filter(({ expected, nearest }) => expected === nearest),
      inside,
    )}`,
    `of a route, and let in       ${share(accepted, inside)}`,
    `let in, and rightly          ${share(
      accepted.filter(({ expected, found }) => expected === found),
      accepted,
    )}`,
    `of no route, and kept out    ${share(
      outside.filter(({ found }) => found === OTHERWISE),
      outside,
    )}`,
    ...(worst.length === 0
      ? []
      : ['', 'most frequent mistakes', ...worst.map(([name, count]) => `  ${String(count).padStart(5)}  ${name}`)]),
  ].join('\n');
}
