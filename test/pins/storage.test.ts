import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

const root = path.join(import.meta.dirname, '../..');

/** Tables and their columns, as the migrations make them. */
function tables(): { readonly [table: string]: readonly string[] } {
  const folder = path.join(root, 'migrations');
  const sql = readdirSync(folder)
    .sort()
    .map((name) => readFileSync(path.join(folder, name), 'utf8'))
    .join('\n')
    .replaceAll(/--[^\n]*/g, '');
  const made = [...sql.matchAll(/CREATE TABLE (\w+) \(([\s\S]*?)\n\)(?: WITHOUT ROWID)?;/g)];
  const added = [...sql.matchAll(/ALTER TABLE (\w+) ADD COLUMN (\w+) /g)];
  return Object.fromEntries(
    made.map(([, table = '', body = '']) => [
      table,
      [
        ...[...body.matchAll(/^ {2}([a-z]\w*) /gm)].map(([, column = '']) => column),
        ...added.flatMap(([, to, column = '']) => (to === table ? [column] : [])),
      ],
    ]),
  );
}

/** The first cells of each table of docs/storage.md, under the headings that are names of tables. */
function documented(): { readonly [table: string]: readonly string[] } {
  const [, ...sections] = readFileSync(path.join(root, 'docs/storage.md'), 'utf8').split(/^### `/m);
  return Object.fromEntries(
    sections.map((section) => {
      const [own = ''] = section.split(/^## /m);
      return [own.slice(0, own.indexOf('`')), [...own.matchAll(/^\| `(\w+)` \|/gm)].map(([, column = '']) => column)];
    }),
  );
}

it('docs/storage.md names every table and column of the migrations, in their order', () => {
  expect(documented()).toEqual(tables());
  expect(Object.keys(tables())).toContain('requests');
});
