import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { howTo, missing } from './eval-cache/data.mjs';
import { gateway } from './eval-cache/gateway.mjs';
import { page } from './eval-cache/page.mjs';
import { measurePairs } from './eval-cache/pairs.mjs';
import { closedStream, openStream } from './eval-cache/streams.mjs';

// How often the cache by meaning takes two questions for the same, rightly and wrongly. See docs/semantic-cache-evaluation.md.
//   npm run eval:cache                            pairs, from what is in the repository
//   npm run eval:cache -- --data FOLDER           streams as well, from copies of three repositories, and writes the page
//   npm run eval:cache -- --json FILE             the figures, and every pair that was judged wrongly, as JSON

const root = path.dirname(import.meta.dirname);
const { values: options } = parseArgs({ options: { data: { type: 'string' }, json: { type: 'string' } } });
const { data } = options;
const absent = data === undefined ? [] : missing(data);
if (absent.length > 0) {
  console.error(`not in ${data}. Get it with\n${howTo(data, absent)}`);
  process.exit(1);
}

const weir = await gateway();
const result = {
  date: new Date().toISOString().slice(0, 10),
  embedder: weir.embedder.id,
  pairs: measurePairs(weir),
  ...(data !== undefined && { closed: closedStream(data, weir), open: openStream(data, weir) }),
};
const text = page(result, weir);
console.log(text);
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(result, null, 1)}\n`);
if (data !== undefined) {
  const file = path.join(root, 'docs', 'semantic-cache-evaluation.md');
  const before = readFileSync(file, 'utf8');
  writeFileSync(
    file,
    before.replace(/(<!-- measured -->\n)[\s\S]*(<!-- \/measured -->)/, (_, start, end) => `${start}${text}${end}`),
  );
}
