import fc from 'fast-check';
import { expect, it } from 'vitest';
import { exposedName, exposedUri, isOf, ownName, readUri } from './names.ts';
import { compileMcp, mcpConfig } from './settings.ts';

const prefix = fc.stringMatching(/^[A-Za-z0-9]{1,4}(?:[_-][A-Za-z0-9]{1,3}){0,2}-?$/);
const name = fc.stringMatching(/^[A-Za-z0-9_.-]{1,40}$/);
const longest = fc.constantFrom(64, 128);

it('are never one for two things, whatever delimiters stand in them', () => {
  fc.assert(
    fc.property(prefix, name, prefix, name, longest, (p1, n1, p2, n2, most) => {
      if (p1 === p2 && n1 === n2) return;
      expect(exposedName(p1, n1, most)).not.toBe(exposedName(p2, n2, most));
    }),
    { examples: [['acme', '_status', 'acme-', 'status', 64]], numRuns: 2_000 },
  );
});

it('lead back to the name, and stay within what models take', () => {
  fc.assert(
    fc.property(prefix, fc.stringMatching(/^[A-Za-z0-9_.-]{1,120}$/), longest, (p, n, most) => {
      const exposed = exposedName(p, n, most);
      expect(exposed.length).toBeLessThanOrEqual(most);
      expect(isOf(p, exposed)).toBe(true);
      const own = ownName(p, exposed, most);
      // Where it may have been cut nobody guesses.
      if (own !== undefined) expect(own).toBe(n);
      else expect(exposed).toHaveLength(most);
    }),
  );
});

it('are of one prefix only, also where one begins with another', () => {
  expect([isOf('ac', 'acme__x'), isOf('acme', 'acme__x'), isOf('', 'acme__x'), isOf('acme', 'acme_x')]).toEqual([
    false,
    true,
    false,
    false,
  ]);
});

it('that are cut differ by what was cut away', () => {
  const names = Array.from({ length: 500 }, (_, at) => exposedName('p', `${'x'.repeat(80)}${at}`, 64));
  expect(new Set(names).size).toBe(names.length);
});

it('addresses lead back to their source, templates too', () => {
  fc.assert(
    fc.property(prefix, fc.stringMatching(/^[a-z]{1,6}:[a-z0-9/{}?%._-]{0,30}$/), (p, uri) => {
      expect(readUri(exposedUri(p, uri))).toEqual({ prefix: p, uri });
    }),
  );
  expect(exposedUri('a', 'file:///{path}')).toBe('weir:a/file:///{path}');
  expect(readUri('file:///x')).toEqual({ prefix: '', uri: 'file:///x' });
});

it.each(['a__b', 'a_', '_a', 'a b', 'ä', '__'])('%s is no prefix', (each) => {
  expect(mcpConfig.safeParse({ sources: [{ kind: 'remote', url: 'https://a.example/mcp', prefix: each }] }).success).toBe(false);
});

it('a route tells what is wrong with its sources that no schema says', () => {
  const source = { kind: 'remote' as const, url: 'https://a.example/mcp' };
  const faults = (sources: object[], local = false) =>
    compileMcp(mcpConfig.parse({ sources }), { local }).problems.map(({ path }) => path.join('.'));
  expect(faults([source])).toEqual([]);
  expect(
    faults([
      { ...source, prefix: 'x' },
      { ...source, name: 'y', prefix: 'x' },
    ]),
  ).toEqual(['sources.1.prefix']);
  expect(
    faults([
      { ...source, name: 'x' },
      { ...source, name: 'x', prefix: 'z' },
    ]),
  ).toEqual(['sources.1.name']);
  expect(faults([{ ...source, url: 'http://127.0.0.1:1/mcp' }])).toEqual(['sources.0.url']);
  expect(faults([{ ...source, url: 'http://127.0.0.1:1/mcp' }], true)).toEqual([]);
  expect(faults([{ ...source, url: 'https://10.0.0.1/mcp' }])).toEqual(['sources.0.url']);
  expect(faults([{ ...source, key: { value: 'k' } }])).toEqual(['sources.0.key']);
});
