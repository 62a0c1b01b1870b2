import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../bundle.mjs';

// Texts by which the estimator is judged. It was not fitted to any of them. Packages are those of the lock file; their
// licences (MIT, Apache-2.0, ISC) allow it, and nothing of them is copied here.

const LIMIT = 60_000;
const read = (...parts) => readFileSync(path.join(root, ...parts), 'utf8').slice(0, LIMIT);
const packageFile = (name) => read('node_modules', ...name.split('/'));

/** Bytes without a pattern, the same on every run. */
function chance(length) {
  let state = 1;
  return Buffer.from(
    Array.from({ length }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state >>> 24;
    }),
  );
}

/** Prose without links, images and badges, which READMEs have more of than other texts. */
const prose = (markdown) =>
  markdown
    .replace(/^\[.*$/gm, '')
    .replace(/<[^>]+>/g, '')
    .replace(/\]\([^)]*\)/g, ']');

const readme = (language) => prose(packageFile(`@biomejs/biome/README.${language}.md`));

function uuids(count) {
  const hex = chance(count * 16).toString('hex');
  const cut = (text) => text.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return Array.from({ length: count }, (_, at) => cut(hex.slice(at * 32, at * 32 + 32))).join('\n');
}

/** By group, then by name. */
export const corpus = {
  'English and code': {
    'prose, READMEs': prose(packageFile('google-auth-library/README.md')),
    'prose, licence': packageFile('typescript/LICENSE'),
    'Markdown with code': packageFile('openai/README.md'),
    TypeScript: packageFile('hono/dist/types/types.d.ts'),
    JavaScript: packageFile('semver/classes/range.js') + packageFile('jose/dist/webapi/jwt/verify.js'),
    'JSON, indented': packageFile('openai/package.json'),
    'JSON, compact': JSON.stringify(JSON.parse(packageFile('vitest/package.json'))),
    base64: chance(6000).toString('base64'),
    hexadecimal: chance(6000).toString('hex'),
    UUIDs: uuids(200),
  },
  'Technical text': {
    Spanish: readme('es'),
    French: readme('fr'),
    Portuguese: readme('pt-BR'),
    Polish: readme('pl'),
    Russian: readme('ru'),
    Ukrainian: readme('uk'),
    Hindi: readme('hi'),
    Korean: readme('kr'),
    Japanese: readme('ja'),
    'Chinese (simplified)': readme('zh-CN'),
    'Chinese (traditional)': readme('zh-TW'),
  },
  'Short samples': JSON.parse(read('src', 'core', 'tokens', 'fixtures', 'samples.json')),
};
