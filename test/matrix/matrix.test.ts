import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { translationPage } from '../../scripts/translation-page.ts';
import { callCases } from './calls.ts';
import { replyCases } from './replies.ts';
import { clients as dialects, rows, upstreams } from './table.ts';

// The table of what every client can ask of every provider, and hear of it. `WEIR_GOLDENS=write npx vitest run --project
// gateway test/matrix` writes it anew, to be read before it is committed. Automated runs only ever compare.
const TABLE = path.join(import.meta.dirname, 'matrix.json');
const isWriting = process.env.WEIR_GOLDENS === 'write' && process.env.CI === undefined;

/** By provider's dialect, by row: a mark for each client's dialect in the roll's order. */
const made = Object.fromEntries(
  upstreams.map((provider) => [
    provider.id,
    Object.fromEntries(rows.map(({ name, cell }) => [name, dialects.map((client) => cell(client, provider))])),
  ]),
);
const marks = Object.fromEntries(
  Object.entries(made).map(([provider, table]) => [
    provider,
    Object.fromEntries(Object.entries(table).map(([name, cells]) => [name, cells.map(({ mark }) => mark).join(' ')])),
  ]),
);

if (isWriting) writeFileSync(TABLE, `${JSON.stringify({ clients: dialects.map(({ id }) => id), ...marks }, undefined, 2)}\n`);
const golden: unknown = existsSync(TABLE) ? JSON.parse(readFileSync(TABLE, 'utf8')) : {};

describe('what every client can say to every provider', () => {
  it('has cases enough, and every dialect on both sides', () => {
    expect(callCases.length + replyCases.length).toBeGreaterThanOrEqual(60);
    expect(upstreams.length).toBeGreaterThanOrEqual(7);
  });

  it.each(upstreams.map(({ id }) => id))('is in the table: %s', (id) => {
    const width = Math.max(...rows.map(({ name }) => name.length));
    const head = `${`provider: ${id}`.padEnd(width)}  ${dialects.map((client) => client.id).join(' | ')}`;
    const lines = Object.entries(marks[id] ?? {}).map(([name, row]) => `${name.padEnd(width)}  ${row}`);
    console.log([head, ...lines].join('\n'));
    expect({ [id]: marks[id] }).toEqual({ [id]: (golden as { readonly [provider: string]: unknown })[id] });
  });

  it('is what docs/translation.md says: `npm run docs` writes it', () => {
    expect(readFileSync(path.join(import.meta.dirname, '../../docs/translation.md'), 'utf8')).toBe(translationPage());
  });

  it('never changes without being named', () => {
    const silent = upstreams.flatMap(({ id }) =>
      Object.entries(made[id] ?? {}).flatMap(([name, cells]) =>
        cells.flatMap(({ mark }, at) => (mark === '!' ? [`${dialects[at]?.id} → ${id}: ${name}`] : [])),
      ),
    );
    expect(silent).toEqual([]);
  });
});
