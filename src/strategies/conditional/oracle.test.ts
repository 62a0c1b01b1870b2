import { Environment } from '@marcbachmann/cel-js';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fakeCall, fakeExchange, fakeTools } from '../../core/fakes.ts';
import type { JsonObject } from '../../core/json.ts';
import { CallFacts } from './facts.ts';
import { routingRule } from './variables.ts';

// Another implementation of the language says what it says of the same expressions.

const NOW = Date.UTC(2026, 10, 21, 23, 30);

const other = new Environment({ homogeneousAggregateLiterals: true })
  .registerVariable('model', 'string')
  .registerVariable('stream', 'bool')
  .registerVariable('metadata', 'map<string, dyn>')
  .registerVariable('headers', 'map<string, string>')
  .registerVariable('country', 'string')
  .registerVariable('tokens', 'map<string, int>')
  .registerVariable('images', 'int')
  .registerVariable('time', 'google.protobuf.Timestamp');

type Texts = { readonly boolean: string; readonly whole: string; readonly text: string; readonly loose: string };

/** Expressions whose types fit for the most part, so that most are rules. */
const { boolean } = fc.letrec<Texts>((tie) => {
  const pair = (of: keyof Texts, signs: readonly string[]) =>
    fc.tuple(tie(of), fc.constantFrom(...signs), tie(of)).map(([left, sign, right]) => `(${left} ${sign} ${right})`);
  return {
    boolean: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      fc.constantFrom('true', 'false', 'stream'),
      pair('boolean', ['&&', '||', '==', '!=']),
      pair('whole', ['==', '!=', '<', '<=', '>', '>=']),
      pair('text', ['==', '!=', '<', '>=']),
      pair('loose', ['==', '!=', '<', 'in', '&&', '||']),
      tie('boolean').map((of) => `!${of}`),
      fc.tuple(tie('boolean'), tie('boolean'), tie('boolean')).map(([when, yes, no]) => `(${when} ? ${yes} : ${no})`),
      fc.tuple(tie('text'), fc.constantFrom('startsWith("a")', 'endsWith("b")', 'contains("a")')).map(([on, what]) => `${on}.${what}`),
      fc
        .tuple(
          fc.constantFrom('[1, 2, 3]', '["a", "b"]', '[metadata.a]', 'metadata', 'metadata.list', '[]'),
          fc.constantFrom('exists', 'all', 'exists_one'),
          tie('boolean'),
        )
        .map(([over, loop, test]) => `${over}.${loop}(x, ${test})`),
      fc.constantFrom('has(metadata.a)', '"a" in metadata', '"x-a" in headers', 'time > timestamp("2026-01-01T00:00:00+01:00")'),
      fc.constantFrom('time - timestamp("2026-11-21T00:00:00Z") > duration("1h30m")', 'time + duration("-90s") < time'),
    ),
    whole: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      fc.constantFrom('images', 'tokens.input', '0', '1', '-1', '7', '0x1F', '9223372036854775807', '-9223372036854775807'),
      pair('whole', ['+', '-', '*', '/', '%']),
      // Not of any number: the other one lets the least of all be turned round, which has no counterpart.
      fc.constantFrom('-images', '-tokens.input', '-(7)'),
      tie('text').map((of) => `size(${of})`),
      fc.constantFrom(
        'time.getHours()',
        'time.getDayOfWeek("Asia/Kolkata")',
        'time.getHours("America/New_York")',
        'time.getDate("Europe/Zurich")',
        'time.getMonth("UTC")',
        'int("12")',
        'int(-2.9)',
      ),
    ),
    text: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(
        'model',
        'country',
        '"a"',
        "'a\\'b'",
        '"\\u00e9"',
        'r"\\d"',
        '"""a"b"""',
        'headers["x-a"]',
        'headers["x-none"]',
        '"😀"',
      ),
      pair('text', ['+']),
      tie('whole').map((of) => `string(${of})`),
      fc.constantFrom('model.lowerAscii()', 'model.upperAscii()', '" a ".trim()'),
    ),
    loose: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(
        'metadata.a',
        'metadata["b"]',
        'metadata.list',
        'metadata.none',
        'metadata.list[0]',
        'null',
        '1',
        '2.5',
        '"a"',
        '[1]',
        'metadata',
        'x',
      ),
      tie('boolean'),
      tie('whole'),
      pair('loose', ['-', '*']),
    ),
  };
});

const said = fc.record(
  {
    a: fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom('a', 'b', true, false, null)),
    b: fc.constantFrom('a', 1, 2.5, true),
    list: fc.array(fc.constantFrom(1, 2, 'a')),
  },
  { requiredKeys: [] },
);

/** As the other one is given them: the very same values. */
const contextOf = (facts: CallFacts) => ({
  model: facts.model,
  stream: facts.stream,
  metadata: facts.metadata,
  headers: facts.headers,
  country: facts.country,
  tokens: facts.tokens,
  images: facts.images,
  time: facts.time,
});

function theirs(text: string, facts: CallFacts): boolean | 'fault' | 'refused' {
  const parsed = (() => {
    try {
      return other.parse(text);
    } catch {
      return undefined;
    }
  })();
  if (parsed?.check().valid !== true) return 'refused';
  try {
    const value: unknown = parsed(contextOf(facts));
    return typeof value === 'boolean' ? value : 'fault';
  } catch {
    return 'fault';
  }
}

function ours(text: string, facts: CallFacts): boolean | 'fault' | 'refused' {
  try {
    const { holds, fault } = routingRule(text).judge(facts);
    return fault === undefined ? holds : 'fault';
  } catch {
    return 'refused';
  }
}

it('every rule means what it means elsewhere', () => {
  const seen = { true: 0, false: 0, fault: 0, refused: 0 };
  fc.assert(
    fc.property(boolean, said, (text, metadata) => {
      const facts = new CallFacts(
        fakeCall({ model: 'Model-a', stream: true, messages: ['Hi'] }),
        fakeExchange({ metadata: metadata as JsonObject, country: 'CH' }),
        fakeTools({ now: NOW }),
      );
      const verdict = ours(text, facts);
      const expected = theirs(text, facts);
      // Each refuses a few that the other lets through to fail, or not, with the call.
      const isRefused = verdict === 'refused' || expected === 'refused';
      seen[isRefused ? 'refused' : (`${verdict}` as const)]++;
      if (!isRefused) expect(verdict).toBe(expected);
    }),
    { numRuns: 1000 },
  );
  expect(seen.true + seen.false).toBeGreaterThan(300);
  expect(seen.fault).toBeGreaterThan(30);
});
