import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

// Who may import whom is the table in docs/request.md; the other rules stand here. Every rule says which bug it
// prevents, and carries a counter-example that it must find.

const root = path.dirname(import.meta.dirname);
const src = path.join(root, 'src');

interface Source {
  /** Below `src`, with forward slashes. */
  readonly path: string;
  /** Comments gone, string contents gone. */
  readonly code: string;
  readonly lines: number;
  /** As written: `./json.ts`, `zod`. */
  readonly imports: readonly string[];
}

interface Rule {
  readonly name: string;
  /** Which bug it prevents, and where the thing belongs instead. */
  readonly prevents: string;
  find(source: Source): readonly string[];
  /** A file and a text in it that break the rule. */
  readonly breaks: readonly [path: string, text: string];
}

const COMMENT = String.raw`\/\/[^\n]*|\/\*[\s\S]*?\*\/`;
/** A regular expression literal stands where no operand has just ended. */
const REGEXP = String.raw`(?<=(?:^|[=(,:;!&|?{}[]|=>|return)\s*)\/(?![*\/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^\/\\\n[])+\/[a-z]*`;
const TEXT = String.raw`'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"`;
const WITHOUT_COMMENTS = new RegExp(`(${COMMENT})|${REGEXP}|${TEXT}`, 'g');
const TEXTS = new RegExp(`${REGEXP}|${TEXT}`, 'g');
const IMPORT = /(?:(?<=^|[\n;])\s*(?:import|export)\b(?:[^'"`;]*?\bfrom)?\s*|\bimport\s*\(\s*)['"]([^'"]+)['"]/g;

function sourceOf(file: string, text: string): Source {
  const bare = text.replace(WITHOUT_COMMENTS, (match, comment?: string) => (comment === undefined ? match : ' '));
  return {
    path: file,
    code: bare.replace(TEXTS, "''"),
    lines: text.split('\n').length - 1,
    imports: [...bare.matchAll(IMPORT)].map((match) => match[1] ?? ''),
  };
}

/** The two columns of the table under `| folder | may import |`. */
function importTable(markdown: string): ReadonlyMap<string, readonly string[]> {
  const rows = markdown.split(/^\| *folder *\| *may import *\|\s*\n/m)[1]?.split('\n') ?? [];
  const end = rows.findIndex((row) => !row.startsWith('|'));
  const cells = rows.slice(1, end < 0 ? undefined : end).map((row) => row.split('|').map((cell) => cell.replaceAll('`', '').trim()));
  return new Map(cells.map(([, folder = '', allowed = '']) => [folder, allowed.split(',').flatMap((each) => each.trim() || [])]));
}

const table = importTable(readFileSync(path.join(root, 'docs', 'request.md'), 'utf8'));

/** Folders whose items know nothing of one another. */
const SHELVES = ['identity', 'policies', 'strategies', 'dialects', 'providers'];
/** Packages, and who may load them. */
const PACKAGES: { readonly [name: string]: readonly string[] } = {
  '@cfworker/json-schema': ['kinds'],
  zod: ['core', 'policies', 'strategies', 'config', 'admin', 'identity', 'kinds'],
  hono: ['door', 'admin'],
  jose: ['identity'],
  'cloudflare:workers': ['state', 'worker.ts'],
  '@cloudflare/workers-oauth-provider': ['state'],
  'drizzle-orm': ['state'],
  'drizzle-orm/batch': ['state'],
  'drizzle-orm/d1': ['state'],
  'drizzle-orm/sqlite-core': ['state'],
  'node:util': ['cli'],
  yaml: ['cli'],
};

const folderOf = (file: string) => file.split('/')[0] ?? '';
const isTest = (file: string) => file.endsWith('.test.ts');
/** Fakes and random values; `laws/` is where a shelf's laws stand that are too many for one file, with their instruments. */
const isSupport = (file: string) => /(?:^|\/)(?:fakes?(?:-[\w-]+)?|arbitraries)\.ts$|\/laws\/|\.d\.ts$/.test(file);
/** Imports of files, below `src`; `..` begins what is outside it. */
const filesImported = ({ path: file, imports }: Source) =>
  imports.filter((each) => each.startsWith('.')).map((each) => path.posix.join(path.posix.dirname(file), each));
const packagesImported = ({ imports }: Source) => imports.filter((each) => !each.startsWith('.'));
const only = (found: readonly string[] | null, what: string) => (found === null ? [] : found.map((each) => `${what} ${each.trim()}`));
const unlessIn = (places: readonly string[], source: Source, pattern: RegExp) =>
  places.includes(source.path) ? [] : only(source.code.match(pattern), 'has');

/** The part of a shelf that one item is: its folder, or its own file. */
const itemOf = (file: string) => file.split('/').slice(0, 2).join('/');

const rules: readonly Rule[] = [
  {
    name: 'folders import only what docs/request.md lets them',
    prevents: 'a kernel that needs a platform to run, and rooms that reach past one another: what two rooms share belongs in core',
    breaks: ['policies/x.ts', "import { y } from '../state/y.ts';"],
    find(source) {
      const folder = folderOf(source.path);
      const allowed = table.get(folder);
      if (source.path === 'worker.ts') return [];
      if (allowed === undefined) return [`the folder ${folder} is not in the table`];
      return filesImported(source).filter((each) => folderOf(each) !== folder && !allowed.includes(folderOf(each)));
    },
  },
  {
    name: 'items of a shelf do not import one another',
    prevents:
      'an item that cannot be changed or removed alone; only the roll (index.ts) knows the items, and what they share belongs in core',
    breaks: ['providers/x.ts', "export { y } from './sandbox/y.ts';"],
    find(source) {
      if (!SHELVES.includes(folderOf(source.path)) || source.path === `${folderOf(source.path)}/index.ts`) return [];
      return filesImported(source).filter((each) => folderOf(each) === folderOf(source.path) && itemOf(each) !== itemOf(source.path));
    },
  },
  {
    name: 'packages are loaded only where they belong',
    prevents: 'a protocol or a policy that depends on the HTTP framework or the platform and cannot be tested without it',
    breaks: ['kinds/llm/x.ts', "import { Hono } from 'hono';"],
    find: (source) => packagesImported(source).filter((each) => !PACKAGES[each]?.some((where) => source.path.split('/')[0] === where)),
  },
  {
    name: 'core imports zod for its types only',
    prevents: 'a kernel whose start-up time and size are those of a validator',
    breaks: ['core/x.ts', "import { z } from 'zod';"],
    find: ({ path: file, code, imports }) =>
      folderOf(file) === 'core' && imports.includes('zod') && /\bimport\s+(?!type\b)[^;]*?\bz\b[^;]*?from/.test(code) ? ['zod'] : [],
  },
  {
    name: 'production code does not import test support',
    prevents: 'a gateway that answers from a fake',
    breaks: ['core/x.ts', "import { fakeCall } from './fakes.ts';"],
    find: (source) => filesImported(source).filter((each) => isTest(each) || isSupport(each)),
  },
  {
    name: 'only state/egress.ts calls out',
    prevents: 'a call that follows a redirect with the key in it, or reaches a private address: go through ports.egress',
    breaks: ['kinds/llm/x.ts', 'const answer = await fetch(url);'],
    find(source) {
      const calls = source.code.replace(/^\s*(?:override\s+)?(?:async\s+)?fetch\([^()]*\)(?:\s*:[^{;]*)?\s*\{/gm, '');
      const pattern = /(?<![.\w#])fetch\b(?!\s*\??\s*:)[^\n]{0,40}|\b(?:globalThis|self)\.fetch\b|\bnew WebSocket\b/g;
      // The command line runs on the operator's machine, not in the Worker.
      return source.path === 'state/egress.ts' || folderOf(source.path) === 'cli' ? [] : only(calls.match(pattern), 'has');
    },
  },
  {
    name: 'time comes from the clock',
    prevents: 'a test that waits, and a time limit that cannot be tested: take ports.clock',
    breaks: ['core/x.ts', 'const started = Date.now();'],
    find: (source) => unlessIn(['state/ports.ts'], source, /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.now\b/g),
  },
  {
    name: 'chance comes as a parameter',
    prevents: 'an ordering or a back-off that no test can repeat: take `random`',
    breaks: ['strategies/x.ts', 'const at = Math.random();'],
    // Where the real generator is handed to those who draw: strategies, the attempt loop, breakers, and who waits for the database.
    find: (source) =>
      unlessIn(
        [
          'kinds/llm/walks.ts',
          'kinds/llm/mirror.ts',
          'kinds/llm/routing/tools.ts',
          'kinds/llm/operations/serve.ts',
          'kinds/llm/operations/realtime/serve.ts',
          'state/health/board-object.ts',
          'state/ledger/ledger-object.ts',
          'worker.ts',
        ],
        source,
        /\bMath\.random\b/g,
      ),
  },
  {
    name: 'bindings are worked with in state/ only',
    prevents: 'SQL and storage keys scattered over the gateway; others hand the binding on and call a function of state/',
    breaks: ['admin/x.ts', 'const head = async (db: D1Database) => db.prepare(text).first();'],
    find({ path: file, code }) {
      if (folderOf(file) === 'state') return [];
      const declared = [
        ...code.matchAll(/(\w+)\??\s*:\s*(?:readonly\s+)?(?:D1Database|KVNamespace|R2Bucket|DurableObject\w*|Queue|VectorizeIndex)\b/g),
      ];
      const names = new Set(declared.flatMap((match) => [match[1] ?? '', (match[1] ?? '').toLowerCase()]));
      return [...names].flatMap((name) => only(code.match(new RegExp(String.raw`\b${name}\??\.\w+\s*[<(]`, 'g')), 'calls'));
    },
  },
  {
    name: 'nothing is of type any',
    prevents: 'a field of a vendor that is taken for what it is not: use Json, unknown or a type',
    breaks: ['core/x.ts', 'const value = body as any;'],
    find: ({ code }) => only(code.match(/(?:[:<,|&(=]|\bas|=>)\s*any\b(?!\s*[:(])[^\n]{0,20}|\bany\[\]/g), 'has'),
  },
];

const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .map((name) => name.replaceAll(path.sep, '/'))
  .filter((name) => name.endsWith('.ts'))
  .map((name) => sourceOf(name, readFileSync(path.join(src, name), 'utf8')));
const production = files.filter((source) => !isTest(source.path) && !isSupport(source.path));

describe('the architecture', () => {
  it('has a table that names every folder of src, and no other', () => {
    const folders = new Set(files.filter(({ path: file }) => file.includes('/')).map(({ path: file }) => folderOf(file)));
    expect([...table.keys()].sort()).toEqual([...folders].sort());
    expect(table.get('core')).toEqual([]);
  });

  it.each(rules)('$name', ({ find, prevents }) => {
    const found = production.flatMap((source) => find(source).map((what) => `src/${source.path}: ${what}`));
    expect(found, `This rule prevents ${prevents}.`).toEqual([]);
  });

  it.each(rules)('would see it broken: $name', ({ find, breaks: [file, text] }) => {
    expect(find(sourceOf(file, text))).not.toEqual([]);
    expect(find(sourceOf(file, `// ${text}\n/* ${text} */`))).toEqual([]);
  });

  it('has no file of more than 400 lines: there is a second idea hiding in one', () => {
    expect(files.filter(({ lines }) => lines > 400).map(({ path: file, lines }) => `src/${file}: ${lines}`)).toEqual([]);
  });

  it('reads imports in every form', () => {
    const text = `import a from './a.ts';\nimport type { B,\n C } from "./b.ts";\nimport './c.ts';\nexport * from './d.ts';
export const kept = /['"]/;\nexport { e } from './e.ts';\nconst f = await import('./f.ts');\n// import './comment.ts'`;
    expect(sourceOf('x.ts', text).imports).toEqual(['./a.ts', './b.ts', './c.ts', './d.ts', './e.ts', './f.ts']);
  });
});
