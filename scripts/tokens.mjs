import { writePage } from './tokens/page.mjs';
import { vocabularies } from './tokens/vocabularies.mjs';

// `node scripts/tokens.mjs` writes the vocabularies that the tokenizer loads; with `--check` it only says whether they
// are current, with `--page` it measures and writes the tables of docs/tokens.md.

if (process.argv.includes('--page')) {
  await writePage();
} else {
  const check = process.argv.includes('--check');
  const stale = await vocabularies({ check });
  if (stale.length > 0) {
    console.error(`Not what js-tiktoken's ranks give: ${stale.join(', ')}. Run \`node scripts/tokens.mjs\`.`);
    process.exitCode = 1;
  }
}
